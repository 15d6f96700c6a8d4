"""Updates and rollbacks on the file systems that a tree may lie on, and what is said where one does not serve."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mirrorsync.model.choices import Layout
from mirrorsync.tree.indexes import read_indexes
from mirrorsync.tree.layout import STAMP, Shape
from tests.commands import Mirrorsync, Result, configured
from tests.conftest import Builder
from tests.filesystems import Machine, machine
from tests.namespaces import obstacle
from tests.sites import LISTING, copy, rhl_tree
from tests.trees import snapshot

_OBSTACLE = obstacle("mount", "pid")
pytestmark = pytest.mark.skipif(bool(_OBSTACLE), reason=_OBSTACLE)

EXCHANGING = ("ext4", "xfs", "btrfs", "tmpfs")
LINKS_OF_EXT4 = 65_000


@dataclass(frozen=True, slots=True)
class Master:
    """A machine with a tree at `folder`/u1/redhat and its update mirror, which is on no file system under test."""

    machine: Machine
    folder: Path
    tree: Path
    mirror: Path
    program: Mirrorsync

    def __call__(self, *arguments: str) -> Result:
        return self.machine.mirrorsync(self.program, *arguments)

    def updated(self, *rpms: Path) -> Result:
        """An update with further packages on the mirror."""
        copy(list(rpms), self.mirror)
        return self("update")

    @property
    def seen(self) -> Path:
        """The tree, as this process can see it."""
        return self.machine.inside(self.tree)

    @property
    def beside(self) -> Path:
        """The folder beside the tree."""
        return self.machine.inside(self.tree.parent / ".mirrorsync" / self.tree.name)

    def listed(self) -> list[str]:
        """What an installer would find."""
        return sorted(str(package.nevra) for package in read_indexes(Shape(Layout.REDHAT), self.seen))

    def generation(self) -> int:
        """Which one lies at the tree's path."""
        return int((self.seen / STAMP).read_text().split()[0])

    def link_tree(self) -> None:
        """Do what the refusal says: the tree's path becomes a symbolic link."""
        self.machine.do("sh", "-c", f"mv {self.tree} {self.tree}.first && ln -s {self.tree.name}.first {self.tree}")


@pytest.fixture
def host() -> Iterator[Machine]:
    """A mount namespace that ends with the test."""
    with machine() as made:
        yield made


def master(machine: Machine, folder: Path, rpms: list[Path], work: Path, *, boot: Path | None = None) -> Master:
    """A Red Hat Linux tree at `folder`/u1/redhat; the configuration, the caches and the mirror are in `work`."""
    rhl_tree(machine.inside(folder), rpms)
    (work / "mirror").mkdir()
    tree = folder / "u1/redhat"
    more = f'\n[trees.redhat.boot]\ndirectory = "{boot}"' if boot else ""
    program = configured(work, tree, f'url = "{work.as_uri()}/mirror/"\n{LISTING}{more}')
    return Master(machine, folder, tree, work / "mirror", program)


