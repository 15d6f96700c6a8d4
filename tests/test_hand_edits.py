"""What somebody changes by hand: `check` names it, an update refuses to build on it, a rollback undoes it, --adopt-changes takes it."""

import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.sites import RPMS, STAMP, Site, copy, rhl_tree
from tests.trees import snapshot

BASH = f"{RPMS}/bash-2-1.noarch.rpm"


@pytest.fixture
def mirrorsync(updated: Mirrorsync) -> Mirrorsync:
    return updated


def rewritten(path: Path, content: bytes) -> None:
    """A new file in the place of the old, as editors and cp --remove-destination do."""
    path.unlink()
    path.write_bytes(content)


def added(tree: Path) -> None:
    (tree / "ks.cfg").write_text("install\n")


def removed(tree: Path) -> None:
    (tree / BASH).unlink()


def replaced(tree: Path) -> None:
    rewritten(tree / "images/pxeboot/vmlinuz", b"another kernel")


def written_through(tree: Path) -> None:
    with (tree / BASH).open("r+b") as file:
        file.write(b"\0" * 10)


def index_lost(tree: Path) -> None:
    (tree / "RedHat/base/hdlist").unlink()


EDITS = {added: "added: ks.cfg", removed: f"removed: {BASH}", replaced: "changed: images/pxeboot/vmlinuz",
         written_through: f"changed: {BASH}", index_lost: "removed: RedHat/base/hdlist"}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_update_refuses_a_tree_that_was_changed_by_hand_and_names_the_files(
    mirrorsync: Mirrorsync, redhat: Site, tree: Path, rpm: Builder, edit: Callable[[Path], None]
) -> None:
    edit(tree)
    redhat.offer(rpm("tar", "2"))
    before = snapshot(tree)
    for command in (["update"], ["update", "--dry-run"]):
        refused = mirrorsync(*command)
        assert (refused.code, len(refused.err.splitlines())) == (1, 1)
        assert EDITS[edit] in refused.err
        assert "--adopt-changes" in refused.err
    assert snapshot(tree) == before
    assert mirrorsync("status", "--json").tree["generation"] == 2


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_check_names_each_file_of_a_tree_that_was_changed_by_hand(mirrorsync: Mirrorsync, tree: Path, edit: Callable[[Path], None]) -> None:
    edit(tree)
    checked = mirrorsync("check", "--json")
    path = EDITS[edit].partition(": ")[2]
    found = [finding["where"] for finding in checked.tree["findings"] if finding["code"] == "changed-by-hand"]
    assert (checked.code, str(tree / path) in found) == (4, True)


@pytest.mark.parametrize("edit", [added, removed, replaced, index_lost], ids=lambda edit: edit.__name__)
def test_a_rollback_to_the_present_generation_undoes_what_was_done_by_hand(
    mirrorsync: Mirrorsync, tree: Path, edit: Callable[[Path], None]
) -> None:
    before = snapshot(tree)
    edit(tree)
    assert mirrorsync("rollback", "redhat", "2").code == 0
    after = snapshot(tree)
    assert {name for name in before if before[name] != after.get(name)} == {STAMP}
    assert before.keys() == after.keys()
    assert (mirrorsync("check", "--deep").code, mirrorsync("update").code) == (0, 0)


def test_a_rollback_refuses_a_generation_that_was_written_through_a_link(mirrorsync: Mirrorsync, tree: Path) -> None:
    written_through(tree)
    refused = mirrorsync("rollback", "redhat", "2")
    assert (refused.code, BASH in refused.err, "nothing was done" in refused.err) == (1, True, True)


@pytest.mark.parametrize("edit", [added, replaced, index_lost], ids=lambda edit: edit.__name__)
def test_told_so_an_update_takes_the_tree_as_it_is(mirrorsync: Mirrorsync, tree: Path, edit: Callable[[Path], None]) -> None:
    edit(tree)
    adopted = mirrorsync("update", "--adopt-changes")
    assert adopted.code == 0, adopted.err
    assert mirrorsync("check", "--deep").code == 0
    assert mirrorsync("update").code == 0
    assert mirrorsync("status", "--json").tree["generation"] == 3


