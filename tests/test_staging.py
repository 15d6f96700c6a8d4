"""linux.1 and linux.2 under the TFTP root: both change by one rename."""

import os
import re
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mirrorsync.boot.bootset import BootSet, belonging, read_boot_set
from mirrorsync.boot.undi import Undi
from mirrorsync.errors import BootError
from mirrorsync.model.finding import Severity
from mirrorsync.model.outcome import BootChange


@pytest.fixture
def boot_set(tmp_path: Path) -> BootSet:
    folder = tmp_path / "tree/images/pxeboot"
    folder.mkdir(parents=True)
    (folder / "vmlinuz").write_bytes(b"kernel 2")
    (folder / "initrd.img").write_bytes(b"initrd 2" * 1000)
    return BootSet(folder / "vmlinuz", folder / "initrd.img")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A boot directory with an older set."""
    folder = tmp_path / "tftpboot/X86PC/UNDI/linux-install"
    folder.mkdir(parents=True)
    (folder / "linux.1").write_bytes(b"kernel 1")
    (folder / "linux.2").write_bytes(b"initrd 1")
    return folder


def content(directory: Path) -> dict[str, bytes]:
    """What a node gets for each name that is not hidden."""
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if not path.name.startswith(".")}


def hidden(directory: Path) -> list[str]:
    """How many sets there are, and whatever else lies there out of sight."""
    names = [re.sub(r"-[0-9a-f]{16}$", "-SET", path.name) for path in directory.iterdir()]
    return sorted(name for name in names if name.startswith("."))


def shown(directory: Path) -> Path:
    """The folder of the set that nodes load."""
    return directory / (directory / ".mirrorsync-boot").readlink()


def new_set(boot_set: BootSet) -> dict[str, bytes]:
    return {"linux.1": boot_set.kernel.read_bytes(), "linux.2": boot_set.initrd.read_bytes()}


OLD_SET = {"linux.1": b"kernel 1", "linux.2": b"initrd 1"}


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file may grow past `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's leave to read everything."""
    former = os.geteuid()
    os.seteuid(65534 if former == 0 else former)
    try:
        yield
    finally:
        os.seteuid(former)


def test_another_set_would_be_staged_and_planning_changes_nothing(boot_set: BootSet, directory: Path) -> None:
    assert Undi(directory).plan(boot_set) is BootChange.WOULD_STAGE
    assert content(directory) == OLD_SET