def skip_without(kind: str) -> None:
    tools = {"tmpfs": "mount", "fuse2fs": "fuse2fs", "vfat": "fusefat"}
    if shutil.which(tools.get(kind, f"mkfs.{kind}"), path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        pytest.skip(f"no {kind} on this machine")


def goes_on_from_update_to_rollback(master: Master, rpm: Builder) -> None:
    """A first update, a later one and two rollbacks, after each of which an installer finds what was published, whole."""
    states = [
        (lambda: master.updated(rpm("bash", "2")), 2, ["bash-2-1.noarch", "tar-1-1.noarch"]),
        (lambda: master.updated(rpm("tar", "2")), 3, ["bash-2-1.noarch", "tar-2-1.noarch"]),
        (lambda: master("rollback", "redhat"), 4, ["bash-2-1.noarch", "tar-1-1.noarch"]),
        (lambda: master("rollback", "redhat", "3"), 5, ["bash-2-1.noarch", "tar-2-1.noarch"]),
    ]
    for step, number, packages in states:
        done = step()
        assert done.code == 0, (done.out, done.err)
        assert (master.listed(), master.generation()) == (packages, number)
        checked = master("check", "--deep")
        assert checked.code == 0, checked.out


@pytest.mark.parametrize("kind", EXCHANGING)
def test_a_tree_is_updated_and_rolled_back(tmp_path: Path, host: Machine, rpm: Builder, kind: str) -> None:
    skip_without(kind)
    site = master(host, host.mount(kind, tmp_path / "disk"), [rpm("bash", "1"), rpm("tar", "1")], tmp_path)
    goes_on_from_update_to_rollback(site, rpm)
    assert not site.tree.is_symlink()
    assert sorted(path.name for path in (site.beside / "retired").iterdir()) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("kind", ["fuse2fs", "ext4", "btrfs"])
def test_a_tree_that_is_a_link_is_updated_and_rolled_back(tmp_path: Path, host: Machine, rpm: Builder, kind: str) -> None:
    skip_without(kind)
    site = master(host, host.mount(kind, tmp_path / "disk"), [rpm("bash", "1"), rpm("tar", "1")], tmp_path)
    site.link_tree()
    goes_on_from_update_to_rollback(site, rpm)
    assert str(site.seen.readlink()) == ".mirrorsync/redhat/generations/5"
    assert not (site.beside / "retired").exists()


def test_where_two_directories_cannot_be_exchanged_it_is_said_before_anything_is_fetched(
    tmp_path: Path, host: Machine, rpm: Builder
) -> None:
    skip_without("fuse2fs")
    site = master(host, host.mount("fuse2fs", tmp_path / "disk"), [rpm("bash", "1")], tmp_path)
    before = snapshot(site.seen)
    refused = site.updated(rpm("bash", "2"))
    assert refused.code == 1
    [line] = refused.err.splitlines()
    assert f"the file system of {site.tree.parent} cannot exchange two directories" in line
    assert line.endswith("nothing was done")
    assert snapshot(site.seen) == before
    assert {path.name for path in site.beside.iterdir()} == {"lock"}
    [remedy] = re.findall(r"`(.*)`", line)
    host.do("sh", "-c", remedy)
    assert site("update").code == 0
    assert site.listed() == ["bash-2-1.noarch"]
    assert site("check").code == 0


def test_a_tree_that_is_a_mount_point_is_refused(tmp_path: Path, host: Machine, rpm: Builder) -> None:
    site = master(host, tmp_path / "disk", [rpm("bash", "1")], tmp_path)
    host.do("mount", "--bind", str(site.tree), str(site.tree))
    before = snapshot(site.seen)
    refused = site.updated(rpm("bash", "2"))
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    assert f"{site.tree}: a mount point, which cannot be replaced; configure a folder below it as the tree" in refused.err
    assert snapshot(site.seen) == before
    assert not site.beside.exists()


def test_a_link_to_another_file_system_is_refused(tmp_path: Path, host: Machine, rpm: Builder) -> None:
    site = master(host, tmp_path / "disk", [rpm("bash", "1")], tmp_path)
    host.mount("tmpfs", tmp_path / "disk/other")
    host.do("sh", "-c", f"mv {site.tree} {tmp_path}/disk/other/redhat && ln -s ../other/redhat {site.tree}")
    refused = site.updated(rpm("bash", "2"))
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    remedy = f"let it be a directory of the file system of {site.tree.parent}"
    assert f"a link to another file system, and no hard links can be made to there; {remedy}" in refused.err
    assert not site.beside.exists()


def test_a_btrfs_subvolume_is_refused(tmp_path: Path, host: Machine, rpm: Builder) -> None:
    skip_without("btrfs")
    site = master(host, host.mount("btrfs", tmp_path / "disk"), [rpm("bash", "1")], tmp_path)
    volume = site.tree.with_name("volume")
    host.do("sh", "-c", f"btrfs subvolume create {volume} && cp -a {site.tree}/. {volume} && rm -r {site.tree} && mv {volume} {site.tree}")
    refused = site.updated(rpm("bash", "2"))
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    assert str(site.tree) in refused.err
    assert not site.beside.exists()


def test_vfat_is_refused_for_a_tree(tmp_path: Path, host: Machine, rpm: Builder) -> None:
    skip_without("vfat")
    disk = host.mount("vfat", tmp_path / "vfat")
    site = master(host, tmp_path / "disk", [rpm("bash", "1")], tmp_path)
    for name, content in snapshot(site.folder).items():  # its files have no modes to set, so nothing else copies to it
        path = host.inside(disk) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    host.do("mount", "--bind", str(disk), str(site.folder))
    before = snapshot(site.seen)
    refused = site.updated(rpm("bash", "2"))
    [line] = refused.err.splitlines()
    assert (refused.code, line.startswith(f"redhat: the file system of {site.tree.parent} keeps no modes, ")) == (1, True)
    assert line.endswith("; use ext4, xfs or btrfs; nothing was done")
    assert snapshot(site.seen) == before
    assert not site.beside.parent.exists()


@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_a_tree_with_something_mounted_in_it_is_refused_and_stays_as_it_was(tmp_path: Path, host: Machine, rpm: Builder, kind: str) -> None:
    site = master(host, tmp_path / "disk", [rpm("bash", "1")], tmp_path)
    packages = site.tree / "RedHat/RPMS"
    if kind == "bind":
        host.do("mount", "--bind", str(packages), str(packages))
    else:
        host.do("mount", "-t", "tmpfs", "tmpfs", str(packages))
        copy([rpm("bash", "1")], host.inside(packages))
    before = snapshot(site.seen)
    refused = site.updated(rpm("bash", "2"))
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    assert f"redhat: {packages}: mounted inside the tree" in refused.err
    assert snapshot(site.seen) == before
    assert not site.beside.exists()
    assert not (site.seen / STAMP).exists()


@pytest.mark.parametrize("exported", ["u1/redhat", "u1/other-name", "u1/redhat/RedHat"], ids=["its path", "a link to it", "a part of it"])
def test_a_tree_that_is_itself_an_export_is_refused(tmp_path: Path, host: Machine, rpm: Builder, exported: str) -> None:
    site = master(host, tmp_path / "disk", [rpm("bash", "1")], tmp_path)
    (site.tree.parent / "other-name").symlink_to("redhat")
    exports(host, tmp_path, f"{site.folder}/{exported} 10.1.0.0/16(ro,no_subtree_check)\n")
    refused = site.updated(rpm("bash", "2"))
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    assert "/etc/exports:1 exports " in refused.err
    assert f"export {site.tree.parent} instead, `exportfs -ra`" in refused.err
    assert not (site.beside / "pool").exists()
    exports(host, tmp_path, f"{site.tree.parent} 10.1.0.0/16(ro,no_subtree_check)\n")
    assert site("update").code == 0
    assert site.listed() == ["bash-2-1.noarch"]


def exports(host: Machine, folder: Path, text: str) -> None:
    """Let the machine have an /etc/exports of its own."""
    for name in ("upper", "work"):
        (folder / "etc" / name).mkdir(parents=True, exist_ok=True)
    if not (host.inside(Path("/etc")) / "exports.of.test").exists():
        layers = f"lowerdir=/etc,upperdir={folder}/etc/upper,workdir={folder}/etc/work"
        host.do("mount", "-t", "overlay", "-o", layers, "overlay", "/etc")
    (host.inside(Path("/etc")) / "exports.of.test").touch()
    (host.inside(Path("/etc")) / "exports").write_text(text)


@pytest.mark.parametrize("kind", ["xfs", "tmpfs"])
def test_a_boot_directory_on_another_file_system_is_staged_to(tmp_path: Path, host: Machine, rpm: Builder, kind: str) -> None:
    skip_without(kind)
    boot = host.mount(kind, tmp_path / "tftpboot")
    site = master(host, tmp_path / "disk", [rpm("bash", "1")], tmp_path, boot=boot)
    assert site.updated(rpm("bash", "2")).code == 0
    assert (host.inside(boot) / "linux.1").read_bytes() == b"a kernel"
    assert site("check").code == 0


def test_a_boot_directory_that_cannot_have_links_is_a_finding_and_the_tree_is_updated(tmp_path: Path, host: Machine, rpm: Builder) -> None:
    skip_without("vfat")
    boot = host.mount("vfat", tmp_path / "tftpboot")
    site = master(host, tmp_path / "disk", [rpm("bash", "1")], tmp_path, boot=boot)
    updated = site.updated(rpm("bash", "2"))
    assert (updated.code, site.listed()) == (3, ["bash-2-1.noarch"])
    assert f"{boot}: its file system has no symbolic links" in updated.out + updated.err
    assert "put the TFTP root on another file system" in updated.out + updated.err
    assert list(host.inside(boot).iterdir()) == []


@pytest.mark.parametrize("spare", [0, 1, 2, 3])
def test_a_file_that_has_no_links_left_to_give_is_copied(tmp_path: Path, host: Machine, rpm: Builder, spare: int) -> None:
    skip_without("ext4")
    site = master(host, host.mount("ext4", tmp_path / "disk"), [rpm("bash", "1"), rpm("tar", "1")], tmp_path)
    package = site.seen / "RedHat/RPMS/tar-1-1.noarch.rpm"
    links = host.inside(tmp_path / "disk/links")
    links.mkdir()
    for number in range(LINKS_OF_EXT4 - spare - 1):
        (links / str(number)).hardlink_to(package)
    assert package.stat().st_nlink == LINKS_OF_EXT4 - spare
    updated = site.updated(rpm("bash", "2"))
    assert updated.code == 0, updated.err
    assert site.listed() == ["bash-2-1.noarch", "tar-1-1.noarch"]
    assert site("check", "--deep").code == 0
    assert (links / "0").stat().st_nlink == LINKS_OF_EXT4
    again = site("update", "--json")
    assert (again.tree["generation"], again.findings) == (None, [])


@pytest.mark.parametrize("kind", EXCHANGING)
def test_a_run_at_work_is_found_and_named_on_every_file_system(tmp_path: Path, host: Machine, rpm: Builder, kind: str) -> None:
    skip_without(kind)
    site = master(host, host.mount(kind, tmp_path / "disk"), [rpm("bash", "1")], tmp_path)
    assert site.updated(rpm("bash", "2")).code == 0
    assert site("status", "--json").tree["running"] is None
    holding = ["flock", str(site.tree.parent / ".mirrorsync/redhat"), *site.program.command]
    assert re.fullmatch(r"process \d+", json.loads(host.run(*holding, "status", "--json").stdout)["trees"][0]["running"])
    assert host.run(*holding, "update").returncode == 75


def test_two_trees_of_two_subvolumes_do_not_wait_for_each_other(tmp_path: Path, host: Machine, rpm: Builder) -> None:
    skip_without("btrfs")
    disk = host.mount("btrfs", tmp_path / "disk")
    for name in ("one", "two"):
        host.do("btrfs", "subvolume", "create", str(disk / name))
    site = master(host, disk / "one", [rpm("bash", "1")], tmp_path)
    host.do("mkdir", "-p", f"{disk}/two/u1/.mirrorsync/redhat")
    copy([rpm("bash", "2")], site.mirror)
    assert host.run("flock", f"{disk}/two/u1/.mirrorsync/redhat", *site.program.command, "update").returncode == 0


def test_the_directory_that_a_tree_was_before_it_became_a_link_is_told_with_what_it_alone_holds(
    tmp_path: Path, host: Machine, rpm: Builder
) -> None:
    site = master(host, host.mount("tmpfs", tmp_path / "disk"), [rpm("bash", "1"), rpm("tar", "1")], tmp_path)
    site.link_tree()
    first = site.tree.with_name("redhat.first")
    assert site.updated(rpm("bash", "2")).code == 0
    [(severity, where, what, remedy)] = left(site)
    assert (severity, where, "no other name" in what, remedy.startswith("remove it after ")) == ("note", str(first), True, True)
    assert site.updated(rpm("tar", "2")).code == 0
    assert [found[1] for found in left(site)] == [str(first)]
    shutil.rmtree(host.inside(first))
    assert left(site) == []
    assert site("check", "--deep").code == 0


def left(site: Master) -> list[tuple[str, ...]]:
    """What a check says of directories that the tree's link led to before; it ends well, for they break nothing."""
    checked = site("check", "--json")
    assert checked.code == 0, checked.out
    assert {finding["code"] for finding in checked.findings} <= {"forerunner-left"}
    return [(finding["severity"], finding["where"], finding["what"], finding["remedy"]) for finding in checked.findings]
