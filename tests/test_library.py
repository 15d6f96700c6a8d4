"""The library of a tree's advisories: kept whole, and never a hindrance."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorsync.app.library import Library
from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference, Told
from mirrorsync.model.version import NEVRA
from tests import accounts

WHOLE = accounts.advisory(
    severity="Important",
    packages=(NEVRA.parse("php-1:4.1.2-7.i386"),),
    description="long",
    revision="3",
    told=Told.TEXT,
    references=(Reference("http://x", "CAN-1", "cve", "a hole"),),
    sums=(("php.rpm", "c" * 32),),
    status="final",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state/trees/a/errata.sqlite"


def test_advisories_are_kept_whole(path: Path) -> None:
    other = Advisory("X", AdvisoryType.OTHER)
    Library(path).learn([WHOLE, other])
    assert Library(path).find(WHOLE.id) == WHOLE
    assert Library(path).all([WHOLE.id, "X", "Y"]) == {WHOLE.id: WHOLE, "X": other}
    assert Library(path).find("Y") is None


def test_a_newer_telling_takes_the_place_of_an_older_one(path: Path) -> None:
    Library(path).learn([WHOLE])
    Library(path).learn([replace(WHOLE, title="corrected")])
    assert Library(path).all([WHOLE.id]) == {WHOLE.id: replace(WHOLE, title="corrected")}


def test_what_is_learnt_again_is_not_written_again(path: Path) -> None:
    Library(path).learn([WHOLE])
    before = path.stat().st_mtime_ns, path.read_bytes()
    Library(path).learn([WHOLE])
    Library(path).learn([])
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_a_question_makes_no_library(path: Path) -> None:
    assert (Library(path).find("X"), Library(path).all(["X"]), Library(path).ids("")) == (None, {}, ())
    assert not path.parent.exists()


def test_ids_are_found_by_their_beginning(path: Path) -> None:
    Library(path).learn(Advisory(name, AdvisoryType.OTHER) for name in ("RHSA-2", "RHSA-1", "RHBA-1", "%_1"))
    assert Library(path).ids("RHSA") == ("RHSA-1", "RHSA-2")
    assert (Library(path).ids("%"), Library(path).ids("_"), len(Library(path).ids(""))) == (("%_1",), (), 4)


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE advisory (x)")


def _of_another_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript("PRAGMA user_version = 99; CREATE TABLE advisory (id, document)")


def _without_its_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript("PRAGMA user_version = 1; CREATE TABLE other (x)")


def _torn(path: Path) -> None:
    Library(path).learn(Advisory(f"RHSA-{number}", AdvisoryType.OTHER, description="x" * 3000) for number in range(50))
    path.write_bytes(path.read_bytes()[:20_000] + b"\xff" * 10_000)


def _with_a_schema_that_is_no_text(path: Path) -> None:
    """SQLite quotes it in its message."""
    Library(path).learn([WHOLE])
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE advisory (id TEXT", b"CREATE TABLE advisory (\xff\xfe TEXT"))


def _with_another_column(path: Path) -> None:
    Library(path).learn([WHOLE])
    path.write_bytes(path.read_bytes().replace(b"(id TEXT PRIMARY", b"(idsTEXT PRIMARY"))


@pytest.mark.parametrize(
    "damage",
    [
        _foreign, _of_another_version, _without_its_table, _torn, _with_a_schema_that_is_no_text, _with_another_column,
        lambda path: path.write_bytes(b"no database" * 1000),
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_file_is_replaced(path: Path, damage: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True)
    damage(path)
    Library(path).all(["RHSA-1"])
    Library(path).ids("")
    Library(path).learn([WHOLE])
    Library(path).learn([WHOLE])
    assert Library(path).find(WHOLE.id) == WHOLE


@pytest.mark.parametrize("document", ["[]", "no JSON", '{"id": 3}', "[" * 100_000])
def test_an_entry_that_cannot_be_read_is_not_known(path: Path, document: str) -> None:
    Library(path).learn([WHOLE])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE advisory SET document = ?", (document,))
    assert Library(path).all([WHOLE.id]) == {}
    Library(path).learn([WHOLE])
    assert Library(path).find(WHOLE.id) == WHOLE


def test_an_entry_that_is_no_text_does_not_hide_the_others(path: Path) -> None:
    other = Advisory("X", AdvisoryType.OTHER)
    Library(path).learn([WHOLE, other])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE advisory SET document = CAST(x'7bff' AS TEXT) WHERE id = 'X'")
    assert Library(path).all([WHOLE.id, "X"]) == {WHOLE.id: WHOLE}


def test_an_empty_file_becomes_a_library(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()
    assert Library(path).find("X") is None
    Library(path).learn([WHOLE])
    assert Library(path).find(WHOLE.id) == WHOLE


def test_what_another_writer_or_the_disk_refuses_is_not_kept_and_hinders_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Library(path).learn([WHOLE])
    connect = sqlite3.connect

    def impatient(path: str | Path, *, uri: bool = False) -> sqlite3.Connection:
        return connect(path, uri=uri, timeout=0.01)

    monkeypatch.setattr(sqlite3, "connect", impatient)
    with closing(connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        Library(path).learn([replace(WHOLE, title="corrected")])
        assert Library(path).find(WHOLE.id) is None
    assert Library(path).find(WHOLE.id) == WHOLE
    path.unlink()
    path.mkdir()
    Library(path).learn([WHOLE])
    assert Library(path).find(WHOLE.id) is None


def test_ids_and_words_that_are_no_text_are_kept_too(path: Path) -> None:
    odd = Advisory("changelog:a\udcff-1-1", AdvisoryType.OTHER, title="\ud800 \x1b[31m", description="\x00\udcff")
    Library(path).learn([odd])
    assert Library(path).find(odd.id) == odd
    assert (len(Library(path).ids("changelog:a\udcff")), Library(path).ids("\udcff")) == (1, ())
