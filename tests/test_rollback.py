"""Going back: an older generation published as the next one, its boot set with it, and what it took out stays out."""

import hashlib
import shutil
from pathlib import Path

import pytest

from mirrorsync.locks import locked
from tests.commands import Mirrorsync, Result, changes
from tests.conftest import Builder
from tests.sites import STAMP, Site
from tests.trees import snapshot


@pytest.fixture
def mirrorsync(redhat: Site, updated: Mirrorsync, rpm: Builder) -> Mirrorsync:
    """Generation 1 as copied, 2 with bash-2, 3 with tar-2; from 3 on the boot set is staged."""
    redhat.boot.mkdir()
    redhat.offer(rpm("tar", "2"))
    program = redhat.program(boot=True)
    assert program("update").code == 0
    return program


def held(result: Result) -> list[str]:
    return [entry["nevra"]["name"] for entry in result.tree["plan"]["held"]]


@pytest.mark.parametrize("number", ["1", "2"])
def test_the_tree_lists_what_the_generation_listed_byte_for_byte(mirrorsync: Mirrorsync, tree: Path, number: str, home: Path) -> None:
    before = snapshot(home / "generations" / number)
    rolled = mirrorsync("rollback", "redhat", number, "--json")
    assert (rolled.code, rolled.tree["generation"], rolled.tree["back_to"]) == (0, 4, int(number))
    after = snapshot(tree)
    assert {name: after[name] for name in before if name != STAMP} == {name: before[name] for name in before if name != STAMP}
    assert mirrorsync("check", "--deep").code == 0


def test_what_the_tree_listed_before_stays_for_installs_under_way(mirrorsync: Mirrorsync, tree: Path) -> None:
    assert mirrorsync("rollback", "redhat", "1").code == 0
    files = {path.name for path in (tree / "RedHat/RPMS").iterdir()}
    assert {"bash-2-1.noarch.rpm", "tar-2-1.noarch.rpm"} <= files
    assert mirrorsync("status", "--json").tree["packages"] == 2


def test_without_a_number_it_goes_one_further_back_each_time(mirrorsync: Mirrorsync) -> None:
    goals = [mirrorsync("rollback", "redhat", "--json").tree["back_to"] for _ in range(2)]
    assert goals == [2, 1]
    refused = mirrorsync("rollback", "redhat")
    assert (refused.code, "no generation before 1 is kept" in refused.err) == (2, True)


def test_a_rollback_is_undone_by_another(mirrorsync: Mirrorsync, tree: Path) -> None:
    before = snapshot(tree)
    assert mirrorsync("rollback", "redhat", "1").code == 0
    assert mirrorsync("rollback", "redhat", "3").code == 0
    after = snapshot(tree)
    assert {name for name in before if before[name] != after.get(name)} == {STAMP}
    assert held(mirrorsync("update", "--json")) == []


def test_a_dry_run_says_what_comes_back_and_touches_nothing(mirrorsync: Mirrorsync, tree: Path) -> None:
    before = snapshot(tree.parent)
    shown = mirrorsync("rollback", "-n", "redhat", "1")
    assert shown.code == 0
    assert [line.split() for line in shown.out.splitlines()[1:3]] == [["back", "bash-1-1.noarch"], ["back", "tar-1-1.noarch"]]
    assert snapshot(tree.parent) == before


def test_what_a_rollback_took_out_no_update_brings_back_by_itself(mirrorsync: Mirrorsync, rpm: Builder, redhat: Site) -> None:
    assert mirrorsync("rollback", "redhat", "2").code == 0
    updated = mirrorsync("update", "--json")
    assert (updated.code, updated.tree["generation"], held(updated)) == (3, None, ["tar"])
    assert "taken out by a rollback" in updated.tree["plan"]["held"][0]["reason"]
    redhat.offer(rpm("tar", "3"))
    assert changes(mirrorsync("update", "--json"))["incoming"] == ["tar-3-1.noarch"]


def test_an_update_that_is_told_so_brings_it_back(mirrorsync: Mirrorsync) -> None:
    assert mirrorsync("rollback", "redhat", "2").code == 0
    assert mirrorsync("update").code == 3
    again = mirrorsync("update", "--reapply", "--json")
    assert (again.code, changes(again)["incoming"]) == (0, ["tar-2-1.noarch"])
    assert mirrorsync("update").code == 0


def test_other_updates_between_keep_it_out(mirrorsync: Mirrorsync, rpm: Builder, redhat: Site) -> None:
    assert mirrorsync("rollback", "redhat", "2").code == 0
    redhat.offer(rpm("bash", "3"))
    assert mirrorsync("update").code == 3
    assert held(mirrorsync("update", "--json")) == ["tar"]


def test_the_boot_set_goes_with_it(mirrorsync: Mirrorsync, tree: Path, redhat: Site) -> None:
    kernel = tree / "images/pxeboot/vmlinuz"
    kernel.unlink()
    kernel.write_bytes(b"the next kernel")
    assert mirrorsync("update", "--adopt-changes").code == 0
    assert (redhat.boot / "linux.1").read_bytes() == b"the next kernel"
    rolled = mirrorsync("rollback", "redhat")
    assert (rolled.code, "boot set staged" in rolled.out) == (0, True)
    assert (redhat.boot / "linux.1").read_bytes() == b"a kernel"


