"""A folder of metadata files that earlier runs fetched, each by its checksum, and the repomd.xml that named them."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from mirrorsync.errors import UnpackingError, UpstreamError
from mirrorsync.files import make_directory, remove_tree, write_file
from mirrorsync.model.package import Digest
from mirrorsync.unpacking import unpacked
from mirrorsync.upstream.repomd import Record

_REPOMD = "repomd.xml"
_SEEN = "repomd.json"
_LIST = "mirrors"
_REMEDY = "refused: run again, the mirror may be changing, or use another mirror"
_WHOLE_LIMIT = 256 << 20  # bytes of a file that is read into memory at once


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the kept repomd.xml came from, what to ask that place with next time, and its SHA-256 in hex.

    terms: under which it was taken.  signed: whether its signature was verified then.
    """

    url: str
    validator: str | None
    sha256: str
    terms: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class MetadataFolder:
    """Disposable: what is missing or damaged is fetched again."""

    path: Path

    def repomd(self) -> tuple[Seen, bytes] | None:
        """The repomd.xml of the last run, None where there is none or it is not the one that was kept."""
        try:
            content = (self.path / _REPOMD).read_bytes()
            seen = Seen(**json.loads((self.path / _SEEN).read_bytes()))
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return (seen, content) if hashlib.sha256(content).hexdigest() == seen.sha256 else None

    def keep_repomd(self, seen: Seen, content: bytes) -> None:
        """Keep a repomd.xml for the next run."""
        make_directory(self.path)
        write_file(self.path / _REPOMD, content)
        write_file(self.path / _SEEN, json.dumps(asdict(seen), indent=1).encode())

    def mirrors(self) -> bytes | None:
        """The mirrorlist or metalink of the last run."""
        try:
            return (self.path / _LIST).read_bytes()
        except OSError:
            return None

    def keep_mirrors(self, content: bytes) -> None:
        """Keep a mirrorlist or metalink for a run that cannot get it."""
        if content != self.mirrors():
            make_directory(self.path)
            write_file(self.path / _LIST, content)

    def holds(self, record: Record) -> bool:
        """Whether the file is here and still is what repomd.xml says."""
        try:
            with self._path(record).open("rb") as file:
                return hashlib.file_digest(file, lambda: _hash(record.checksum)).hexdigest() == record.checksum.value
        except OSError:
            return False

    def keep(self, record: Record, chunks: Iterable[bytes], *, source: str) -> None:
        """Write the file while its size and checksum are verified; UpstreamError, which names `source`, and no file where they differ."""
        make_directory(self.path)
        write_file(self._path(record), _verified(record, chunks, source))

    @contextmanager
    def unpacked(self, record: Record, *, source: str) -> Iterator[Iterator[bytes]]:
        """The kept file's bytes, unpacked as they are read and no more of them than repomd.xml allows."""
        with self._path(record).open("rb") as file:
            yield _unpacked(file, source, record.open_size_limit)

    def content(self, record: Record, *, source: str) -> bytes:
        """The kept file unpacked, all at once; UpstreamError beyond 256 MiB."""
        with self._path(record).open("rb") as file:
            return b"".join(_unpacked(file, source, min(record.open_size_limit, _WHOLE_LIMIT)))

    def drop_all_but(self, records: Iterable[Record]) -> None:
        """Remove the metadata files that none of `records` names."""
        wanted = {_REPOMD, _SEEN, _LIST, *(self._path(record).name for record in records)}
        for path in sorted(self.path.iterdir()):
            if path.name not in wanted:
                remove_tree(path)

    def _path(self, record: Record) -> Path:
        return self.path / f"{record.checksum.algorithm}-{record.checksum.value}"


def _unpacked(file: BinaryIO, source: str, limit: int) -> Iterator[bytes]:
    try:
        yield from unpacked(file, limit=limit)
    except UnpackingError as error:
        raise UpstreamError(f"{source}: {error}; refused: use another mirror, and tell its owner") from error


def _verified(record: Record, chunks: Iterable[bytes], source: str) -> Iterator[bytes]:
    digest = _hash(record.checksum)
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > record.size_limit:
            raise UpstreamError(f"{source}: is longer than the {record.size_limit} bytes that repomd.xml gives it; {_REMEDY}")
        digest.update(chunk)
        yield chunk
    if record.size is not None and size != record.size:
        raise UpstreamError(f"{source}: has {size} of the {record.size} bytes that repomd.xml gives it; {_REMEDY}")
    if (found := digest.hexdigest()) != record.checksum.value:
        said = f"{record.checksum.algorithm} {found[:12]}…, repomd.xml says {record.checksum.value[:12]}…"
        raise UpstreamError(f"{source}: {said}; {_REMEDY}")


def _hash(checksum: Digest) -> "hashlib._Hash":
    return hashlib.new(checksum.algorithm, usedforsecurity=False)
