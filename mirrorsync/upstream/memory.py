"""What earlier runs read of a mirror's packages, by URL: disposable, a lost or damaged memory costs requests and nothing else."""

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar

from mirrorsync.errors import PlanError
from mirrorsync.files import make_directory
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.package import Package
from mirrorsync.planning.document import package_document, package_from

_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS package (url TEXT PRIMARY KEY, stamp TEXT NOT NULL, validator TEXT,
                                    document TEXT NOT NULL, paths BLOB NOT NULL, changelog BLOB NOT NULL) WITHOUT ROWID;
"""
_FAULTS = (
    sqlite3.Error,
    zlib.error,
    ValueError,
    TypeError,
    RecursionError,
)  # a damaged file: values of any kind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Remembered:
    """A package as its header said. stamp: what the listing said of the file ('' where it said nothing that changes with the file);
    validator: what the mirror can be asked with whether it is still that file.
    """

    package: Package
    stamp: str
    validator: str | None


class MirrorMemory:
    """An SQLite file; a context manager, safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._database = _opened(path)
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._closed = True
            self._database.close()

    def below(self, url: str) -> Mapping[str, Remembered]:
        """Everything known of files below `url`, by their URLs."""
        query = "SELECT url, stamp, validator, document FROM package WHERE url BETWEEN ? AND ?"
        rows: list[tuple[str, str, str | None, str]] = self._done(lambda database: database.execute(query, _range(url)).fetchall(), [])
        known = ((where, _remembered(stamp, validator, document)) for where, stamp, validator, document in rows)
        return {where: remembered for where, remembered in known if remembered is not None}

    def owners(self, url: str, wanted: frozenset[str]) -> Mapping[str, frozenset[str]]:
        """Which of the `wanted` paths the packages below `url` have, by URL; packages without any have an empty set."""
        found: dict[str, frozenset[str]] = {}

        def search(database: sqlite3.Connection) -> None:
            for where, blob in database.execute("SELECT url, paths FROM package WHERE url BETWEEN ? AND ?", _range(url)):
                found[where] = wanted.intersection(_unpacked(blob))

        self._done(search, None)
        return found

    def changelogs(self, urls: Iterable[str]) -> Mapping[str, tuple[ChangelogEntry, ...]]:
        """What these files' packages say of their changes, the newest first; of those that are not known nothing."""
        query = "SELECT url, changelog FROM package WHERE url = ?"
        found: dict[str, tuple[ChangelogEntry, ...]] = {}

        def search(database: sqlite3.Connection) -> None:
            for url in urls:
                found.update((where, _entries(blob)) for where, blob in database.execute(query, (url,)))

        self._done(search, None)
        return found

    def remember(self, url: str, remembered: Remembered, paths: Iterable[str], changelog: Iterable[ChangelogEntry] = ()) -> None:
        """Add or replace what is known of one file; `paths` are all of the package's."""
        document = json.dumps(package_document(remembered.package), separators=(",", ":"))
        told = _packed(json.dumps([entry.time, entry.author, entry.text]) for entry in changelog)
        row = (url, remembered.stamp, remembered.validator, document, _packed(paths), told)
        self._done(lambda database: database.execute("REPLACE INTO package VALUES (?, ?, ?, ?, ?, ?)", row), None)

    def restamp(self, url: str, stamp: str) -> None:
        """The file at `url` is still the one remembered, and this is what the listing says of it now."""
        self._done(lambda database: database.execute("UPDATE package SET stamp = ? WHERE url = ?", (stamp, url)), None)

    def forget(self, urls: Iterable[str]) -> None:
        """Drop what is known of these files: they are gone, or they turned out to be others."""
        rows = [(url,) for url in urls]
        self._done(lambda database: database.executemany("DELETE FROM package WHERE url = ?", rows), None)

    def _done(self, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What `action` returns; where the database fails, `otherwise`, and an empty one from then on.

        A thread that a stopped run left behind may still come here: what is closed stays as it is.
        """
        with self._lock:
            if self._closed:
                return otherwise
            try:
                with self._database:
                    return action(self._database)
            except _FAULTS:
                self._database.close()
                self._database = _renewed(self._path)
                return otherwise


def _opened(path: Path) -> sqlite3.Connection:
    try:
        make_directory(path.parent)
        return _connected(path)
    except (*_FAULTS, OSError):
        return _renewed(path)


def _renewed(path: Path) -> sqlite3.Connection:
    """An empty database in the place of a damaged one, in main memory where the disk does not take it."""
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
        return _connected(path)
    except (*_FAULTS, OSError):
        return _connected(Path(":memory:"))


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False)
    try:
        if database.execute("PRAGMA user_version").fetchone()[0] not in (0, _VERSION):
            raise sqlite3.DatabaseError("made by another version")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("damaged")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(f"PRAGMA user_version = {_VERSION};{_SCHEMA}")
    except _FAULTS:
        database.close()
        raise
    return database


def _range(url: str) -> tuple[str, str]:
    """The first and the last text that begins with `url/`."""
    return f"{url.rstrip('/')}/", f"{url.rstrip('/')}/\U0010ffff"


def _remembered(stamp: str, validator: str | None, document: str) -> Remembered | None:
    try:
        return Remembered(package_from(json.loads(document)), stamp, validator)
    except (PlanError, ValueError, TypeError, RecursionError):
        return None


def _packed(paths: Iterable[str]) -> bytes:
    return zlib.compress("\0".join(paths).encode(errors="surrogateescape"), 1)


def _unpacked(blob: bytes) -> list[str]:
    return zlib.decompress(blob).decode(errors="surrogateescape").split("\0")


def _entries(blob: bytes) -> tuple[ChangelogEntry, ...]:
    """Raises ValueError and the like for what was not written by `remember`."""
    parts = [json.loads(line) for line in _unpacked(blob) if line]
    return tuple(ChangelogEntry(int(time), str(author), str(text)) for time, author, text in parts)
