"""One file from one place into a partial file: resumed where it is still the same file, never spliced of two."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import BinaryIO, Protocol

from mirrorsync.errors import VerificationError
from mirrorsync.files import appending, remove_file, write_file
from mirrorsync.model.arriving import Arriving
from mirrorsync.model.package import Package
from mirrorsync.upstream.body import Body, TransferCutError
from mirrorsync.upstream.mirror import without_credentials
from mirrorsync.upstream.transport import Transport


class Progress(Protocol):
    """What a person is shown of it; called from several threads."""

    def started(self, file: Arriving, already: int) -> None:
        """The transfer goes on after `already` bytes; again for one that begins anew or at another place."""

    def received(self, file: Arriving, size: int) -> None:
        """`size` more bytes have come."""

    def finished(self, file: Arriving) -> None:
        """It is here and verified, or given up."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is: its URL, and the door that opens it."""

    transport: Transport
    url: str


@dataclass(frozen=True, slots=True)
class Partial:
    """The file at `path` as far as it has come, and beside it whose it is: the URL and the validator it came with."""

    path: Path

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def source(self) -> str | None:
        """The URL of what is here, without credentials; None where that is not known."""
        return without_credentials(self._begun[0]) or None

    def validator(self, url: str) -> str | None:
        """What the mirror is to be asked with whether `url` is still the file begun here; None where that is not known."""
        whose, validator = self._begun
        return validator if whose == url and validator else None

    @contextmanager
    def writing(self, start: int, url: str, validator: str | None) -> Iterator[BinaryIO]:
        """The file to write on from `start`. A new beginning empties it before it says whose it is now."""
        with appending(self.path, start) as file:
            if start == 0:
                write_file(self._origin, f"{url}\n{validator or ''}".encode(errors="surrogateescape"))
            yield file

    def discard(self) -> None:
        """Begin from nothing next time."""
        self.forget_origin()
        remove_file(self.path)

    def forget_origin(self) -> None:
        """Remove what only a resumption needs."""
        remove_file(self._origin)

    @property
    def _begun(self) -> tuple[str, str]:
        """URL and validator of what is here; both '' where that is not known."""
        try:
            whose, _, validator = self._origin.read_text(encoding="utf-8").partition("\n")
        except (FileNotFoundError, UnicodeDecodeError):
            return "", ""
        return whose, validator

    @property
    def _origin(self) -> Path:
        return self.path.with_name(f"{self.path.name}.origin")


def download(place: Place, package: Package, partial: Partial, progress: Progress, stop: Event) -> None:
    """Bring `partial` to the package's size from `place`.

    Raises UpstreamError (TransferCutError where it can be resumed), VerificationError where the mirror's file is of another
    size than the planned one, and OSError where the disk does not take it.
    """
    validator = partial.validator(place.url)
    start = partial.size if validator else 0
    with place.transport.open(place.url, start=start, validator=validator if start else None) as body:
        if body.total not in (None, package.size):
            raise VerificationError(
                f"{place.url}: is {body.total} bytes where {package.size} were announced; none was used: another mirror may have it"
            )
        progress.started(package, body.start)
        with partial.writing(body.start, place.url, body.validator) as file:
            received = body.start + _append(body, file, package, progress, stop)
    if received > package.size:
        raise VerificationError(
            f"{place.url}: sends more than the {package.size} bytes announced; none was used: another mirror may have it"
        )
    if received < package.size:
        raise TransferCutError(f"{place.url}: ended after {received} of {package.size} bytes; the next run goes on from there")


def _append(body: Body, file: BinaryIO, package: Package, progress: Progress, stop: Event) -> int:
    """Write the body's bytes, none past the size announced, until it ends or the run does; how many came, too many included."""
    received = 0
    for chunk in body.chunks:
        if stop.is_set():
            break
        received += len(chunk)
        if body.start + received > package.size:
            break
        file.write(chunk)
        progress.received(package, len(chunk))
    return received
