"""Every remedy that `check` names works: the damage is done, the remedy is carried out as it is worded, and `check` is content."""

import json
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Result
from tests.conftest import Builder
from tests.sites import RPMS, STAMP, Site
from tests.warm import Program, warm_program

BASH = f"{RPMS}/bash-2-1.noarch.rpm"
KERNEL = "images/pxeboot/vmlinuz"
Run = Callable[..., Result]
Damage = Callable[[Site], Path]
"""Does it, and says where `check` must find it."""


def rewritten(path: Path, content: bytes) -> Path:
    """A new file in the place of the old, as editors make it."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return path


def removed(path: Path) -> Path:
    path.unlink() if path.is_file() else shutil.rmtree(path)
    return path


def made(path: Path) -> Path:
    path.mkdir()
    return path


def cache_that_lies(site: Site) -> Path:
    cache, wrong = site.state / "trees/redhat/tree.sqlite", "0" * 64
    with sqlite3.connect(cache) as database:
        row = (wrong, zlib.crc32(f"{wrong}None".encode()), KERNEL.encode())
        database.execute("UPDATE file SET sha256 = ?, checksum = ? WHERE path = ?", row)
    database.close()
    return cache


def edited_record(site: Site, name: str) -> Path:
    path = site.home / "journal" / name
    return rewritten(path, json.dumps({**json.loads(path.read_bytes()), "by": "nobody"}).encode())


CHANGED_BY_HAND: dict[str, Damage] = {
    "a file that was added": lambda site: rewritten(site.tree / "ks.cfg", b"install\n"),
    "a package that was removed": lambda site: removed(site.tree / BASH),
    "a file that was replaced": lambda site: rewritten(site.tree / KERNEL, b"another kernel"),
    "an index that was removed": lambda site: removed(site.tree / "RedHat/base/hdlist"),
    "a stamp that says another generation": lambda site: rewritten(site.tree / STAMP, b"1 0123\n"),
    "a stamp that is gone": lambda site: removed(site.tree / STAMP),
}
JOURNAL: dict[str, tuple[str, Damage]] = {
    "a record that is gone": ("journal-lost", lambda site: removed(site.home / "journal/2.json")),
    "an older record that is gone": ("journal-lost", lambda site: removed(site.home / "journal/1.json")),
    "a record that was edited": ("journal-changed", lambda site: edited_record(site, "2.json")),
    "an older record that was edited": ("journal-changed", lambda site: edited_record(site, "1.json")),
    "a record that is none": ("journal-changed", lambda site: rewritten(site.home / "journal/2.json", b"{}")),
}
LISTS: dict[str, tuple[str, Damage]] = {
    f"{what} of generation {number}": (code, damage)
    for number in (1, 2)
    for what, code, damage in (
        ("the list that is gone", "journal-lost", lambda site, number=number: removed(site.home / f"journal/{number}.files")),
        ("the list that is none", "journal-changed", lambda site, number=number: rewritten(site.home / f"journal/{number}.files", b"[]")),
    )
}
REMOVABLE: dict[str, tuple[str, Damage]] = {
    "a pool file with other content": ("pool-changed", lambda site: rewritten(next((site.home / "pool").glob("??/*")), b"else")),
    "a file in the pool": ("pool-changed", lambda site: rewritten(site.home / "pool/notes.txt", b"mine")),
    "a cache that lies": ("cache-wrong", cache_that_lies),
    "a folder beside the tree": ("foreign-file", lambda site: made(site.home / "junk")),
    "a generation nobody made": ("foreign-file", lambda site: made(site.home / "generations/77")),
    "a file in the journal": ("foreign-file", lambda site: rewritten(site.home / "journal/notes", b"mine")),
}


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with warm_program() as waiting:
        yield waiting


@pytest.fixture
def mirrorsync(redhat: Site, program: Program) -> Run:
    """The tree as its first update left it, generation 2; nothing else is in grace."""
    run = partial(program, "--config", str(redhat.program(more='grace = "0s"').config))
    for command in (["hdlist", str(redhat.tree)], ["update"], ["check", "--deep"]):
        assert run(*command).code == 0
    return run


def findings(mirrorsync: Run) -> list[dict[str, Any]]:
    checked = mirrorsync("check", "--deep", "--json").tree["findings"]
    assert isinstance(checked, list)
    return checked


def clean(mirrorsync: Run) -> bool:
    """Whether `check` ends well; it may note what installs that are going on meet in the directory that was the tree."""
    return {finding["severity"] for finding in findings(mirrorsync)} <= {"note"}


def remedies(mirrorsync: Run, code: str, where: Path) -> set[str]:
    """What `check` advises for what it finds there."""
    return {finding["remedy"] for finding in findings(mirrorsync) if (finding["code"], finding["where"]) == (code, str(where))}


def remedy(mirrorsync: Run, code: str, where: Path) -> str:
    """The one thing that it advises."""
    [advice] = remedies(mirrorsync, code, where)
    return advice


def commands(advice: str) -> Iterator[list[str]]:
    """The commands that an advice names, as words."""
    return (command.split() for command in re.findall(r"`mirrorsync ([^`]+)`", advice))


@pytest.mark.parametrize("choice", [0, 1], ids=["rollback", "adoption"])
@pytest.mark.parametrize("damage", CHANGED_BY_HAND)
def test_either_command_that_is_named_mends_a_tree_that_was_changed_by_hand(
    mirrorsync: Run, redhat: Site, damage: str, choice: int
) -> None:
    where = CHANGED_BY_HAND[damage](redhat)
    command = list(commands(remedy(mirrorsync, "changed-by-hand", where)))[choice]
    done = mirrorsync(*command)
    assert done.code == 0, done.err
    assert clean(mirrorsync)
    assert mirrorsync("update").code == 0


@pytest.mark.parametrize("farm", ["generations/1", "retired/1"])
def test_what_was_changed_in_a_former_generation_goes_with_it(mirrorsync: Run, redhat: Site, farm: str) -> None:
    where = rewritten(redhat.home / farm / "README", b"mine")
    [command] = commands(remedy(mirrorsync, "generation-changed", where))
    assert mirrorsync(*command, "--keep", "0").code == 0
    assert not where.parent.exists()
    assert not remedies(mirrorsync, "generation-changed", where)
    assert clean(mirrorsync)


def test_what_was_changed_in_the_present_generation_goes_with_it_once_it_is_a_former_one(
    mirrorsync: Run, redhat: Site, rpm: Builder
) -> None:
    where = rewritten(redhat.home / "generations/2/README", b"mine")
    redhat.offer(rpm("tar", "2"))
    assert mirrorsync("update").code in (0, 4)
    [command] = commands(remedy(mirrorsync, "generation-changed", where))
    assert mirrorsync(*command, "--keep", "0").code == 0
    assert clean(mirrorsync)


def test_a_generation_that_is_lost_cannot_be_gone_back_to_and_keeps_nothing_else_from_going_on(
    mirrorsync: Run, redhat: Site, rpm: Builder
) -> None:
    where = removed(redhat.home / "generations/1")
    assert remedy(mirrorsync, "generation-lost", where) == "generation 1 cannot be gone back to"
    assert mirrorsync("rollback", "redhat", "1").code == 2
    redhat.offer(rpm("tar", "2"))
    assert mirrorsync("update").code in (0, 4)
    assert mirrorsync("rollback", "redhat", "2").code in (0, 4)


@pytest.mark.parametrize("damage", JOURNAL)
def test_a_record_that_is_restored_from_a_backup_is_as_good_as_ever(mirrorsync: Run, redhat: Site, tmp_path: Path, damage: str) -> None:
    backup = shutil.copytree(redhat.home / "journal", tmp_path / "backup")
    code, done = JOURNAL[damage]
    where = done(redhat)
    advice = remedies(mirrorsync, code, where)
    assert advice
    assert all(each.startswith("restore it from a backup") for each in advice)
    shutil.copy2(backup / where.name, where)
    assert clean(mirrorsync)
    assert mirrorsync("rollback", "redhat", "1").code == 0


@pytest.mark.parametrize("damage", LISTS)
def test_without_its_list_a_generation_cannot_be_gone_back_to_and_with_it_it_can(
    mirrorsync: Run, redhat: Site, tmp_path: Path, damage: str
) -> None:
    backup = shutil.copytree(redhat.home / "journal", tmp_path / "backup")
    code, done = LISTS[damage]
    where = done(redhat)
    assert remedy(mirrorsync, code, where) == f"generation {where.stem} cannot be gone back to without it"
    assert mirrorsync("rollback", "redhat", where.stem).code == 1
    shutil.copy2(backup / where.name, where)
    assert clean(mirrorsync)
    assert mirrorsync("rollback", "redhat", where.stem).code == 0


@pytest.mark.parametrize("damage", REMOVABLE)
def test_what_is_to_be_removed_can_be_removed(mirrorsync: Run, redhat: Site, damage: str) -> None:
    code, done = REMOVABLE[damage]
    where = done(redhat)
    assert remedy(mirrorsync, code, where).startswith("remove it")
    removed(where)
    assert clean(mirrorsync)
    assert mirrorsync("update").code == 0