def test_a_generation_that_is_not_kept_or_not_whole_is_refused(mirrorsync: Mirrorsync, tree: Path, home: Path) -> None:
    unknown = mirrorsync("rollback", "redhat", "9")
    assert (unknown.code, "generation 9 is not kept; kept: 1, 2, 3" in unknown.err) == (2, True)
    next((home / "generations/1/RedHat/RPMS").glob("tar-1*")).unlink()
    damaged = mirrorsync("rollback", "redhat", "1")
    assert (damaged.code, "removed: RedHat/RPMS/tar-1-1.noarch.rpm" in damaged.err) == (1, True)
    assert mirrorsync("status", "--json").tree["generation"] == 3


def test_a_generation_no_node_could_install_from_is_refused(redhat: Site) -> None:
    mirrorsync = redhat.program()
    assert mirrorsync("update").code == 0
    refused = mirrorsync("rollback", "redhat", "1")
    assert (refused.code, "generation 1 could not be installed from" in refused.err) == (1, True)
    assert mirrorsync("check").code == 0


def test_the_present_generation_untouched_is_left_as_it_is(mirrorsync: Mirrorsync) -> None:
    same = mirrorsync("rollback", "redhat", "3")
    assert (same.code, "nothing to do" in same.out) == (0, True)
    assert mirrorsync("status", "--json").tree["generation"] == 3


def test_a_repository_goes_back_too_and_metadata_that_was_asked_for_by_name_stays(rocky: Site) -> None:
    tree, mirrorsync = rocky.tree, rocky.program()
    first = snapshot(tree / "repodata")
    assert mirrorsync("update").code == 0
    second = snapshot(tree / "repodata")
    assert {name: second[name] for name in first if name != "repomd.xml"} == {name: first[name] for name in first if name != "repomd.xml"}
    assert mirrorsync("rollback", "rocky", "1").code == 0
    third = snapshot(tree / "repodata")
    assert third["repomd.xml"] == first["repomd.xml"]
    assert third.keys() == second.keys()
    assert mirrorsync("check", "--deep").code == 0


def test_history_says_who_did_it_and_why(mirrorsync: Mirrorsync) -> None:
    assert mirrorsync("rollback", "redhat", "1").code == 0
    generations = mirrorsync("history", "--json").tree["generations"]
    assert [entry["run"] for entry in generations] == ["rollback", "update", "update", "adoption"]
    assert [entry["reason"] for entry in generations] == ["back to generation 1", "1 upgrade", "1 upgrade", "taken as it was found"]
    assert all(entry["by"].startswith("process ") for entry in generations)
    size = {hashlib.sha256(content).hexdigest(): len(content) for content in snapshot(mirrorsync.config.parent / "u1/redhat").values()}
    assert generations[0]["new_bytes"] == 0 < generations[1]["new_bytes"] < sum(size.values())
    shown = mirrorsync("history").out
    assert "back to generation 1" in shown


def test_a_rollback_of_a_tree_that_is_locked_leaves_with_75(mirrorsync: Mirrorsync, home: Path) -> None:
    with locked(home / "lock", "a test"):
        assert mirrorsync("rollback", "redhat").code == 75


def test_a_tree_by_a_symbolic_link_is_published_by_a_new_link(
    mirrorsync: Mirrorsync, tree: Path, rpm: Builder, home: Path, redhat: Site
) -> None:
    tree.rename(tree.with_name("redhat.first"))
    tree.symlink_to("redhat.first")
    redhat.offer(rpm("bash", "3"))
    assert mirrorsync("update").code == 0
    assert str(tree.readlink()) == ".mirrorsync/redhat/generations/4"
    assert mirrorsync("check", "--deep").code == 0
    assert mirrorsync("rollback", "redhat").code == 0
    assert str(tree.readlink()) == ".mirrorsync/redhat/generations/5"
    assert not (home / "retired/4").exists()
    assert mirrorsync("check", "--deep").code == 0
    shutil.rmtree(tree.with_name("redhat.first"))
    assert mirrorsync("check", "--deep").code == 0


def test_a_rollback_after_a_mended_rollback_still_goes_further_back(mirrorsync: Mirrorsync, tree: Path) -> None:
    assert mirrorsync("rollback", "redhat", "2").code == 0
    (tree / "ks.cfg").write_text("mine")
    assert mirrorsync("rollback", "redhat", "4").code == 0
    assert mirrorsync("rollback", "redhat", "--json").tree["back_to"] == 1


def test_a_copy_that_was_written_through_its_link_is_not_carried_along(mirrorsync: Mirrorsync, tree: Path) -> None:
    with (tree / "RedHat/RPMS/tar-2-1.noarch.rpm").open("r+b") as file:
        file.write(b"\0" * 10)
    assert mirrorsync("rollback", "redhat", "2").code == 0
    assert not (tree / "RedHat/RPMS/tar-2-1.noarch.rpm").exists()
    assert mirrorsync("update").code == 3
