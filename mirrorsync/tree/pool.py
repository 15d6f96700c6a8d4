"""The pool: verified files under their SHA-256, and those that are still arriving.

    pool/ab/ab12…            a whole, verified file; st_nlink == 1 means that no generation uses it
    pool/incoming/KEY        what has arrived of a file, KEY says of which
    pool/incoming/KEY.kept   the SHA-256 it was kept under, for packages whose mirror tells none beforehand
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mirrorsync.errors import TreeError
from mirrorsync.files import make_directory, remove_file, settle, walk_files, write_file

_SHA256 = re.compile(r"[0-9a-f]{64}")
_INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class Pool:
    """The files below `folder`, which lies on the tree's own file system so that they can be linked into it."""

    folder: Path

    def path_of(self, sha256: str) -> Path:
        """Where the file with this SHA-256 (hex) is or would be. Raises TreeError for anything else."""
        if not _SHA256.fullmatch(sha256):
            raise TreeError(f"{sha256[:80]!r} is not a SHA-256 in hex; nothing can be kept under that name")
        return self.folder / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether a file is kept under this SHA-256."""
        return bool(_SHA256.fullmatch(sha256)) and self.path_of(sha256).is_file()

    def incoming(self, key: str) -> Path:
        """Where the file that its fetcher calls `key` arrives; the folder is there."""
        folder = self.folder / _INCOMING
        make_directory(folder)
        return folder / key

    def arrived(self, key: str) -> str | None:
        """The SHA-256 of the kept file that arrived as `key`, None where there is none."""
        try:
            sha256 = _note(self.incoming(key)).read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        return sha256 if self.has(sha256) else None

    def keep(self, partial: Path, sha256: str) -> Path:
        """Move a whole, verified file from `incoming` to its place; durable when this returns."""
        target = self.path_of(sha256)
        settle(partial, target)
        write_file(_note(partial), sha256.encode())
        return target

    def prune(self) -> int:
        """Remove the files that no generation uses; how many bytes that freed."""
        freed = 0
        for path, size in list(self._unused()):
            remove_file(path)
            freed += size
        for note in self._arriving("*.kept"):
            if self.arrived(note.stem) is None:
                remove_file(note)
        return freed

    def prune_incoming(self, before: datetime) -> int:
        """Remove what began to arrive, was last written to before then, and will not be asked for again; bytes freed."""
        freed = 0
        for path in self._arriving("*"):
            status = path.stat()
            if path.suffix != ".kept" and status.st_mtime < before.timestamp():
                remove_file(path)
                freed += status.st_size
        return freed

    def _unused(self) -> Iterator[tuple[Path, int]]:
        """(path, bytes) of each kept file that has no other name."""
        if not self.folder.is_dir():
            return
        for name, entry in walk_files(self.folder):
            status = entry.stat(follow_symlinks=False)
            if _SHA256.fullmatch(entry.name) and not name.startswith(f"{_INCOMING}/") and status.st_nlink == 1:
                yield self.folder / name, status.st_size

    def _arriving(self, pattern: str) -> list[Path]:
        return sorted((self.folder / _INCOMING).glob(pattern))


def _note(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.kept")
