"""Every advisory that concerned a tree, whole, in an SQLite file: a lost one costs the titles of old errata."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

from mirrorsync.errors import PlanError
from mirrorsync.files import make_directory, remove_file
from mirrorsync.model.advisory import Advisory
from mirrorsync.planning.document import advisory_document, advisory_from
from mirrorsync.planning.node import Node

LIBRARY = "errata.sqlite"
_VERSION = 1
_TABLE = "advisory (id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID"
_WRITE = "INSERT INTO advisory VALUES (?, ?) ON CONFLICT DO UPDATE SET document = excluded.document WHERE document <> excluded.document"
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH})
_MOST = 200  # of ids for completion
_FAULTS = (PlanError, ValueError, RecursionError)
_REFUSALS = (sqlite3.Error, UnicodeDecodeError)  # messages of damaged files quote bytes of them that need be no text


class Library:
    """Opened for each question, and made when it is first told something. What cannot be kept is not; what is damaged is made anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def learn(self, advisories: Iterable[Advisory]) -> None:
        """Keep these; a newer telling of one takes the older one's place."""
        rows = [(_key(advisory.id), json.dumps(advisory_document(advisory))) for advisory in advisories]
        if rows and not self._written(rows):
            for suffix in ("", "-journal"):
                remove_file(self._path.with_name(f"{self._path.name}{suffix}"))
            self._written(rows)

    def find(self, name: str) -> Advisory | None:
        """The advisory of that id, None where it is not known."""
        return self.all([name]).get(name)

    def all(self, names: Iterable[str]) -> dict[str, Advisory]:
        """Those of these ids that are known."""
        wanted = list(names)

        def search(database: sqlite3.Connection) -> tuple[object, ...]:
            rows = (database.execute("SELECT document FROM advisory WHERE id = ?", (_key(name),)).fetchone() for name in wanted)
            return tuple(row[0] for row in rows if row)

        found = map(_read, self._asked(search))
        return {advisory.id: advisory for advisory in found if advisory}

    def ids(self, beginning: str) -> tuple[str, ...]:
        """The first of the known ids that begin so, sorted."""
        start = _key(beginning)

        def search(database: sqlite3.Connection) -> tuple[object, ...]:
            query = "SELECT id FROM advisory WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT ?"
            return tuple(row[0] for row in database.execute(query, (len(start), start, _MOST)))

        return tuple(map(str, self._asked(search)))

    def _asked(self, question: Callable[[sqlite3.Connection], tuple[object, ...]]) -> tuple[object, ...]:
        """The answer of a library that is there and can be read; nothing is made for it."""
        try:
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as database:
                return question(database) if _is_ours(database) else ()
        except _REFUSALS:
            return ()

    def _written(self, rows: Sequence[tuple[str, str]]) -> bool:
        """False where the file is no library; what the disk or another writer refuses is not tried again."""
        try:
            make_directory(self._path.parent)
            with closing(sqlite3.connect(self._path)) as database, database:
                if database.execute("PRAGMA user_version").fetchone()[0] == 0 and not _has_tables(database):
                    database.executescript(f"PRAGMA user_version = {_VERSION};CREATE TABLE IF NOT EXISTS {_TABLE}")
                if not _is_ours(database):
                    return False
                database.executemany(_WRITE, rows)
        except _REFUSALS as error:
            return not _is_damage(error)
        return True


def _key(name: str) -> str:
    """Ids made of packages' names may have bytes in them that are no text."""
    return name.encode(errors="backslashreplace").decode()


def _text(raw: bytes) -> str:
    """An entry that is no text must not hide the others."""
    return raw.decode(errors="replace")


def _is_damage(error: Exception) -> bool:
    """Extended codes have the plain one in their lowest byte."""
    return isinstance(error, UnicodeDecodeError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def _is_ours(database: sqlite3.Connection) -> bool:
    database.text_factory = _text
    version = database.execute("PRAGMA user_version").fetchone()[0]
    return version == _VERSION and database.execute("SELECT sql FROM sqlite_schema").fetchall() == [(f"CREATE TABLE {_TABLE}",)]


def _has_tables(database: sqlite3.Connection) -> bool:
    return bool(database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])


def _read(document: object) -> Advisory | None:
    try:
        return advisory_from(Node(json.loads(document if isinstance(document, str) else ""), "advisory"))
    except _FAULTS:
        return None
