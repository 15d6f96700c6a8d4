"""A mirror that is a folder of this machine."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mirrorsync.errors import UpstreamError
from mirrorsync.upstream.body import Body, Pace, Patience, RefusedError, stream
from mirrorsync.upstream.mirror import Mirror, local_path
from mirrorsync.upstream.pages import Entry, Kind, moment


class LocalTransport:
    """Files by path; links are followed, what is neither a file nor a folder is refused."""

    def __init__(self, mirror: Mirror) -> None:
        self._pace = Pace(mirror.max_rate)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing stays open."""

    @contextmanager
    def open(self, url: str, *, start: int = 0, end: int | None = None, validator: str | None = None) -> Iterator[Body]:
        """As Transport says; the validator is size and modification time."""
        path = local_path(url)
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise RefusedError(f"{path}: is not a file; it cannot be fetched")
            file = path.open("rb")
        except OSError as error:
            raise _refusal(path, error) from error
        with file:
            total = status.st_size
            present = f"{total}-{status.st_mtime_ns}"
            if validator == present and start == 0:
                yield Body(iter(()), total=total, validator=present, unchanged=True, url=url)
                return
            first = start if validator in (None, present) and start <= total else 0
            file.seek(first)
            chunks = stream(file.read, url=url, start=first, end=end, total=total, pace=self._pace, patience=Patience())
            yield Body(chunks, first, total, present, url=url)

    def entries(self, url: str) -> tuple[Entry, ...]:
        """As Transport says; links that lead nowhere and special files are left out."""
        folder = local_path(url)
        try:
            found = [_entry(path) for path in sorted(folder.iterdir())]
        except OSError as error:
            raise _refusal(folder, error) from error
        return tuple(entry for entry in found if entry is not None)


def _entry(path: Path) -> Entry | None:
    try:
        status = path.stat()
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return Entry(path.name, Kind.DIRECTORY, modified=moment(status.st_mtime))
    if stat.S_ISREG(status.st_mode):
        return Entry(path.name, Kind.FILE, status.st_size, exact=True, modified=moment(status.st_mtime))
    return None


def _refusal(path: Path, error: OSError) -> UpstreamError:
    return RefusedError(f"{path}: cannot be read: {error.strerror}; is the mirror's folder there and readable?")