def test_a_package_is_taken_out_of_a_tree_by_removing_it_and_saying_so(mirrorsync: Mirrorsync, tree: Path) -> None:
    (tree / RPMS / "tar-1-1.noarch.rpm").unlink()
    assert mirrorsync("update", "--adopt-changes").code == 0
    checked = mirrorsync("check", "--json")
    assert (checked.code, checked.tree["packages"]) == (0, 1)
    [newest, *_] = mirrorsync("history", "--json").tree["generations"]
    assert newest["removed"] == ["tar-1-1.noarch"]


def test_a_tree_whose_journal_is_lost_is_refused_until_it_is_adopted(mirrorsync: Mirrorsync, tree: Path, home: Path) -> None:
    shutil.rmtree(home)
    refused = mirrorsync("update")
    assert (refused.code, "journal/2.json" in refused.err) == (1, True)
    assert mirrorsync("update", "--adopt-changes").code == 0
    assert (mirrorsync("update").code, mirrorsync("check", "--deep").code) == (0, 0)
    assert mirrorsync("status", "--json").tree["generation"] == 4


def test_another_tree_in_the_place_of_a_published_one_is_refused_until_it_is_adopted(
    mirrorsync: Mirrorsync, tree: Path, tmp_path: Path, rpm: Builder
) -> None:
    shutil.rmtree(tree)
    rhl_tree(tmp_path, [rpm("bash", "1")])
    assert mirrorsync("update").code == 1
    assert mirrorsync("update", "--adopt-changes").code == 0
    assert mirrorsync("check", "--deep").code == 0


def test_check_names_a_record_that_was_changed_and_the_update_refuses(mirrorsync: Mirrorsync, tree: Path, home: Path) -> None:
    record = home / "journal/2.json"
    document = json.loads(record.read_bytes())
    rewritten(record, json.dumps({**document, "removed": []}).encode())
    assert found(mirrorsync, "journal-changed") == [str(record)]
    assert "2.json: not the record that the tree was published with" in mirrorsync("update").err


def test_check_names_an_older_record_that_was_changed(mirrorsync: Mirrorsync, home: Path) -> None:
    record = home / "journal/1.json"
    rewritten(record, record.read_bytes().replace(b'"adoption"', b'"a dream"'))
    assert found(mirrorsync, "journal-changed") == [str(record)]


@pytest.mark.parametrize("name", ["1.json", "2.json", "1.files", "2.files"])
def test_check_names_what_is_gone_from_the_journal(mirrorsync: Mirrorsync, name: str, home: Path) -> None:
    (home / "journal" / name).unlink()
    assert str(home / "journal" / name) in found(mirrorsync, "journal-lost")


@pytest.mark.parametrize("farm", ["generations/2", "generations/1", "retired/1"])
def test_check_names_what_was_changed_in_a_kept_generation(mirrorsync: Mirrorsync, farm: str, home: Path) -> None:
    (home / farm / "README").write_text("mine")
    next((home / farm / RPMS).glob("tar-*")).unlink()
    assert found(mirrorsync, "generation-changed") == sorted(str(home / farm / name) for name in ("README", f"{RPMS}/tar-1-1.noarch.rpm"))


def test_check_names_a_stamp_that_was_changed_in_a_kept_generation(mirrorsync: Mirrorsync, home: Path) -> None:
    rewritten(home / f"generations/1/{STAMP}", b"7\n")
    assert found(mirrorsync, "generation-changed") == [str(home / f"generations/1/{STAMP}")]


