"""What earlier runs read of a tree's files, by file identity: a wrong or lost cache costs time, never correctness."""

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from mirrorsync.errors import HeaderError, PlanError
from mirrorsync.files import FileIdentity, make_directory, remove_file
from mirrorsync.model.package import Package
from mirrorsync.planning.document import package_document, package_from

_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS file (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER,
                                 sha256 TEXT, package TEXT, problem TEXT, checksum INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS paths (sha256 TEXT PRIMARY KEY, paths BLOB);
CREATE TABLE IF NOT EXISTS part (sha256 TEXT, kind TEXT, location BLOB, content BLOB, checksum INTEGER,
                                 PRIMARY KEY (sha256, kind, location));
"""
_FAULTS = (sqlite3.Error, UnicodeDecodeError)  # what a damaged file is; its messages quote bytes of it that need be no text
_Row = Sequence[Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CachedFile:
    """What is known of one file: its digest and, of a package, its description or why it cannot be read."""

    identity: FileIdentity
    sha256: str
    package: Package | None = None
    problem: str | None = None


class TreeCache:
    """An SQLite file under the state directory; use it as a context manager.

    A damaged file is made anew, and where the disk refuses it the cache is kept in memory: no method fails for it.
    `part` holds what an index needs of a package, as bytes, by the package's SHA-256, the index's kind and the location.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _database(self) -> sqlite3.Connection:
        """Opened when it is first asked something: a run with nothing to do never does."""
        return _opened(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if "_database" in self.__dict__:
            self._database.close()

    def files(self) -> Mapping[str, CachedFile]:
        """Everything known, by path below the tree."""
        rows = self._rows("SELECT path, size, mtime_ns, inode, sha256, package, problem, checksum FROM file")
        known = (_read(_cached, row) for row in rows)
        return {file.identity.path: file for file in known if file is not None}

    def remember(self, files: Iterable[CachedFile]) -> None:
        """Add or replace what is known of these files."""
        self._write("REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_file_row, files))

    def forget_all_but(self, paths: Iterable[str]) -> None:
        """Drop what is known of files that are no longer there."""
        known = {row[0] for row in self._rows("SELECT path FROM file")}
        self._write("DELETE FROM file WHERE path = ?", ((path,) for path in known - set(map(_bytes, paths))))
        self._write("DELETE FROM paths WHERE sha256 NOT IN (SELECT sha256 FROM file)", [()])
        self._write("DELETE FROM part WHERE sha256 NOT IN (SELECT sha256 FROM file)", [()])

    def remember_paths(self, paths: Mapping[str, Iterable[str]]) -> None:
        """Keep the full file lists of packages, by the package's SHA-256."""
        rows = ((sha256, zlib.compress(_bytes("\n".join(names)), 1)) for sha256, names in paths.items())
        self._write("REPLACE INTO paths VALUES (?, ?)", rows)

    def with_paths(self) -> frozenset[str]:
        """The SHA-256 of the packages whose file lists are known."""
        return frozenset(row[0] for row in self._rows("SELECT sha256 FROM paths"))

    def owners(self, wanted: frozenset[str]) -> Mapping[str, frozenset[str]]:
        """Which of the `wanted` paths each package has: SHA-256 to paths, packages without any left out."""
        found = {row[0]: wanted.intersection(_read(_names, row) or ()) for row in self._rows("SELECT sha256, paths FROM paths")}
        return {sha256: own for sha256, own in found.items() if own}

    def made(
        self,
        kind: str,
        packages: Iterable[Package],
        *,
        read: Callable[[bytes], T],
        make: Callable[[Package], T],
        pack: Callable[[T], bytes],
    ) -> list[T]:
        """What the index `kind` needs of each package: remembered as bytes and `read`, or else made, and remembered as it is packed.

        `read` raises ValueError or HeaderError for what it did not expect; that is made anew.
        """
        known = self.parts(kind)
        fresh: dict[tuple[str, str], bytes] = {}
        parts = []
        for package in packages:
            key = (package.digest.value if package.digest else "", package.location)
            try:
                part = read(known[key])
            except (KeyError, ValueError, HeaderError):
                part = make(package)
                fresh[key] = pack(part)
            parts.append(part)
        self.remember_parts(kind, fresh)
        return parts

    def parts(self, kind: str) -> Mapping[tuple[str, str], bytes]:
        """All parts of one kind, by (SHA-256, location)."""
        rows = self._rows("SELECT sha256, location, content, checksum FROM part WHERE kind = ?", kind)
        known = (_read(_part, row) for row in rows)
        return dict(part for part in known if part is not None)

    def remember_parts(self, kind: str, parts: Mapping[tuple[str, str], bytes]) -> None:
        """Keep parts of one kind, by (SHA-256, location)."""
        rows = ((sha256, kind, _bytes(location), content, zlib.crc32(content)) for (sha256, location), content in parts.items())
        self._write("REPLACE INTO part VALUES (?, ?, ?, ?, ?)", rows)

    def _rows(self, query: str, *values: str) -> list[_Row]:
        try:
            return self._database.execute(query, values).fetchall()
        except _FAULTS:
            self._database.close()
            self._database = _anew(self._path)
            return []

    def _write(self, statement: str, rows: Iterable[_Row]) -> None:
        with suppress(*_FAULTS), self._database:  # what is not remembered is read again
            self._database.executemany(statement, rows)


def _opened(path: Path) -> sqlite3.Connection:
    try:
        make_directory(path.parent)
        return _connected(str(path))
    except (*_FAULTS, OSError):
        return _anew(path)


def _anew(path: Path) -> sqlite3.Connection:
    """An empty database in the damaged one's place, in memory where the disk takes none."""
    try:
        remove_file(path)
        return _connected(str(path))
    except (*_FAULTS, OSError):
        return _connected(":memory:")


def _connected(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name)
    try:
        if database.execute("PRAGMA user_version").fetchone()[0] not in (0, _VERSION):
            raise sqlite3.DatabaseError("made by another version")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(f"PRAGMA user_version = {_VERSION};{_SCHEMA}")
    except _FAULTS:
        database.close()
        raise
    return database


def _bytes(text: str) -> bytes:
    """A path or the like as it is on disk: SQLite's text takes none that is not UTF-8."""
    return text.encode(errors="surrogateescape")


def _file_row(file: CachedFile) -> _Row:
    known = file.identity
    document = json.dumps(package_document(file.package), separators=(",", ":")) if file.package else None
    checksum = zlib.crc32(f"{file.sha256}{document}".encode())
    problem = file.problem and file.problem.encode(errors="replace").decode()
    return (_bytes(known.path), known.size, known.mtime_ns, known.inode, file.sha256, document, problem, checksum)


def _read(convert: Callable[[_Row], Any], row: _Row) -> Any:
    """The row converted, None where it is not what was written: it is read from the tree again."""
    try:
        return convert(row)
    except (PlanError, ValueError, TypeError, AttributeError, zlib.error, RecursionError):
        return None


def _cached(row: _Row) -> CachedFile | None:
    path, size, mtime_ns, inode, sha256, document, problem, checksum = row
    if zlib.crc32(f"{sha256}{document}".encode()) != checksum:
        return None
    package = package_from(json.loads(document)) if document else None
    return CachedFile(FileIdentity(path.decode(errors="surrogateescape"), size, mtime_ns, inode), sha256, package, problem)


def _names(row: _Row) -> list[str]:
    return zlib.decompress(row[1]).decode(errors="surrogateescape").split("\n")


def _part(row: _Row) -> tuple[tuple[str, str], bytes] | None:
    sha256, location, content, checksum = row
    return ((sha256, location.decode(errors="surrogateescape")), content) if zlib.crc32(content) == checksum else None
