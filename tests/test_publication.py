"""Building, publishing, recovering: what a node finds at the tree's path is always one whole generation."""

import hashlib
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mirrorsync.errors import LockedError, PublishError
from mirrorsync.files import remove_tree
from mirrorsync.locks import lock_holder
from mirrorsync.model.choices import Layout
from mirrorsync.model.generation import ADOPTION, FileRecord, Generation
from mirrorsync.model.plan import Plan
from mirrorsync.planning.record import ByHand, update_record
from mirrorsync.tree import journal, publication
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.contents import next_contents
from mirrorsync.tree.generation import build, files_of, unlisted, verify
from mirrorsync.tree.indexes import read_indexes
from mirrorsync.tree.pool import Pool
from mirrorsync.tree.pruning import discard
from mirrorsync.tree.reading import Holding, read_tree, scan
from mirrorsync.tree.site import Tree
from tests.conftest import Builder
from tests.trees import NOW, described, make_tree, replacing, snapshot, staged

BOTH = pytest.mark.parametrize("layout", list(Layout))


def read(tree: Tree) -> Holding:
    with TreeCache(tree.cache) as cache:
        return read_tree(tree, scan(tree), cache)


def built(tree: Tree, rpm: Path) -> tuple[Generation, tuple[FileRecord, ...]]:
    """Everything before the exchange: adoption where needed, and the next generation at `building`."""
    holding = read(tree)
    if tree.stamp() is None:
        publication.adopt(tree, Generation(1, NOW, ADOPTION), holding.files)
    package = described(rpm)
    plan = replacing(tree, holding.catalogue.packages, package)
    files = staged(tree.pool, rpm, package)
    contents = next_contents(tree.layout, holding, plan, files, now=NOW, grace=tree.grace)
    number = (tree.stamp() or 0) + 1
    with TreeCache(tree.cache) as cache:
        build(tree, number, contents, Pool(tree.pool), cache, now=NOW)
        verify(tree, contents, plan, holding.catalogue.listed_names)
        generation = update_record(number, plan, None, None, ByHand())
        grace = unlisted(tree, contents.grace, tree.building)
        return replace(generation, published=NOW, grace=grace), files_of(tree, contents, cache)


def published(tree: Tree, rpm: Path) -> Generation:
    generation, files = built(tree, rpm)
    publication.publish(tree, generation, files)
    return generation


def listed(tree: Tree, root: Path | None = None) -> list[str]:
    return sorted(str(package.nevra) for package in read_indexes(tree.layout, root or tree.path))


@BOTH
def test_a_published_tree_lists_the_new_package_and_keeps_the_old_file_unlisted(tmp_path: Path, rpm: Builder, layout: Layout) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1"), rpm("tar", "1")], layout)
    published(tree, rpm("bash", "2"))
    assert listed(tree) == ["bash-2-1.noarch", "tar-1-1.noarch"]
    files = {path.name for path in tree.path.rglob("*.rpm")}
    assert files == {"bash-1-1.noarch.rpm", "bash-2-1.noarch.rpm", "tar-1-1.noarch.rpm"}
    assert tree.stamp() == 2


@BOTH
def test_everything_that_is_no_package_or_index_is_carried_along(tmp_path: Path, rpm: Builder, layout: Layout) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")], layout)
    before = snapshot(tree.path)
    published(tree, rpm("bash", "2"))
    after = snapshot(tree.path)
    assert {name: after[name] for name in before} == before
    assert (tree.path / "empty").is_dir()