def test_a_deep_check_finds_a_bit_that_rotted_under_an_unchanged_time(mirrorsync: Mirrorsync, tree: Path, home: Path) -> None:
    path = tree / BASH
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(status.st_size - 1)
        last = file.read(1)[0]
        file.seek(status.st_size - 1)
        file.write(bytes([last ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert mirrorsync("check").code == 0
    places = [finding["where"] for finding in mirrorsync("check", "--deep", "--json").tree["findings"]]
    assert {str(path), str(home / "generations/2" / BASH)} <= set(places)


def test_check_names_what_is_not_what_its_name_says_in_the_pool(mirrorsync: Mirrorsync, home: Path) -> None:
    [kept] = (home / "pool").glob("??/*")
    rewritten(kept, b"something else")
    (home / "pool/notes.txt").write_text("mine")
    assert found(mirrorsync, "pool-changed", "--deep") == sorted([str(kept), str(home / "pool/notes.txt")])


def test_a_pool_file_that_was_changed_is_fetched_again_and_not_built_of(
    mirrorsync: Mirrorsync, tree: Path, rpm: Builder, home: Path
) -> None:
    assert mirrorsync("rollback", "redhat").code == 0
    [kept] = (home / "pool").glob("??/*")
    rewritten(kept, b"something else")
    assert mirrorsync("update", "--reapply").code == 0
    assert mirrorsync("check", "--deep").code == 0
    assert (tree / BASH).read_bytes() == rpm("bash", "2").read_bytes()


def test_a_deep_check_finds_a_wrong_digest_in_the_cache(mirrorsync: Mirrorsync, redhat: Site) -> None:
    cache = redhat.state / "trees/redhat/tree.sqlite"
    wrong = "0" * 64
    row = (wrong, zlib.crc32(f"{wrong}None".encode()), b"images/pxeboot/vmlinuz")
    with sqlite3.connect(cache) as database:
        assert database.execute("UPDATE file SET sha256 = ?, checksum = ? WHERE path = ?", row).rowcount == 1
    database.close()
    assert found(mirrorsync, "cache-wrong", "--deep") == [str(cache)]


def test_a_repository_tree_is_held_to_its_record_too(rocky: Site) -> None:
    mirrorsync = rocky.program()
    assert mirrorsync("update").code == 0
    rewritten(rocky.tree / "repodata/repomd.xml", b"<repomd/>")
    assert "changed: repodata/repomd.xml" in mirrorsync("update").err
    assert mirrorsync("rollback", "rocky", "2").code == 0
    assert mirrorsync("check", "--deep").code == 0


def found(mirrorsync: Mirrorsync, code: str, *options: str) -> list[str]:
    """Where `check` finds faults of one code."""
    return sorted(finding["where"] for finding in mirrorsync("check", "--json", *options).tree["findings"] if finding["code"] == code)


@pytest.mark.parametrize("stamp", ["0", "1", "99", "9" * 5000, "x"])
def test_a_stamp_that_was_changed_removes_nothing_and_a_rollback_mends_it(
    mirrorsync: Mirrorsync, tree: Path, stamp: str, home: Path
) -> None:
    before = snapshot(home / "generations")
    rewritten(tree / STAMP, f"{stamp} 0123\n".encode())
    assert mirrorsync("check").code == 4
    assert mirrorsync("update").code == 1
    assert mirrorsync("prune").code in (0, 4)
    assert snapshot(home / "generations") == before
    assert mirrorsync("rollback", "redhat", "2").code == 0
    assert (mirrorsync("check", "--deep").code, mirrorsync("update").code) == (0, 0)


@pytest.mark.parametrize("way", ["copied", "linked"])
def test_a_kept_generation_put_into_the_trees_place_by_hand_loses_no_later_one(
    mirrorsync: Mirrorsync, tree: Path, way: str, home: Path
) -> None:
    before = snapshot(home / "generations")
    if way == "copied":
        shutil.rmtree(tree)
        shutil.copytree(home / "generations/1", tree)
    else:
        tree.rename(tree.with_name("redhat.first"))
        tree.symlink_to(".mirrorsync/redhat/generations/1")
    for command in (["update"], ["prune"], ["rollback", "redhat", "99"]):
        mirrorsync(*command)
    assert snapshot(home / "generations") == before
    assert "generation 2 was published last" in mirrorsync("update").err
    assert mirrorsync("rollback", "redhat", "2").code == 0
    assert (mirrorsync("check", "--deep").code, mirrorsync("update").code) == (0, 0)


def test_a_tree_that_is_gone_altogether_comes_back_by_a_rollback(mirrorsync: Mirrorsync, tree: Path) -> None:
    before = snapshot(tree)
    shutil.rmtree(tree)
    assert mirrorsync("rollback", "redhat", "2").code == 0
    after = snapshot(tree)
    assert {name for name in before if before[name] != after.get(name)} == {STAMP}


def test_modes_that_were_changed_are_mended_by_a_rollback(mirrorsync: Mirrorsync, tree: Path) -> None:
    (tree / BASH).chmod(0o600)
    (tree / RPMS).chmod(0o700)
    assert mirrorsync("check").code == 4
    assert mirrorsync("rollback", "redhat", "2").code == 0
    assert mirrorsync("check").code == 0


@pytest.mark.parametrize("name", ["README", "images/pxeboot/vmlinuz"])
def test_a_file_that_became_a_link_elsewhere_is_found(mirrorsync: Mirrorsync, tree: Path, tmp_path: Path, name: str) -> None:
    if name == "README":
        (tree / name).write_text("read me\n")
        assert mirrorsync("update", "--adopt-changes").code == 0
    shutil.move(tree / name, tmp_path / "elsewhere")
    (tree / name).symlink_to(tmp_path / "elsewhere")
    assert str(tree / name) in found(mirrorsync, "changed-by-hand")
    assert f"changed: {name}" in mirrorsync("update").err


def test_a_link_that_leads_out_of_the_tree_is_no_change(mirrorsync: Mirrorsync, tree: Path) -> None:
    (tree.parent / "ks.cfg").write_text("install\n")
    (tree / "ks.cfg").symlink_to("../ks.cfg")
    assert mirrorsync("update", "--adopt-changes").code == 0
    (tree.parent / "ks.cfg").write_text("install another\n")
    assert (mirrorsync("update").code, mirrorsync("check", "--deep").code) == (0, 0)
    assert mirrorsync("rollback", "redhat", "2").code == 0
    assert mirrorsync("rollback", "redhat", "3").code == 0


@pytest.mark.parametrize("lost", ["stamp", "record", "list"])
def test_what_a_rollback_took_out_stays_out_whatever_is_lost(
    mirrorsync: Mirrorsync, tree: Path, rpm: Builder, lost: str, home: Path, redhat: Site
) -> None:
    redhat.offer(rpm("tar", "2"))
    assert mirrorsync("update").code == 0
    assert mirrorsync("rollback", "redhat", "2").code == 0
    journal = home / "journal"
    {"stamp": tree / STAMP, "record": journal / "4.json", "list": journal / "4.files"}[lost].unlink()
    assert mirrorsync("update", "--adopt-changes").code in ((0, 3) if lost == "record" else (3,))
    if lost != "record":
        assert mirrorsync("check", "--json").tree["packages"] == 2
        newest = mirrorsync("status", "--json").tree["generation"]
        assert "tar-2" not in mirrorsync("diff", "4", str(newest)).out


def test_a_generation_whose_record_was_rewritten_is_not_gone_back_to(mirrorsync: Mirrorsync, home: Path) -> None:
    record = home / "journal/1.json"
    rewritten(record, record.read_bytes().replace(b'"process ', b'"procesS '))
    refused = mirrorsync("rollback", "redhat", "1")
    assert (refused.code, "1.json: not the record that was published" in refused.err) == (1, True)


def test_check_names_what_is_gone_or_foreign_beside_the_tree(mirrorsync: Mirrorsync, home: Path) -> None:
    shutil.rmtree(home / "generations/1")
    junk = [home / name for name in ("junk", "generations/77", "retired/junk", "journal/junk")]
    for folder in junk:
        folder.mkdir()
    assert found(mirrorsync, "generation-lost") == [str(home / "generations/1")]
    assert found(mirrorsync, "foreign-file") == sorted(str(folder) for folder in junk)


def test_a_folder_of_removed_generations_that_leads_elsewhere_is_not_followed(mirrorsync: Mirrorsync, tmp_path: Path, home: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("")
    (home / "discarded").symlink_to(tmp_path / "mine")
    mirrorsync("prune")
    assert (tmp_path / "mine/file").exists()
    assert found(mirrorsync, "foreign-file") == [str(home / "discarded")]


def test_a_lost_cache_of_file_lists_costs_time_only(mirrorsync: Mirrorsync, tmp_path: Path, rpm: Builder, redhat: Site) -> None:
    copy([rpm("tool", "1", files={"/opt/tool/x": "x"})], tmp_path / "u1/redhat" / RPMS)
    assert mirrorsync("update", "--adopt-changes").code == 0
    with sqlite3.connect(redhat.state / "trees/redhat/tree.sqlite") as database:
        database.execute("DELETE FROM paths")
    database.close()
    redhat.offer(rpm("tar", "2", requires=["/opt/tool/x"]))
    assert mirrorsync("update").code == 0
