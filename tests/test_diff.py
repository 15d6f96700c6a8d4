"""What lies between two generations: by the journal alone, also where their files are long gone."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mirrorsync.model.edit import Edit, EditKind
from mirrorsync.model.generation import Generation
from mirrorsync.planning.history import compare
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.sites import LISTING, copy, rhl_tree
from tests.test_documents import validate
from tests.trees import NOW


def generation(number: int, added: str = "", removed: str = "", advisories: str = "", back_to: int | None = None) -> Generation:
    return Generation(
        number, NOW + timedelta(days=number), "update", back_to=back_to,
        added=tuple(added.split()), removed=tuple(removed.split()), advisories=tuple(advisories.split()),
    )  # fmt: skip


RECORDS = {
    record.number: record
    for record in (
        generation(1),
        generation(2, "a-2 b-2", "a-1 b-1", "RHSA-1"),
        generation(3, "a-3", "a-2", "RHSA-2"),
        generation(4, "a-2", "a-3", back_to=2),
        generation(5, "a-4", "a-2", "RHSA-3"),
    )
}


@pytest.mark.parametrize(
    ("older", "newer", "added", "removed", "errata_in", "errata_out"),
    [
        (1, 2, "a-2 b-2", "a-1 b-1", "RHSA-1", ""),
        (1, 3, "a-3 b-2", "a-1 b-1", "RHSA-1 RHSA-2", ""),
        (2, 4, "", "", "", ""),
        (3, 4, "a-2", "a-3", "", "RHSA-2"),
        (3, 5, "a-4", "a-3", "RHSA-3", "RHSA-2"),
        (5, 1, "a-1 b-1", "a-4 b-2", "", "RHSA-1 RHSA-3"),
        (3, 3, "", "", "", ""),
    ],
)
def test_what_came_and_went_is_summed_up_in_either_direction(
    older: int, newer: int, added: str, removed: str, errata_in: str, errata_out: str
) -> None:
    found = compare("t", RECORDS, older, newer, None)
    assert " ".join(found.added) == added
    assert " ".join(found.removed) == removed
    assert (" ".join(found.errata_in), " ".join(found.errata_out)) == (errata_in, errata_out)


@pytest.mark.parametrize(
    ("older", "newer", "lost", "unknown"),
    [
        (2, 5, 3, (3,)),  # between them
        (5, 2, 3, (3,)),
        (2, 5, 4, (4,)),  # it may have been a rollback
        (3, 4, 2, ()),  # in both
        (3, 5, 3, (3,)),
        (1, 2, 3, ()),  # after both
    ],
)
def test_records_that_are_missing_are_told_where_they_would_tell_more(older: int, newer: int, lost: int, unknown: tuple[int, ...]) -> None:
    assert compare("t", {number: record for number, record in RECORDS.items() if number != lost}, older, newer, None).unknown == unknown


def test_errata_of_what_lies_before_a_missing_record_stay_known() -> None:
    found = compare("t", {number: record for number, record in RECORDS.items() if number != 4}, 3, 5, None)
    assert (found.errata_in, found.errata_out) == (("RHSA-3",), ())


@pytest.fixture
def mirrorsync(tmp_path: Path, rpm: Builder) -> Mirrorsync:
    tree = rhl_tree(tmp_path, [rpm("bash", "1"), rpm("tar", "1")])
    mirror = copy([rpm("bash", "2")], tmp_path / "mirror")
    program = configured(tmp_path, tree, f'url = "{mirror.as_uri()}/"\n{LISTING}')
    assert program("hdlist", str(tree)).code == 0
    assert program("update").code == 0
    (tree / "ks.cfg").write_text("install\n")
    copy([rpm("tar", "2")], mirror)
    assert program("update", "--adopt-changes").code == 0
    return program


def test_packages_and_other_files_are_told_apart(mirrorsync: Mirrorsync) -> None:
    found = mirrorsync("diff", "1", "3", "--json").tree
    assert (found["added"], found["removed"]) == (["bash-2-1.noarch", "tar-2-1.noarch"], ["bash-1-1.noarch", "tar-1-1.noarch"])
    assert found["files"] == [{"kind": "added", "path": "ks.cfg"}]
    shown = mirrorsync("diff", "redhat", "3", "2").out
    assert [line.split() for line in shown.splitlines()[1:]] == [
        ["in", "tar-1-1.noarch"],
        ["out", "tar-2-1.noarch"],
        ["file", "removed", "ks.cfg"],
    ]


def test_a_list_of_files_that_is_gone_leaves_the_packages(mirrorsync: Mirrorsync, tmp_path: Path) -> None:
    (tmp_path / "u1/.mirrorsync/redhat/journal/1.files").unlink()
    found = mirrorsync("diff", "1", "2", "--json").tree
    assert (found["added"], found["files"]) == (["bash-2-1.noarch"], None)
    assert "not both generations are kept" in mirrorsync("diff", "1", "2").out


def test_a_number_that_never_was_is_told(mirrorsync: Mirrorsync) -> None:
    unknown = mirrorsync("diff", "1", "9")
    assert (unknown.code, "no generation 9; it has 1 to 3" in unknown.err) == (2, True)
    assert mirrorsync("diff", "one", "two").code == 2
    assert mirrorsync("diff", "1").code == 2


DAMAGES: dict[str, Callable[[Path], None]] = {
    "lost": Path.unlink,
    "damaged": lambda record: record.write_text("{}") and None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_record_that_cannot_be_read_is_told_and_the_generations_themselves_tell_the_packages(
    mirrorsync: Mirrorsync, tmp_path: Path, damage: str
) -> None:
    before = mirrorsync("diff", "1", "3", "--json").tree
    DAMAGES[damage](tmp_path / "u1/.mirrorsync/redhat/journal/2.json")
    found = mirrorsync("diff", "1", "3", "--json")
    [finding] = found.tree["findings"]
    assert (found.code, found.tree["exit_code"], finding["code"]) == (4, 4, "journal-lost" if damage == "lost" else "journal-changed")
    assert [found.tree[name] for name in ("added", "removed", "files")] == [before[name] for name in ("added", "removed", "files")]
    shown = mirrorsync("diff", "1", "3")
    assert ("  in" in shown.out, len(shown.err.splitlines()), "journal/2.json: " in shown.err) == (True, 1, True)
    beside = mirrorsync("diff", "2", "3")
    assert (beside.code, "in   tar-2-1.noarch" in beside.out, "with their records" in beside.out) == (4, True, True)


def test_what_a_lost_record_and_lost_generations_leave_is_told_with_what_is_missing(mirrorsync: Mirrorsync, tmp_path: Path) -> None:
    (tmp_path / "u1/.mirrorsync/redhat/journal/2.json").unlink()
    shutil.rmtree(tmp_path / "u1/.mirrorsync/redhat/generations/1")
    found = mirrorsync("diff", "1", "3", "--json")
    assert (found.code, found.tree["added"], len(found.tree["findings"])) == (4, ["tar-2-1.noarch"], 1)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_history_shows_every_record_that_can_be_read_and_tells_the_others(
    mirrorsync: Mirrorsync, tmp_path: Path, number: int, damage: str
) -> None:
    path = tmp_path / f"u1/.mirrorsync/redhat/journal/{number}.json"
    DAMAGES[damage](path)
    told = mirrorsync("history", "--json")
    [finding] = told.tree["findings"]
    assert (told.code, told.tree["exit_code"], told.err, finding["where"]) == (4, 4, "", str(path))
    others = [other for other in (3, 2, 1) if other != number]
    assert [generation["number"] for generation in told.tree["generations"]] == others
    validate(told.document)
    shown = mirrorsync("history")
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == [str(other) for other in others]
    [line] = shown.err.splitlines()
    assert line.startswith(f"error: {path}: ")
    assert line.endswith("; restore it from a backup")
    assert mirrorsync("history", "--limit", "1").code == (4 if number == 3 else 0)


def test_a_journal_that_is_gone_altogether_is_told_record_by_record(mirrorsync: Mirrorsync, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "u1/.mirrorsync/redhat/journal")
    told = mirrorsync("history", "--json").tree
    assert (told["generations"], len(told["findings"])) == ([], 3)


def test_edits_of_a_comparison_are_values() -> None:
    found = compare("t", RECORDS, 1, 2, [Edit(EditKind.ADDED, "x")])
    assert found.files == (Edit(EditKind.ADDED, "x"),)
