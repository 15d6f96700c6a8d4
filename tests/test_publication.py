"""Building, publishing, recovering: what a node finds at the tree's path is always one whole generation."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
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
from tests.commands import Result
from tests.conftest import Builder
from tests.namespaces import obstacle
from tests.sites import STAMP, Site, redhat_site
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
    repositories = {entry.origin: "" for entry in plan.incoming}
    contents = next_contents(tree.shape, holding, plan, files, repositories, now=NOW, grace=tree.grace)
    number = (tree.stamp() or 0) + 1
    with TreeCache(tree.cache) as cache:
        build(tree, number, contents, Pool(tree.pool), cache, now=NOW, offered={})
        verify(tree, contents, plan, holding.catalogue.listed_names)
        generation = update_record(number, plan, None, (), ByHand())
        grace = unlisted(tree, contents.grace, tree.building)
        return replace(generation, published=NOW, grace=grace), files_of(tree, contents, cache)


def published(tree: Tree, rpm: Path) -> Generation:
    generation, files = built(tree, rpm)
    publication.publish(tree, generation, files)
    return generation


def listed(tree: Tree, root: Path | None = None) -> list[str]:
    return sorted(str(package.nevra) for package in read_indexes(tree.shape, root or tree.path))


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
    contents = next_contents(tree.shape, read(tree), Plan(tree.name), {}, {}, now=later, grace=tree.grace)
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
    contents = next_contents(tree.shape, holding, Plan(tree.name), {}, {}, now=NOW, grace=tree.grace)
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


# What fails once the generation is published


def as_link(site: Site) -> None:
    """Let the tree's path be a link, as where directories cannot be exchanged."""
    site.tree.rename(site.tree.with_name("first"))
    site.tree.symlink_to("first")


def mounted_on(path: Path) -> list[str]:
    """A mount that only the run sees: nothing can be renamed across it or over it."""
    if hindrance := obstacle("mount"):
        pytest.skip(hindrance)
    script = 'mount --bind "$0" "$0"; exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(path)]


def other_file_system(site: Site) -> list[str]:
    """Former trees cannot be moved to where they are kept."""
    return mounted_on(site.home / "retired")


def marker_not_replaced(site: Site) -> list[str]:
    """There is no saying what was published last."""
    return mounted_on(site.home / "published")


def names_not_durable(site: Site) -> list[str]:
    """The folder that the tree lies in cannot be made durable."""
    return no_sync(site.tree.parent)


def no_sync(folder: Path) -> list[str]:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(folder), "-e", "inject=fsync:error=EIO"]


@pytest.fixture(params=["directory", "link"])
def site(request: pytest.FixtureRequest, tmp_path: Path, rpm: Builder) -> Site:
    """A tree at its third generation, whose mirror has a fourth; its boot set was never staged."""
    made = redhat_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])
    if request.param == "link":
        as_link(made)
    assert made.program()("update").code == 0
    made.offer(rpm("bash", "3"))
    assert made.program()("update").code == 0
    made.offer(rpm("bash", "4"))
    made.boot.mkdir()
    return made


def ran(site: Site, command: str, wrapper: Sequence[str] = ()) -> Result:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    words = [*wrapper, *site.program(boot=True).command, *command.split(), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=environment)
    return Result(done.returncode, done.stdout, done.stderr)


FAULTS = (other_file_system, marker_not_replaced, names_not_durable)


@pytest.mark.parametrize("command", ["update", "rollback redhat"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_fails_once_a_generation_is_published_hides_nothing_of_it(
    fault: Callable[[Site], list[str]], command: str, site: Site
) -> None:
    if (linked := site.tree.is_symlink()) and fault is other_file_system:
        pytest.skip("a tree that is a link leaves none to be moved")
    failed = ran(site, command, fault(site))
    [finding] = failed.findings
    assert (failed.code, failed.tree["generation"], finding["code"], finding["severity"]) == (4, 4, "not-finished", "error")
    assert finding["what"].startswith("generation 4 is published; what was left to do then was not done: ")
    assert finding["remedy"] == "mend that and run `mirrorsync update`: it finishes"
    assert (site.boot / "linux.1").read_bytes() == b"a kernel"
    assert (site.tree / STAMP).read_text().startswith("4 ")
    assert ran(site, "update").code == 0
    shown = (site.tree / STAMP).read_text().split()[0]
    assert (site.home / "published").read_text() == f"{shown}\n"
    assert not (site.home / "building").exists()
    assert linked or (site.home / "retired/3").is_dir()


@pytest.mark.parametrize("fault", [other_file_system, marker_not_replaced], ids=lambda fault: fault.__name__)
def test_while_a_stopped_publication_cannot_be_finished_its_boot_set_is_staged_all_the_same(
    fault: Callable[[Site], list[str]], tmp_path: Path, rpm: Builder
) -> None:
    made = redhat_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])
    assert made.program()("update").code == 0
    made.offer(rpm("bash", "3"))
    made.boot.mkdir()
    wrapper = fault(made)
    assert ran(made, "update", wrapper).code == 4
    shutil.rmtree(made.boot)
    made.boot.mkdir()
    again = ran(made, "update", wrapper)
    assert again.code == 1
    assert again.tree["error"].endswith("; the tree is whole, old or new; mend that and run again")
    assert (made.boot / "linux.1").read_bytes() == b"a kernel"
    assert ran(made, "update").code == 0


def test_an_adoption_that_cannot_be_made_durable_says_that_the_tree_was_recorded(tmp_path: Path, rpm: Builder) -> None:
    made = redhat_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])
    made.boot.mkdir()
    failed = ran(made, "update", no_sync(made.tree))
    assert failed.code == 1
    what = "recorded as generation 1, and nothing else was done, for that could not be made durable: Input/output error"
    assert failed.tree["error"] == f"{made.tree}: {what}; mend that and run again"
    assert ran(made, "update").tree["generation"] == 2


def test_an_adoption_goes_on_where_it_cannot_be_marked(tmp_path: Path, rpm: Builder) -> None:
    tree = make_tree(tmp_path, [rpm("bash", "1")])
    tree.marker.mkdir(parents=True)
    publication.adopt(tree, Generation(1, NOW, ADOPTION), read(tree).files)
    assert (tree.stamp(), tree.last()) == (1, 1)
