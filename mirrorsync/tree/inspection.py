"""Files on disk held against the list of what they should be, reading no more bytes than is asked for."""

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from pathlib import Path

from mirrorsync.files import sha256_of, walk_files
from mirrorsync.model.edit import Edit, EditKind
from mirrorsync.model.generation import FileRecord
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.reading import content_digest

_Identity = tuple[int, int, int]


class Depth(Enum):
    """Whose bytes are read: no file's; those that nobody read since they last changed; or every file's."""

    SIZES = auto()
    CHANGED = auto()
    BYTES = auto()


class Inspection:
    """Digests by inode, size and time: what has many names is read once. `informed`: earlier runs' digests are known."""

    def __init__(self, cache: TreeCache) -> None:
        self._cached: dict[_Identity, str] = {
            (file.identity.inode, file.identity.size, file.identity.mtime_ns): file.sha256 for file in cache.files().values()
        }
        self.informed = bool(self._cached)
        self._read: dict[_Identity, str] = {}

    def edits(self, root: Path, files: Sequence[FileRecord], depth: Depth) -> tuple[Edit, ...]:
        """What differs below `root` from `files`, sorted by path; a stamp is passed over. Raises OSError."""
        return tuple(sorted(self._edits(root, files, depth), key=lambda edit: edit.path))

    def _edits(self, root: Path, files: Sequence[FileRecord], depth: Depth) -> Iterator[Edit]:
        there = {name for name, entry in walk_files(root) if entry.is_file() or entry.is_symlink()} - {STAMP} if root.is_dir() else set()
        recorded = {record.path for record in files}
        yield from (Edit(EditKind.ADDED, path) for path in there - recorded)
        yield from (Edit(EditKind.REMOVED, path) for path in recorded - there)
        for record in files:
            if record.path in there and not self._same(root / record.path, record, depth):
                yield Edit(EditKind.REPLACED, record.path)

    def _same(self, path: Path, record: FileRecord, depth: Depth) -> bool:
        if path.is_symlink():
            return content_digest(path) == record.sha256
        found = self.digest(path, depth)
        return path.stat().st_size == record.size and found in (None, record.sha256)

    def digest(self, path: Path, depth: Depth) -> str | None:
        """The SHA-256 of a file as far as `depth` lets it be known."""
        status = path.stat()
        identity = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._read.get(identity) or (None if depth is Depth.BYTES else self._cached.get(identity))
        if known is None and depth is not Depth.SIZES:
            known = self._read[identity] = sha256_of(path)
        return known
