"""Pruning beside a tree: what goes, what that really frees, and that neither a kill nor another run nor a refusal does harm."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mirrorsync.locks import locked
from mirrorsync.model.choices import Layout
from mirrorsync.tree import journal
from mirrorsync.tree.pool import Pool
from mirrorsync.tree.pruning import clear, discard, disposable
from mirrorsync.tree.site import Tree
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.sites import LISTING, copy, rhl_tree
from tests.trees import snapshot
from tests.volumes import Volume, ext4, needs_volumes

KEEP_ALL = 'grace = "0s"\nkeep_generations = 9'


def keep(program: Mirrorsync, former: int, grace: str = "0s") -> Mirrorsync:
    """The same program, which from now on keeps so many former generations."""
    program.config.write_text(program.config.read_text().replace(KEEP_ALL, f'grace = "{grace}"\nkeep_generations = {former}'))
    return program


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, rpm: Builder) -> Path:
    """A folder with a tree that was updated four times: five generations, all of them kept, no grace."""
    folder = tmp_path_factory.mktemp("prepared")
    tree = rhl_tree(folder, [rpm("bash", "1"), rpm("tar", "1")])
    mirror = copy([], folder / "mirror")
    program = configured(folder, tree, f'url = "{mirror.as_uri()}/"\n{LISTING}', more=KEEP_ALL)
    text = "".join(f"{number:x} {number**5:x}\n" for number in range(9000))
    for version in "2345":
        copy([rpm("bash", version, files={"/text": text + version})], mirror)
        done = program("update")
        assert done.code == 0, done.out + done.err
    return folder


def taken(prepared: Path, folder: Path, trees: Path) -> Mirrorsync:
    """A copy of what is prepared, hard links and all, with its trees in `trees`."""
    subprocess.run(["cp", "-a", str(prepared / "u1"), str(trees)], check=True)
    config = (prepared / "mirrorsync.toml").read_text()
    (folder / "mirrorsync.toml").write_text(config.replace(str(prepared), str(folder)))
    return Mirrorsync(folder / "mirrorsync.toml")


@pytest.fixture
def program(prepared: Path, tmp_path: Path) -> Mirrorsync:
    return taken(prepared, tmp_path, tmp_path)


@pytest.fixture
def home(program: Mirrorsync) -> Path:
    return program.config.parent / "u1/.mirrorsync/redhat"


@pytest.fixture
def tree(program: Mirrorsync) -> Tree:
    """The same tree for those who look from within; one former generation is to be kept."""
    folder = program.config.parent
    return Tree("redhat", folder / "u1/redhat", Layout.REDHAT, folder / "state", ("i386",), timedelta(0), 1)


def later() -> datetime:
    """Whatever is there was there before."""
    return datetime.now(UTC) + timedelta(seconds=1)


def folders(home: Path) -> dict[str, list[str]]:
    return {name: sorted(path.name for path in (home / name).iterdir()) for name in ("generations", "retired")}


def test_the_oldest_generations_go_and_the_tree_and_the_kept_ones_stay_whole(program: Mirrorsync, home: Path) -> None:
    current, kept = (snapshot(folder) for folder in (home.parents[1] / "redhat", home / "generations/4"))
    pruned = keep(program, 1)("prune")
    assert (pruned.code, pruned.err) == (0, "")
    assert "redhat: generations 1, 2, 3, " in pruned.out
    assert "  kept generations: 4, 5\n" in pruned.out
    assert folders(home) == {"generations": ["4", "5"], "retired": ["4"]}
    assert snapshot(home.parents[1] / "redhat") == current
    assert snapshot(home / "generations/4") == kept
    assert program("check", "--deep").code == 0
    assert not (home / "discarded").exists()


def test_the_records_stay_for_the_history_and_the_lists_of_what_went_go(program: Mirrorsync, home: Path) -> None:
    keep(program, 1)("prune")
    lists = {path.name for path in (home / "journal").glob("*.files")}
    assert (lists, len(list((home / "journal").glob("*.json")))) == ({"4.files", "5.files"}, 5)
    assert len(program("history", "--json").tree["generations"]) == 5


def test_a_dry_run_says_what_would_go_and_touches_nothing(program: Mirrorsync, home: Path) -> None:
    before = snapshot(home)
    shown = keep(program, 1)("prune", "--dry-run")
    assert (shown.code, "generations 1, 2, 3" in shown.out, "would go" in shown.out) == (0, True, True)
    assert snapshot(home) == before


def test_keep_on_the_command_line_takes_the_place_of_the_configured_number(program: Mirrorsync) -> None:
    planned = program("prune", "-n", "--keep", "2", "--json").tree
    assert (planned["generations"], planned["kept_generations"], planned["dry_run"]) == ([1, 2], [3, 4, 5], True)


def test_what_is_in_grace_stays_however_few_are_to_be_kept(program: Mirrorsync, home: Path) -> None:
    pruned = keep(program, 1, grace="1h")("prune", "--keep", "0")
    assert (pruned.code, pruned.out) == (0, "redhat: nothing to remove\n  kept generations: 1, 2, 3, 4, 5\n")
    assert folders(home)["generations"] == ["1", "2", "3", "4", "5"]


def test_a_tree_that_was_never_updated_has_nothing_to_prune_and_nothing_is_made_beside_it(tmp_path: Path, rpm: Builder) -> None:
    tree = rhl_tree(tmp_path, [rpm("bash", "1")])
    pruned = configured(tmp_path, tree, f'url = "{tmp_path.as_uri()}/"\n{LISTING}')("prune")
    assert (pruned.code, pruned.out) == (0, "redhat: nothing to remove\n  kept generations: none\n")
    assert not (tmp_path / "u1/.mirrorsync").exists()


def test_a_run_at_work_is_not_pruned_under(program: Mirrorsync, home: Path) -> None:
    with locked(home / "lock", "a test"):
        refused = keep(program, 1)("prune")
        assert (refused.code, "is at work on it" in refused.err) == (75, True)
        assert program("prune", "-n").code == 0
    assert folders(home)["generations"] == ["1", "2", "3", "4", "5"]


def test_what_a_stopped_run_has_fetched_stays_for_the_next_one_until_the_grace_is_over(program: Mirrorsync, tree: Tree) -> None:
    pool = Pool(tree.pool)
    for key in ("new", "old"):
        pool.incoming(key).write_bytes(key.encode())
    os.utime(pool.incoming("old"), (0, 0))
    patient = replace(tree, grace=timedelta(hours=1))
    disposal = disposable(patient, later())
    assert (disposal.generations, disposal.pool_files, disposal.incoming, disposal.inodes) == ((), 0, 1, 1)
    assert clear(patient, later()) == ()
    assert (pool.incoming("new").exists(), pool.incoming("old").exists()) == (True, False)


def test_the_origin_of_what_is_arriving_stays_with_it(program: Mirrorsync, tree: Tree) -> None:
    pool = Pool(tree.pool)
    for name in ("a", "a.origin", "b.origin"):
        pool.incoming(name).write_text("x")
    for name in ("a.origin", "b.origin"):
        os.utime(pool.incoming(name), (0, 0))
    clear(replace(tree, grace=timedelta(hours=1)), later())
    assert [pool.incoming(name).exists() for name in ("a", "a.origin", "b.origin")] == [True, True, False]


@pytest.mark.parametrize("stopped", ["retired put aside", "both put aside", "list removed", "half cleared"])
def test_pruning_that_was_killed_is_finished_by_the_next_one(program: Mirrorsync, home: Path, tree: Tree, stopped: str) -> None:
    whole = disposable(tree, later())
    (home / "discarded").mkdir()
    (home / "retired/1").rename(home / "discarded/retired-1")
    if stopped != "retired put aside":
        (home / "generations/1").rename(home / "discarded/generations-1")
    if stopped in ("list removed", "half cleared"):
        journal.files_path(tree.journal, 1).unlink()
    if stopped == "half cleared":
        shutil.rmtree(home / "discarded/generations-1/RedHat")
    if stopped == "both put aside":
        assert disposable(tree, later()).inodes == whole.inodes + 1  # the folder of what is put aside goes too
    assert keep(program, 1)("prune").code == 0
    assert folders(home) == {"generations": ["4", "5"], "retired": ["4"]}
    assert not (home / "discarded").exists()
    assert not list((home / "journal").glob("[123].files"))
    assert disposable(tree, later()).inodes == 0


def test_a_second_folder_of_one_number_is_put_aside_beside_the_first(program: Mirrorsync, home: Path, tree: Tree) -> None:
    (home / "discarded/generations-1").mkdir(parents=True)
    discard(tree, later())
    assert {"generations-1", "generations-1.1"} <= {path.name for path in (home / "discarded").iterdir()}
    assert clear(tree, later()) == ()


def test_nothing_is_removed_while_the_lock_is_held(program: Mirrorsync, home: Path, tree: Tree) -> None:
    before = {path.stat().st_ino for path in home.rglob("*.rpm")}
    disposal, left = discard(tree, later())
    assert left == ()
    assert disposal.generations == (1, 2, 3)
    assert {path.stat().st_ino for path in home.rglob("*.rpm")} == before
    assert folders(home)["generations"] == ["4", "5"]


def test_two_that_clear_at_once_do_not_stumble_over_each_other(program: Mirrorsync, home: Path, tree: Tree) -> None:
    for number in range(200):
        (home / f"discarded/generations-{number}/RedHat").mkdir(parents=True)
        (home / f"discarded/generations-{number}/RedHat/hdlist").touch()
    found = []
    threads = [threading.Thread(target=lambda: found.append(clear(tree, later()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == [(), (), (), ()]
    clear(tree, later())
    assert not (home / "discarded").exists()


def test_the_pool_waits_for_the_run_that_is_at_work(program: Mirrorsync, home: Path, tree: Tree) -> None:
    discard(tree, later())
    files = len(list(Pool(tree.pool).unused()))
    with locked(home / "lock", "a test"):
        assert clear(tree, later()) == ()
        assert not any((home / "discarded").iterdir())
        assert len(list(Pool(tree.pool).unused())) > files
    assert clear(tree, later()) == ()
    assert not list(Pool(tree.pool).unused())


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    with ext4(tmp_path, 32) as mounted:
        yield mounted


@pytest.fixture
def on_volume(prepared: Path, tmp_path: Path, volume: Volume) -> Mirrorsync:
    """As `program`, with the tree on a file system of its own."""
    program = taken(prepared, tmp_path, volume.outside)
    program.config.write_text(program.config.read_text().replace(f"{tmp_path}/u1", f"{volume.path}/u1"))
    return volume.mirrorsync(program)


@needs_volumes
def test_bytes_and_inodes_told_are_those_that_the_file_system_has_more_afterwards(volume: Volume, on_volume: Mirrorsync) -> None:
    incoming = volume.outside / "u1/.mirrorsync/redhat/pool/incoming"
    for name, size in (("a", 5000), ("a.origin", 50), ("b", 0)):
        (incoming / name).write_bytes(b"x" * size)
        os.utime(incoming / name, (0, 0))
    keep(on_volume, 1)
    before = volume.free
    planned = on_volume("prune", "-n", "--json").tree
    assert volume.free == before
    pruned = on_volume("prune", "--json").tree
    after = volume.free
    print(f"told {pruned['bytes']} bytes, {pruned['inodes']} inodes; freed {after[0] - before[0]} bytes, {after[1] - before[1]} inodes")
    assert {**pruned, "dry_run": True} == planned
    assert pruned["generations"] == [1, 2, 3]
    assert (pruned["bytes"], pruned["inodes"]) == (after[0] - before[0], after[1] - before[1])
    assert pruned["bytes"] > 100_000


@needs_volumes
def test_a_disk_that_is_full_to_the_last_block_can_be_pruned(volume: Volume, on_volume: Mirrorsync) -> None:
    volume.leave(0)
    before = volume.free[0]
    pruned = keep(on_volume, 1)("prune", "--json")
    assert (pruned.code, pruned.err) == (0, "")
    assert volume.free[0] - before == pruned.tree["bytes"] > 100_000


@needs_volumes
def test_what_cannot_be_removed_is_a_finding_and_goes_when_it_can(volume: Volume, on_volume: Mirrorsync) -> None:
    home = volume.outside / "u1/.mirrorsync/redhat"
    subprocess.run(["chattr", "+i", str(home / "generations/2/RedHat/base/hdlist")], check=True)
    stuck = keep(on_volume, 1)("prune", "--json")
    [finding] = stuck.tree["findings"]
    assert (stuck.code, finding["code"], finding["where"].endswith("RedHat/base/hdlist")) == (4, "not-removed", True)
    assert stuck.tree["kept_generations"] == [4, 5]
    subprocess.run(["chattr", "-i", str(home / "discarded/generations-2/RedHat/base/hdlist")], check=True)
    assert on_volume("prune").code == 0
    assert not (home / "discarded").exists()


@pytest.fixture
def immovable(volume: Volume, on_volume: Mirrorsync) -> Iterator[Path]:
    """The directory that was the tree as generation 1, which cannot be renamed until the test ends."""
    folder = volume.outside / "u1/.mirrorsync/redhat/retired/1"
    subprocess.run(["chattr", "+i", str(folder)], check=True)
    yield folder
    if folder.exists():
        subprocess.run(["chattr", "-i", str(folder)], check=True)


@needs_volumes
def test_what_cannot_be_put_aside_is_a_finding_and_all_else_goes(volume: Volume, on_volume: Mirrorsync, immovable: Path) -> None:
    before = volume.free
    stuck = keep(on_volume, 1)("prune", "--json")
    [finding] = stuck.tree["findings"]
    assert (stuck.code, finding["code"], finding["where"].endswith("retired/1")) == (4, "not-removed", True)
    assert (stuck.tree["generations"], stuck.tree["kept_generations"]) == ([2, 3], [1, 4, 5])
    assert stuck.tree["bytes"] <= volume.free[0] - before[0]
    assert on_volume("check", "--deep").code == 0
    subprocess.run(["chattr", "-i", str(immovable)], check=True)
    pruned = on_volume("prune", "--json")
    assert (pruned.code, pruned.tree["generations"], immovable.exists()) == (0, [1], False)


@needs_volumes
@pytest.mark.parametrize("command", ["update", "rollback redhat 4"])
def test_what_cannot_be_put_aside_hides_nothing_of_what_was_published(
    on_volume: Mirrorsync, immovable: Path, tmp_path: Path, rpm: Builder, command: str
) -> None:
    copy([rpm("tar", "2")], tmp_path / "mirror")
    published = keep(on_volume, 1)(*command.split(), "--json")
    assert (published.err, published.tree["generation"]) == ("", 6)
    assert [finding["code"] for finding in published.findings] == ["not-removed"]
