"""What lies between two generations: by the journal alone, also where their files are long gone."""

from datetime import timedelta
from pathlib import Path

import pytest

from mirrorsync.model.edit import Edit, EditKind
from mirrorsync.model.generation import Generation
from mirrorsync.planning.history import compare
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.test_update import LISTING, copy, rhl_tree
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


def test_a_record_that_is_missing_between_them_is_told() -> None:
    with pytest.raises(KeyError):
        compare("t", {number: record for number, record in RECORDS.items() if number != 3}, 2, 5, None)


@pytest.fixture
def mirrorsync(tmp_path: Path, rpm: Builder) -> Mirrorsync:
    tree = rhl_tree(tmp_path, [rpm("bash", "1"), rpm("tar", "1")])
    mirror = copy([rpm("bash", "2")], tmp_path / "mirror")
    program = configured(tmp_path, tree, f'url = "{mirror.as_uri()}/"\n{LISTING}')
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
        ["in", "tar-1-1.noarch"], ["out", "tar-2-1.noarch"], ["file", "removed", "ks.cfg"],
    ]


def test_a_list_of_files_that_is_gone_leaves_the_packages(mirrorsync: Mirrorsync, tmp_path: Path) -> None:
    (tmp_path / "u1/.mirrorsync/redhat/journal/1.files").unlink()
    found = mirrorsync("diff", "1", "2", "--json").tree
    assert (found["added"], found["files"]) == (["bash-2-1.noarch"], None)
    assert "not both generations are kept" in mirrorsync("diff", "1", "2").out


def test_a_number_that_never_was_and_a_record_that_is_lost_are_told(mirrorsync: Mirrorsync, tmp_path: Path) -> None:
    unknown = mirrorsync("diff", "1", "9")
    assert (unknown.code, "no generation 9; it has 1 to 3" in unknown.err) == (2, True)
    assert mirrorsync("diff", "one", "two").code == 2
    assert mirrorsync("diff", "1").code == 2
    (tmp_path / "u1/.mirrorsync/redhat/journal/2.json").unlink()
    lost = mirrorsync("diff", "1", "3")
    assert (lost.code, "2.json: is missing" in lost.err) == (1, True)


def test_edits_of_a_comparison_are_values() -> None:
    found = compare("t", RECORDS, 1, 2, [Edit(EditKind.ADDED, "x")])
    assert found.files == (Edit(EditKind.ADDED, "x"),)
