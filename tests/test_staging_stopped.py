"""Boot staging stopped before each of its steps: nodes have a whole set or what they had, and the next run completes it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from mirrorsync.boot.bootset import BootSet
from mirrorsync.boot.undi import Undi
from mirrorsync.model.outcome import BootChange

KERNEL, INITRD = "linux.1", "linux.2"
OLD = (b"kernel 1", b"initrd 1")
NEW = (b"kernel 2", b"initrd 2" * 1000)
STEPS = ("os.rename", "os.symlink", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.link")
MOST = 200
STOPPED = 77

Pair = tuple[bytes | None, bytes | None]


@pytest.fixture
def boot_set(tmp_path: Path) -> BootSet:
    (tmp_path / "tree").mkdir()
    return written(tmp_path / "tree", NEW)


def written(folder: Path, pair: tuple[bytes, bytes]) -> BootSet:
    for name, content in zip((KERNEL, INITRD), pair, strict=True):
        (folder / name).write_bytes(content)
    return BootSet(folder / KERNEL, folder / INITRD)


def staged_before(folder: Path, boot_set: BootSet, pair: tuple[bytes, bytes] = OLD) -> None:
    """A set of our own that is not the tree's."""
    other = folder.with_name("other")
    other.mkdir()
    Undi(folder).stage(written(other, pair))
    shutil.rmtree(other)


def nothing(_folder: Path, _boot_set: BootSet) -> None: ...


def plain(folder: Path, _boot_set: BootSet) -> None:
    written(folder, OLD)


def plain_and_right(folder: Path, _boot_set: BootSet) -> None:
    written(folder, NEW)


def only_the_kernel(folder: Path, boot_set: BootSet) -> None:
    plain(folder, boot_set)
    (folder / INITRD).unlink()


def only_the_initrd(folder: Path, boot_set: BootSet) -> None:
    plain(folder, boot_set)
    (folder / KERNEL).unlink()


def linked_into_the_tree(folder: Path, boot_set: BootSet) -> None:
    (folder / KERNEL).symlink_to(boot_set.kernel)
    (folder / INITRD).hardlink_to(boot_set.initrd)


def with_two_sets(folder: Path, boot_set: BootSet) -> None:
    staged_before(folder, boot_set, (b"kernel 0", b"initrd 0"))
    staged_before(folder, boot_set)


def links_replaced_by_files(folder: Path, boot_set: BootSet) -> None:
    staged_before(folder, boot_set, (b"kernel 0", b"initrd 0"))
    for name in (KERNEL, INITRD):
        (folder / name).unlink()
    plain(folder, boot_set)


def links_replaced_by_a_kernel(folder: Path, boot_set: BootSet) -> None:
    links_replaced_by_files(folder, boot_set)
    (folder / INITRD).unlink()
    (folder / INITRD).symlink_to(f".mirrorsync-boot/{INITRD}")
    (folder / ".mirrorsync-boot").unlink()


def its_own_set_written_to(folder: Path, boot_set: BootSet) -> None:
    """The set that is wanted is the one that nodes load, and somebody has put another pair into it."""
    Undi(folder).stage(boot_set)
    written(folder, OLD)


def half_its_own_set(folder: Path, boot_set: BootSet) -> None:
    its_own_set_written_to(folder, boot_set)
    (folder / ".mirrorsync-boot" / INITRD).unlink()


def a_kernel_before_half_its_own_set(folder: Path, boot_set: BootSet) -> None:
    Undi(folder).stage(boot_set)
    (folder / ".mirrorsync-boot" / INITRD).unlink()
    (folder / KERNEL).unlink()
    (folder / KERNEL).write_bytes(OLD[0])


def linked_from_a_set(folder: Path, boot_set: BootSet) -> None:
    staged_before(folder, boot_set)
    shutil.rmtree(folder / (folder / ".mirrorsync-boot").readlink())


Beginning = Callable[[Path, BootSet], None]
BEGINNINGS: tuple[Beginning, ...] = (
    *(nothing, plain, plain_and_right, only_the_kernel, only_the_initrd, linked_into_the_tree, staged_before, with_two_sets),
    *(
        links_replaced_by_files,
        links_replaced_by_a_kernel,
        its_own_set_written_to,
        half_its_own_set,
        a_kernel_before_half_its_own_set,
        linked_from_a_set,
    ),
)


def stopped_at(step: int, boot_set: BootSet, directory: Path) -> bool:
    """Stage in a child process that ends right before the call number `step` that changes a name; whether there were so many."""
    child = os.fork()
    if child == 0:
        _stage_and_stop(step, boot_set, directory)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, STOPPED)
    return code == STOPPED


def _stage_and_stop(step: int, boot_set: BootSet, directory: Path) -> None:
    calls = count(1)

    def stop(event: str, _arguments: tuple[object, ...]) -> None:
        if event in STEPS and next(calls) == step:
            os._exit(STOPPED)

    try:
        sys.addaudithook(stop)
        Undi(directory).stage(boot_set)
        os._exit(0)
    finally:
        os._exit(1)


def loaded(directory: Path) -> Pair:
    """What a node gets for the two names; None for a name that is not there."""
    kernel, initrd = ((directory / name).read_bytes() if (directory / name).is_file() else None for name in (KERNEL, INITRD))
    return kernel, initrd


def layout(directory: Path) -> dict[str, object]:
    """Every name with what it is."""
    return {
        str(path.relative_to(directory)): str(path.readlink()) if path.is_symlink() else path.is_file() and path.read_bytes()
        for path in sorted(directory.rglob("*"))
    }


def stops(folder: Path, boot_set: BootSet, beginning: Beginning) -> Iterator[Path]:
    """A boot directory for each step, left as it is when staging is stopped there."""
    for step in range(1, MOST):
        directory = folder / f"boot-{step}"
        directory.mkdir()
        beginning(directory, boot_set)
        if not stopped_at(step, boot_set, directory):
            return
        yield directory
    pytest.fail(f"more than {MOST} steps")


@pytest.mark.parametrize("beginning", BEGINNINGS, ids=lambda beginning: beginning.__name__.replace("_", " "))
def test_stopped_anywhere_nodes_have_a_whole_set_or_what_they_had_and_the_next_run_completes_it(
    tmp_path: Path, boot_set: BootSet, beginning: Beginning
) -> None:
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    beginning(undisturbed, boot_set)
    former = loaded(undisturbed)
    Undi(undisturbed).stage(boot_set)
    steps = 0
    for directory in stops(tmp_path, boot_set, beginning):
        pair = loaded(directory)
        assert pair in (former, NEW) if None not in former else pair == NEW or None in pair
        Undi(directory).stage(boot_set)
        assert Undi(directory).plan(boot_set) is BootChange.CURRENT
        assert loaded(directory) == NEW
        assert layout(directory) == layout(undisturbed)
        steps += 1
    assert steps > 2