def test_an_empty_directory_would_be_staged_to(boot_set: BootSet, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert Undi(tmp_path / "empty").plan(boot_set) is BootChange.WOULD_STAGE


def test_a_staged_set_is_current(boot_set: BootSet, directory: Path) -> None:
    assert Undi(directory).stage(boot_set) is BootChange.STAGED
    assert content(directory) == new_set(boot_set)
    assert Undi(directory).plan(boot_set) is BootChange.CURRENT
    assert Undi(directory).findings(boot_set) == ()


def test_equal_lengths_are_not_taken_for_equal_bytes(boot_set: BootSet, directory: Path) -> None:
    Undi(directory).stage(boot_set)
    boot_set.kernel.write_bytes(b"kernel 3")
    assert Undi(directory).plan(boot_set) is BootChange.WOULD_STAGE


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_staged_files_have_mode_0644_whatever_the_umask(boot_set: BootSet, directory: Path, umask: int) -> None:
    boot_set.initrd.chmod(0o600)
    former = os.umask(umask)
    try:
        Undi(directory).stage(boot_set)
    finally:
        os.umask(former)
    assert stat.S_IMODE(shown(directory).stat().st_mode) == 0o755
    assert [stat.S_IMODE(path.stat().st_mode) for path in shown(directory).iterdir()] == [0o644, 0o644]


def test_staged_files_share_no_inode_with_the_tree(boot_set: BootSet, directory: Path) -> None:
    Undi(directory).stage(boot_set)
    files = (boot_set.kernel, boot_set.initrd, *shown(directory).iterdir())
    assert [(path.is_symlink(), path.stat().st_nlink) for path in files] == [(False, 1)] * 4


def test_the_names_are_relative_links_through_one_link_to_the_set(boot_set: BootSet, directory: Path) -> None:
    Undi(directory).stage(boot_set)
    links = {path.name: str(path.readlink()) for path in directory.iterdir() if path.is_symlink()}
    assert links.pop(".mirrorsync-boot") == shown(directory).name
    assert links == {"linux.1": ".mirrorsync-boot/linux.1", "linux.2": ".mirrorsync-boot/linux.2"}
    assert re.fullmatch(r"\.mirrorsync-boot-[0-9a-f]{16}", shown(directory).name)


def test_the_former_set_stays_until_the_next_staging(boot_set: BootSet, directory: Path) -> None:
    Undi(directory).stage(boot_set)
    former = shown(directory)
    boot_set.kernel.write_bytes(b"kernel 3")
    Undi(directory).stage(boot_set)
    assert {name: (former / name).read_bytes() for name in ("linux.1", "linux.2")} == new_set(boot_set) | {"linux.1": b"kernel 2"}
    boot_set.kernel.write_bytes(b"kernel 4")
    Undi(directory).stage(boot_set)
    assert not former.exists()
    assert hidden(directory) == [".mirrorsync-boot", ".mirrorsync-boot-SET", ".mirrorsync-boot-SET"]


def test_going_back_to_the_former_set_copies_nothing(boot_set: BootSet, directory: Path) -> None:
    Undi(directory).stage(boot_set)
    inodes = [path.stat().st_ino for path in sorted(shown(directory).iterdir())]
    for kernel in (b"kernel 3", b"kernel 2"):
        boot_set.kernel.write_bytes(kernel)
        Undi(directory).stage(boot_set)
    assert content(directory) == new_set(boot_set)
    assert [path.stat().st_ino for path in sorted(shown(directory).iterdir())] == inodes


def test_staging_twice_is_staging_once(boot_set: BootSet, directory: Path) -> None:
    for _ in range(2):
        Undi(directory).stage(boot_set)
    assert Undi(directory).plan(boot_set) is BootChange.CURRENT
    assert content(directory) == new_set(boot_set)


@pytest.mark.parametrize("left", [[], ["linux.1"], ["linux.2"]], ids=["nothing", "the kernel only", "the initrd only"])
def test_where_there_is_no_whole_set_there_is_one_afterwards(boot_set: BootSet, directory: Path, left: list[str]) -> None:
    for name in {"linux.1", "linux.2"} - set(left):
        (directory / name).unlink()
    Undi(directory).stage(boot_set)
    assert content(directory) == new_set(boot_set)
    assert hidden(directory) == [".mirrorsync-boot", ".mirrorsync-boot-SET"]


def test_a_plain_pair_that_is_the_trees_already_becomes_a_set(boot_set: BootSet, directory: Path) -> None:
    for name, data in new_set(boot_set).items():
        (directory / name).write_bytes(data)
    assert Undi(directory).plan(boot_set) is BootChange.WOULD_STAGE
    assert Undi(directory).findings(boot_set) == ()
    Undi(directory).stage(boot_set)
    assert Undi(directory).plan(boot_set) is BootChange.CURRENT
    assert hidden(directory) == [".mirrorsync-boot", ".mirrorsync-boot-SET"]


def test_a_staged_file_that_was_written_to_is_found_and_replaced(boot_set: BootSet, directory: Path) -> None:
    Undi(directory).stage(boot_set)
    (directory / "linux.2").write_bytes(b"by hand")
    assert [finding.code for finding in Undi(directory).findings(boot_set)] == ["boot-file-differs"]
    assert Undi(directory).plan(boot_set) is BootChange.WOULD_STAGE
    Undi(directory).stage(boot_set)
    assert content(directory) == new_set(boot_set)
    assert Undi(directory).findings(boot_set) == ()


def test_a_staged_file_that_became_a_link_is_found_and_replaced(boot_set: BootSet, directory: Path) -> None:
    Undi(directory).stage(boot_set)
    (shown(directory) / "linux.1").unlink()
    (shown(directory) / "linux.1").symlink_to(boot_set.kernel)
    assert [finding.code for finding in Undi(directory).findings(boot_set)] == ["boot-file-linked"]
    Undi(directory).stage(boot_set)
    assert Undi(directory).plan(boot_set) is BootChange.CURRENT
    assert Undi(directory).findings(boot_set) == ()


def test_a_set_that_nodes_cannot_enter_is_found(boot_set: BootSet, directory: Path) -> None:
    Undi(directory).stage(boot_set)
    shown(directory).chmod(0o700)
    [finding] = Undi(directory).findings(boot_set)
    assert (finding.code, finding.remedy) == ("boot-directory-closed", f"chmod o+x {directory}/.mirrorsync-boot")


def test_a_transfer_in_flight_reads_the_old_set_to_its_end(boot_set: BootSet, directory: Path) -> None:
    with (directory / "linux.2").open("rb") as transfer:
        Undi(directory).stage(boot_set)
        assert transfer.read() == b"initrd 1"


def test_a_link_into_the_tree_becomes_a_file_and_the_tree_keeps_its_own(boot_set: BootSet, directory: Path) -> None:
    for name, source in (("linux.1", boot_set.kernel), ("linux.2", boot_set.initrd)):
        (directory / name).unlink()
        (directory / name).symlink_to(source)
    assert Undi(directory).plan(boot_set) is BootChange.WOULD_STAGE
    assert [finding.code for finding in Undi(directory).findings(boot_set)] == ["boot-file-linked"] * 2
    Undi(directory).stage(boot_set)
    assert Undi(directory).findings(boot_set) == ()
    assert content(directory) == new_set(boot_set)
    assert boot_set.kernel.read_bytes() == b"kernel 2"


def test_a_hard_link_into_the_tree_becomes_a_file_of_its_own(boot_set: BootSet, tmp_path: Path) -> None:
    folder = tmp_path / "boot"
    folder.mkdir()
    (folder / "linux.1").hardlink_to(boot_set.kernel)
    (folder / "linux.2").hardlink_to(boot_set.initrd)
    assert Undi(folder).plan(boot_set) is BootChange.WOULD_STAGE
    Undi(folder).stage(boot_set)
    assert boot_set.kernel.stat().st_nlink == 1


def test_a_missing_directory_is_one_line_with_what_to_do(boot_set: BootSet, tmp_path: Path) -> None:
    for attempt in (Undi.plan, Undi.stage):
        with pytest.raises(BootError, match=r"tftp: the boot directory is not there; `mkdir -p -m 0755 .*tftp`, or correct"):
            attempt(Undi(tmp_path / "tftp"), boot_set)


def test_a_full_disk_leaves_the_old_set_and_the_next_staging_completes_the_new_one(boot_set: BootSet, directory: Path) -> None:
    with file_size_limit(4000), pytest.raises(BootError, match=r"staged.*the set they loaded; free space") as caught:
        Undi(directory).stage(boot_set)
    assert "\n" not in str(caught.value)
    assert content(directory) == OLD_SET
    Undi(directory).stage(boot_set)
    assert content(directory) == new_set(boot_set)


def test_a_directory_that_cannot_be_written_says_so(boot_set: BootSet) -> None:
    with pytest.raises(BootError, match=r"could not be staged.*let the user that runs mirrorsync read and write in /proc"):
        Undi(Path("/proc")).stage(boot_set)


def test_a_set_that_vanishes_while_it_is_staged_leaves_the_old_one(boot_set: BootSet, directory: Path) -> None:
    boot_set.initrd.unlink()
    with pytest.raises(BootError, match=r"initrd\.img: No such file"):
        Undi(directory).stage(boot_set)
    assert content(directory) == OLD_SET


def test_a_name_that_is_a_directory_leaves_the_old_set(boot_set: BootSet, directory: Path) -> None:
    (directory / "linux.2").unlink()
    (directory / "linux.2").mkdir()
    with pytest.raises(BootError, match=r"linux\.2: a directory, where the boot set is to go; move it away.*nothing was done"):
        Undi(directory).stage(boot_set)
    assert (directory / "linux.1").read_bytes() == b"kernel 1"
    assert sorted(path.name for path in directory.iterdir()) == ["linux.1", "linux.2"]


def test_a_set_that_a_killed_run_of_the_former_scheme_left_half_renamed_is_completed_and_cleared(
    boot_set: BootSet, directory: Path
) -> None:
    (directory / ".linux.1.4711.old").hardlink_to(directory / "linux.1")
    (directory / "linux.1").unlink()
    (directory / "linux.1").write_bytes(boot_set.kernel.read_bytes())
    (directory / ".linux.2.4711.copy").write_bytes(boot_set.initrd.read_bytes())
    (directory / "..linux.2.4711.copy.4711.new").write_bytes(b"half")
    assert Undi(directory).plan(boot_set) is BootChange.WOULD_STAGE
    Undi(directory).stage(boot_set)
    assert content(directory) == new_set(boot_set)
    assert hidden(directory) == [".mirrorsync-boot", ".mirrorsync-boot-SET", ".mirrorsync-boot-SET"]


def test_other_files_of_the_boot_directory_are_left_alone(boot_set: BootSet, directory: Path) -> None:
    others = {"linux.0", ".linux", "linux.1.bak", ".linux.1.swp", ".linux.2.copy", ".mirrorsync-boot-notes"}
    for name in others:
        (directory / name).write_text(name)
    Undi(directory).stage(boot_set)
    assert {name for name in others if (directory / name).read_text() == name} == others


def test_a_staged_set_that_is_not_the_trees_is_found(boot_set: BootSet, directory: Path) -> None:
    (directory / "linux.2").unlink()
    findings = Undi(directory).findings(boot_set)
    assert [(finding.severity, finding.code, Path(finding.where).name) for finding in findings] == [
        (Severity.ERROR, "boot-file-differs", "linux.1"),
        (Severity.ERROR, "boot-file-missing", "linux.2"),
    ]


@pytest.mark.parametrize(
    ("mode", "code"),
    [(0o600, "boot-file-closed"), (0o640, "boot-file-closed"), (0o666, "boot-file-writable")],
    ids=["0600", "0640", "0666"],
)
def test_a_mode_that_nodes_or_strangers_stumble_over_is_found(boot_set: BootSet, directory: Path, mode: int, code: str) -> None:
    Undi(directory).stage(boot_set)
    (directory / "linux.2").chmod(mode)
    [finding] = Undi(directory).findings(boot_set)
    assert (finding.code, finding.remedy) == (code, f"chmod 0644 {directory / 'linux.2'}")


def test_a_closed_or_missing_directory_is_found(boot_set: BootSet, directory: Path) -> None:
    Undi(directory).stage(boot_set)
    directory.chmod(0o750)
    assert [finding.code for finding in Undi(directory).findings(boot_set)] == ["boot-directory-closed"]
    assert [finding.code for finding in Undi(directory / "none").findings(boot_set)] == ["boot-directory-missing"]


def test_a_user_who_may_not_look_is_told_so(boot_set: BootSet, directory: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        with as_nobody():
            for attempt in (Undi.plan, Undi.stage):
                with pytest.raises(BootError, match=r"Permission denied.*let the user that runs mirrorsync"):
                    attempt(Undi(directory), boot_set)
            with pytest.raises(BootError, match="cannot be looked at: Permission denied"):
                read_boot_set(tmp_path / "tree")
            findings = (*Undi(directory).findings(boot_set), *belonging(tmp_path / "tree"))
    finally:
        tmp_path.chmod(0o700)
    assert [finding.code for finding in findings] == ["boot-file-unreadable", "image-unreadable"]
