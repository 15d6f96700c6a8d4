"""Trees as administrators leave them: links, modes, odd names, lost records. Nothing is lost, and nothing ends in a dead end."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.commands import Mirrorsync, changes, configured
from tests.conftest import Builder
from tests.sites import RPMS, Site, repodata_site


def listed(mirrorsync: Mirrorsync) -> int:
    """How many packages a clean check counts."""
    checked = mirrorsync("check", "--deep", "--json")
    assert (checked.code, checked.findings) == (0, []), checked.out
    count: int = checked.tree["packages"]
    return count


def test_a_package_that_is_a_link_to_a_file_elsewhere_stays_listed(mirrorsync: Mirrorsync, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    file = shutil.move(tree / RPMS / "tar-1-1.noarch.rpm", tmp_path / "elsewhere")
    (tree / RPMS / "tar-1-1.noarch.rpm").symlink_to(file)
    assert mirrorsync("update").code == 0
    assert listed(mirrorsync) == 2
    assert not (tree / RPMS / "tar-1-1.noarch.rpm").is_symlink()


def test_a_package_folder_behind_a_link_is_refused_by_name(mirrorsync: Mirrorsync, tree: Path, tmp_path: Path) -> None:
    shutil.move(tree / RPMS, tmp_path / "rpms")
    (tree / RPMS).symlink_to(tmp_path / "rpms")
    updated = mirrorsync("update")
    assert (updated.code, "RedHat/RPMS: a symbolic link" in updated.err) == (1, True)


@pytest.mark.parametrize("kind", ["dangling", "missing", "file"])
def test_a_tree_path_that_cannot_be_replaced_is_refused_before_anything_is_made(mirrorsync: Mirrorsync, tree: Path, kind: str) -> None:
    tree.rename(tree.with_name("moved"))
    if kind == "dangling":
        tree.symlink_to("nowhere")
    if kind == "file":
        tree.write_text("")
    for command in (["update"], ["update", "--dry-run"], ["status"], ["check"], ["rollback", "redhat"]):
        refused = mirrorsync(*command)
        assert (refused.code, len(refused.err.splitlines())) == (1, 1)
        assert str(tree) in refused.err
    assert not (tree.parent / ".mirrorsync").exists()


def test_nothing_is_published_that_lacks_a_name_comps_asks_for(mirrorsync: Mirrorsync, tree: Path) -> None:
    (tree / "RedHat/base").mkdir(exist_ok=True)
    (tree / "RedHat/base/comps").write_text("4\n\n1 Base {\n  bash\n  tar\n}\n")
    assert mirrorsync("hdlist", str(tree)).code == 0
    package = tree / RPMS / "tar-1-1.noarch.rpm"
    package.write_bytes(package.read_bytes()[:200])
    refused = mirrorsync("update")
    assert (refused.code, "tar: comps or a kickstart names it" in refused.err) == (1, True)
    assert not (tree / RPMS / "bash-2-1.noarch.rpm").exists()


def test_names_that_are_not_utf8_are_carried_along(mirrorsync: Mirrorsync, tree: Path) -> None:
    odd = os.fsdecode(b"caf\xe9.txt")
    (tree / odd).write_text("x")
    shutil.copy(tree / RPMS / "tar-1-1.noarch.rpm", tree / RPMS / os.fsdecode(b"t\xe4r-1-1.noarch.rpm"))
    assert mirrorsync("update").code == 0
    assert (tree / odd).read_text() == "x"
    assert mirrorsync("update").code == 0


def test_a_pipe_in_the_tree_is_a_finding_and_never_read(mirrorsync: Mirrorsync, tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    os.mkfifo(tree / RPMS / "pipe-1-1.noarch.rpm")
    updated = mirrorsync("update", "--json")
    assert updated.code == 4
    assert [finding["code"] for finding in updated.findings] == ["special-file", "special-file"]
    assert listed(mirrorsync) == 2


def test_what_nodes_could_not_read_is_made_readable_in_the_next_generation(mirrorsync: Mirrorsync, tree: Path) -> None:
    package = tree / RPMS / "tar-1-1.noarch.rpm"
    package.chmod(0o600)
    (tree / "RedHat").chmod(0o700)
    assert mirrorsync("update").code == 0
    assert listed(mirrorsync) == 2


def test_a_foreign_file_or_folder_in_an_incoming_packages_place_does_not_stop_it(mirrorsync: Mirrorsync, tree: Path, rpm: Builder) -> None:
    (tree / RPMS / "bash-2-1.noarch.rpm").mkdir()
    (tree / RPMS / "bash-2-1.noarch.rpm/keep").write_text("")
    assert mirrorsync("update").code == 0
    assert listed(mirrorsync) == 2


def test_a_state_directory_that_takes_nothing_costs_only_time(redhat: Site, mirrorsync: Mirrorsync) -> None:
    state = redhat.state / "trees/redhat"
    state.mkdir(parents=True)
    (state / "tree.sqlite").mkdir()
    assert mirrorsync("update").code == 0
    assert listed(mirrorsync) == 2


@pytest.mark.parametrize("table", ["file", "paths", "part"])
def test_a_cache_with_other_content_costs_only_time(redhat: Site, mirrorsync: Mirrorsync, rpm: Builder, table: str) -> None:
    assert mirrorsync("update").code == 0
    columns = {"file": "sha256 = 7, package = '[[[['", "paths": "paths = 'x'", "part": "content = x'00ff'"}
    with sqlite3.connect(redhat.state / "trees/redhat/tree.sqlite") as database:
        database.execute(f"UPDATE {table} SET {columns[table]}")
    database.close()
    redhat.offer(rpm("tar", "2", requires=["/usr/share/nobody-has-this"]))
    assert mirrorsync("update").code == 3
    redhat.offer(rpm("bash", "3"))
    assert mirrorsync("update").code == 3
    assert listed(mirrorsync) == 2


def test_an_emptied_mirror_is_told_of(tmp_path: Path, rpm: Builder) -> None:
    emptied = repodata_site(tmp_path, [rpm("bash", "1")], []).program()("update", "--json")
    assert (emptied.code, changes(emptied)["incoming"]) == (4, [])
    assert [finding["code"] for finding in emptied.findings] == ["mirror-empty"]


def test_a_change_of_excludes_in_a_repo_file_counts_at_once(rocky: Site, tmp_path: Path) -> None:
    repo = tmp_path / "x.repo"
    repo.write_text(f"[x]\nname=x\nbaseurl={rocky.mirror.as_uri()}\ngpgcheck=0\nexclude=bash*\n")
    program = configured(tmp_path, rocky.tree, "", layout="repodata", more=f'updates_from = ["{repo}"]')
    assert changes(program("update", "--json"))["incoming"] == []
    repo.write_text(repo.read_text().replace("exclude=bash*\n", ""))
    assert changes(program("update", "--json"))["incoming"] == ["bash-2-1.noarch"]


def test_the_lists_of_a_published_tree_are_not_made_by_hand(mirrorsync: Mirrorsync, tree: Path) -> None:
    assert mirrorsync("update").code == 0
    refused = mirrorsync("hdlist", str(tree))
    assert (refused.code, "mirrorsync publishes this tree" in refused.err) == (2, True)