def test_the_former_tree_is_kept_with_its_inode_and_every_generation_has_its_own_path(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    inode = tree.path.stat().st_ino
    published(tree, rpm("bash", "2"))
    assert (tree.retired / "1").stat().st_ino == inode
    assert listed(tree, tree.generations / "2") == ["bash-2-1.noarch"]
    assert (tree.generations / "1/RedHat/RPMS/bash-1-1.noarch.rpm").exists()
    assert tree.kept_generations() == (1, 2)


def test_no_byte_of_the_former_tree_changes_when_the_next_one_is_made(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1"), rpm("tar", "1")])
    published(tree, rpm("bash", "2"))
    before = snapshot(tree.generations / "2")
    published(tree, rpm("tar", "2"))
    assert snapshot(tree.generations / "2") == before == snapshot(tree.retired / "2")


@pytest.mark.parametrize("stopped", ["built", "cloned", "recorded"])
def test_a_run_stopped_before_the_exchange_is_dropped_and_leaves_the_old_tree(tmp_path: Path, rpm: Builder, stopped: str) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    published(tree, rpm("bash", "2"))
    before = snapshot(tree.path)
    generation, made = built(tree, rpm("bash", "3"))
    if stopped != "built":
        (tree.generations / "3").mkdir()
    if stopped == "recorded":
        journal.write_record(tree.journal, generation, made)
    publication.recover(tree)
    assert snapshot(tree.path) == before
    assert journal.numbers(tree.journal) == (1, 2) == tree.kept_generations()
    assert not tree.building.exists()


def test_a_run_stopped_right_after_the_exchange_is_finished(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    published(tree, rpm("bash", "2"))
    (tree.retired / "1").rename(tree.building)
    publication.recover(tree)
    assert not tree.building.exists()
    assert (tree.retired / "1/RedHat/RPMS/bash-1-1.noarch.rpm").exists()
    assert listed(tree) == ["bash-2-1.noarch"]


def test_an_adoption_that_was_stopped_is_done_again_under_the_same_number(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    journal.write_record(tree.journal, Generation(1, NOW, ADOPTION), read(tree).files)
    (tree.generations / "1").mkdir(parents=True)
    publication.recover(tree)
    assert journal.numbers(tree.journal) == () == tree.kept_generations()


def test_a_second_writer_is_refused_and_told_who_is_at_work(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    with publication.writing(tree):
        assert f"process {os.getpid()}" in str(lock_holder(tree.lock))
        with pytest.raises(LockedError, match=f"process {os.getpid()}"), publication.writing(tree):
            pass
    assert lock_holder(tree.lock) is None


def test_grace_copies_go_once_their_time_is_over(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    published(tree, rpm("bash", "2"))
    later = NOW + tree.grace + timedelta(seconds=1)
    contents = next_contents(tree.layout, read(tree), Plan(tree.name), {}, now=later, grace=tree.grace)
    assert contents.grace == ()
    assert "RedHat/RPMS/bash-1-1.noarch.rpm" not in {record.path for record in contents.kept}


def test_generations_beyond_those_kept_go_when_their_grace_is_over_and_not_before(tmp_path: Path, rpm: Builder) -> None:
    tree = replace(make_tree(tmp_path, [rpm("bash", "1")]), keep=1)
    for version in ("2", "3"):
        published(tree, rpm("bash", version))
    discard(tree, NOW)
    assert tree.kept_generations() == (1, 2, 3)
    discard(tree, NOW + tree.grace)
    assert tree.kept_generations() == (2, 3)
    assert not (tree.retired / "1").exists()


@BOTH
def test_a_generation_whose_package_went_missing_is_never_published(tmp_path: Path, rpm: Builder, layout: Layout) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1"), rpm("tar", "1")], layout)
    holding = read(tree)
    built(tree, rpm("bash", "1"))
    contents = next_contents(tree.layout, holding, Plan(tree.name), {}, now=NOW, grace=tree.grace)
    [missing] = tree.building.rglob("tar-*.rpm")
    missing.unlink()
    with pytest.raises(PublishError, match="tar-1-1"):
        verify(tree, contents, Plan(tree.name), frozenset())


def test_a_tree_that_was_replaced_by_hand_is_adopted_again_after_the_generations_before_it(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    published(tree, rpm("bash", "2"))
    remove_tree(tree.path)
    remake = make_tree(tmp_path / "other", [rpm("bash", "1")])
    remake.path.rename(tree.path)
    publication.recover(tree)
    assert journal.numbers(tree.journal) == (1, 2)


def test_the_second_reading_opens_no_file_that_did_not_change(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1"), rpm("tar", "1")])
    first = read(tree)
    for path in tree.path.rglob("*.rpm"):
        path.chmod(0)  # root reads it all the same, so its content goes too:
        status = path.stat()
        path.write_bytes(b"\0" * status.st_size)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert read(tree) == first


def test_a_damaged_package_in_the_tree_is_a_finding_and_does_not_stop_the_reading(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    (tree.path / "RedHat/RPMS/junk-1-1.i386.rpm").write_bytes(b"not a package")
    holding = read(tree)
    assert [finding.code for finding in holding.catalogue.findings] == ["damaged-package"]
    assert [package.name for package in holding.catalogue.packages] == ["bash"]


def test_a_damaged_cache_is_made_anew(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    first = read(tree)
    tree.cache.write_bytes(b"rubbish" * 1000)
    assert read(tree) == first


def test_each_record_carries_the_digest_of_the_one_before(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    published(tree, rpm("bash", "2"))
    first, second = (journal.read_record(tree.journal, number) for number in (1, 2))
    assert first.previous == ""
    assert second.previous == hashlib.sha256(journal.record_path(tree.journal, 1).read_bytes()).hexdigest()
