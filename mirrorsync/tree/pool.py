"""The pool: verified files under their SHA-256, and those that are still arriving.

pool/ab/ab12…            a whole, verified file; st_nlink == 1 means that no generation uses it
pool/incoming/KEY        what has arrived of a file, KEY says of which
pool/incoming/KEY.kept   the SHA-256 it was kept under, for packages whose mirror tells none beforehand, and the URL it came from
pool/incoming/KEY.origin which file of which mirror it is, for as long as it arrives
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from mirrorsync.errors import TreeError
from mirrorsync.files import make_directory, remove_file, settle, walk_files, write_file
from mirrorsync.tree.usage import InodeKey, inode_of

_SHA256 = re.compile(r"[0-9a-f]{64}")
_INCOMING = "incoming"
ORIGIN = ".origin"
_NOTHING: Mapping[InodeKey, int] = MappingProxyType({})


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
        make_directory(self.folder / _INCOMING)
        return self._place(key)

    def arrived(self, key: str) -> str | None:
        """The SHA-256 of the kept file that arrived as `key`, None where there is none."""
        sha256, _ = self._noted(key)
        return sha256 if self.has(sha256) else None

    def source(self, key: str) -> str | None:
        """Where the file that arrived as `key` came from; None where that is not known."""
        return self._noted(key)[1] or None

    def whole(self, key: str, sha256: str | None) -> Path | None:
        """The kept file with this SHA-256 or, where that is not known, the one that arrived as `key`; None where there is none."""
        known = sha256 if sha256 and self.has(sha256) else self.arrived(key)
        return self.path_of(known) if known else None

    def partial(self, key: str) -> Path | None:
        """What has arrived as `key` and is not whole."""
        return self._place(key) if self._place(key).is_file() else None

    def keep(self, partial: Path, sha256: str, source: str | None = None) -> Path:
        """Move a whole, verified file from `incoming` to its place; durable when this returns. A note without its file says nothing.

        source: the URL it came from.
        """
        target = self.path_of(sha256)
        write_file(_note(partial), f"{sha256}\n{source or ''}".encode(errors="surrogateescape"))
        settle(partial, target)
        return target

    def prune(self, before: datetime | None = None) -> int:
        """Remove the files that no generation uses, of those only what arrived `before`; how many bytes that freed."""
        unused = list(self.unused(before))
        freed = sum(path.stat().st_size for path in unused)
        for path in (*unused, *self.notes_of(unused)):
            remove_file(path)
        return freed

    def prune_incoming(self, before: datetime) -> int:
        """Remove what began to arrive, was last written to before then, and will not be asked for again; bytes freed."""
        abandoned = list(self.abandoned(before))
        freed = sum(path.stat().st_size for path in abandoned)
        for path in abandoned:
            remove_file(path)
        return freed

    def unused(self, before: datetime | None = None, going: Mapping[InodeKey, int] = _NOTHING) -> Iterator[Path]:
        """The kept files that no generation uses once `going` (how many other names of which inodes) are gone.

        With `before` only what arrived earlier: a run that was stopped has fetched what the next one will ask for.
        """
        if not self.folder.is_dir():
            return
        for name, entry in walk_files(self.folder):
            path = self.folder / name
            if name.startswith(f"{_INCOMING}/") or not _SHA256.fullmatch(entry.name) or (status := _status(path)) is None:
                continue
            if status.st_nlink <= 1 + going.get(inode_of(status).key, 0) and _earlier(status, before):
                yield path

    def notes_of(self, unused: Iterable[Path]) -> Iterator[Path]:
        """What says under which SHA-256 something was kept, where that is not there, or `unused`."""
        gone = {path.name for path in unused}
        for note in self._arriving("*.kept"):
            if self.arrived(note.stem) in (None, *gone):
                yield note

    def abandoned(self, before: datetime) -> Iterator[Path]:
        """What was last written to before then of files that are not whole, and what goes with them."""
        arriving = {path.name: path for path in self._arriving("*") if path.suffix != ".kept"}
        for path in arriving.values():
            whole = arriving.get(path.stem, path) if path.suffix == ORIGIN else path
            status = _status(whole)
            if status is not None and _earlier(status, before):
                yield path

    def _noted(self, key: str) -> tuple[str, str]:
        """What is noted of the file that arrived as `key`: its SHA-256 and where it came from."""
        try:
            sha256, _, source = _note(self._place(key)).read_text(encoding="utf-8", errors="surrogateescape").partition("\n")
        except FileNotFoundError:
            return "", ""
        return sha256.strip(), source.strip()

    def _place(self, key: str) -> Path:
        return self.folder / _INCOMING / key

    def _arriving(self, pattern: str) -> list[Path]:
        return sorted((self.folder / _INCOMING).glob(pattern))


def _status(path: Path) -> os.stat_result | None:
    """None where it has gone meanwhile."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _earlier(status: os.stat_result, before: datetime | None) -> bool:
    return before is None or status.st_mtime < before.timestamp()


def _note(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.kept")
