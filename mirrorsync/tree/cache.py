"""What earlier runs read of a tree's files, by file identity: a wrong or lost cache costs time, never correctness."""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from mirrorsync.errors import PlanError
from mirrorsync.files import FileIdentity, make_directory
from mirrorsync.model.package import Package
from mirrorsync.planning.document import package_document, package_from

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS file (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER,
                                 sha256 TEXT NOT NULL, package TEXT, problem TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS paths (sha256 TEXT PRIMARY KEY, paths BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS part (sha256 TEXT, kind TEXT, location TEXT, content BLOB NOT NULL, PRIMARY KEY (sha256, kind, location));
"""


@dataclass(frozen=True, slots=True)
class CachedFile:
    """What is known of one file: its digest and, of a package, its description or why it cannot be read."""

    identity: FileIdentity
    sha256: str
    package: Package | None = None
    problem: str | None = None


class TreeCache:
    """An SQLite file under the state directory; use it as a context manager.

    `part` holds what an index needs of a package, as bytes, by the package's SHA-256, the index's kind and the location.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _database(self) -> sqlite3.Connection:
        """Opened when it is first asked something: a run with nothing to do never does."""
        make_directory(self._path.parent)
        return _opened(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if "_database" in self.__dict__:
            self._database.close()

    def files(self) -> Mapping[str, CachedFile]:
        """Everything known, by path below the tree."""
        rows = self._database.execute("SELECT path, size, mtime_ns, inode, sha256, package, problem FROM file")
        known = (_cached(row) for row in rows)
        return {file.identity.path: file for file in known if file is not None}

    def remember(self, files: Iterable[CachedFile]) -> None:
        """Add or replace what is known of these files."""
        rows = [
            (
                file.identity.path, file.identity.size, file.identity.mtime_ns, file.identity.inode, file.sha256,
                json.dumps(package_document(file.package), separators=(",", ":")) if file.package else None, file.problem,
            )
            for file in files
        ]
        with self._database:
            self._database.executemany("REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def forget_all_but(self, paths: Iterable[str]) -> None:
        """Drop what is known of files that are no longer there."""
        known = {row[0] for row in self._database.execute("SELECT path FROM file")}
        with self._database:
            self._database.executemany("DELETE FROM file WHERE path = ?", [(path,) for path in known - set(paths)])
            for table in ("paths", "part"):
                self._database.execute(f"DELETE FROM {table} WHERE sha256 NOT IN (SELECT sha256 FROM file)")  # noqa: S608  the two names above

    def remember_paths(self, paths: Mapping[str, Iterable[str]]) -> None:
        """Keep the full file lists of packages, by the package's SHA-256."""
        rows = [(sha256, zlib.compress("\n".join(names).encode(errors="surrogateescape"), 1)) for sha256, names in paths.items()]
        with self._database:
            self._database.executemany("REPLACE INTO paths VALUES (?, ?)", rows)

    def owners(self, wanted: frozenset[str]) -> Mapping[str, frozenset[str]]:
        """Which of the `wanted` paths each package has: SHA-256 to paths, packages without any left out."""
        found: dict[str, frozenset[str]] = {}
        for sha256, blob in self._database.execute("SELECT sha256, paths FROM paths"):
            own = wanted.intersection(zlib.decompress(blob).decode(errors="surrogateescape").split("\n"))
            if own:
                found[sha256] = own
        return found

    def parts(self, kind: str) -> Mapping[tuple[str, str], bytes]:
        """All parts of one kind, by (SHA-256, location)."""
        rows = self._database.execute("SELECT sha256, location, content FROM part WHERE kind = ?", (kind,))
        return {(sha256, location): content for sha256, location, content in rows}

    def remember_parts(self, kind: str, parts: Mapping[tuple[str, str], bytes]) -> None:
        """Keep parts of one kind, by (SHA-256, location)."""
        rows = [(sha256, kind, location, content) for (sha256, location), content in parts.items()]
        with self._database:
            self._database.executemany("REPLACE INTO part VALUES (?, ?, ?, ?)", rows)


def _opened(path: Path) -> sqlite3.Connection:
    """The database, made anew where it is damaged or of another version: it is disposable."""
    try:
        return _connected(path)
    except sqlite3.DatabaseError:
        path.unlink(missing_ok=True)
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    try:
        if database.execute("PRAGMA user_version").fetchone()[0] not in (0, _VERSION):
            raise sqlite3.DatabaseError("made by another version")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("damaged")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(f"PRAGMA user_version = {_VERSION};{_SCHEMA}")
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def _cached(row: tuple[str, int, int, int, str, str | None, str | None]) -> CachedFile | None:
    path, size, mtime_ns, inode, sha256, document, problem = row
    try:
        package = package_from(json.loads(document)) if document else None
    except (PlanError, ValueError):
        return None
    return CachedFile(FileIdentity(path, size, mtime_ns, inode), sha256, package, problem)
