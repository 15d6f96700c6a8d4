"""A tree by NFS as nodes mount it: by a real server in namespaces of its own, and by none."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mirrorsync.probes import nfsclient
from mirrorsync.probes.nfs import NfsPlace, nfs_findings
from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.inflight import ganesha
from tests.sites import Site, redhat_site, repodata_site

pytestmark = pytest.mark.skipif(bool(ganesha.missing()), reason=f"no NFS here: {ganesha.missing()}")

HDLIST = "RedHat/base/hdlist"
TAR = "RedHat/RPMS/tar-1-1.noarch.rpm"
BASH = "RedHat/RPMS/bash-2-1.noarch.rpm"
INITRD = "images/pxeboot/initrd.img"
VERSIONS = pytest.mark.parametrize("version", [3, 4])


@pytest.fixture
def site(work: Path, rpm: Builder) -> Site:
    return redhat_site(work / "master", [rpm("bash", "1"), rpm("tar", "1")], [rpm("bash", "2")])


def mounting(site: Site, version: int, path: Path | None = None) -> Mirrorsync:
    program = site.program(boot=False)
    assert program("update").code == 0
    with program.config.open("a") as file:
        file.write(f'[trees.{site.name}.export]\nnfs = "nfs://{ganesha.ADDRESS}{path or site.tree}"\nversions = [{version}]\n')
    return program


def seen(
    program: Mirrorsync, folder: Path, version: int, *options: str, room: tuple[str, ...] = (), by: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """What a check in the room of that server finds of NFS. by: what comes before the command."""
    command = [sys.executable, "-m", "tests.inflight.room", "--nfs", str(version), *room, str(folder)]
    done = subprocess.run(
        [*command, *by, *program.command, "check", *options, "--json"], capture_output=True, text=True, check=False, timeout=300
    )
    assert "Traceback" not in done.stderr, done.stderr
    [tree] = json.loads(done.stdout)["trees"]
    return [finding for finding in tree["findings"] if finding["code"].startswith("nfs-")]


def codes(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(finding["code"], finding["where"].partition(":")[2]) for finding in findings]


@VERSIONS
@pytest.mark.parametrize("options", [(), ("--deep",)])
def test_a_tree_that_nodes_can_mount_has_nothing_wrong(version: int, options: tuple[str, ...], site: Site) -> None:
    assert seen(mounting(site, version), site.tree.parent, version, *options) == []


def test_so_has_one_with_repodata(work: Path, rpm: Builder) -> None:
    rocky = repodata_site(work / "master", [rpm("bash", "1")], [rpm("bash", "2")])
    assert seen(mounting(rocky, 4), rocky.tree.parent, 4, "--deep") == []


FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a package is missing": (lambda root: (root / TAR).unlink(), "nfs-missing", TAR),
    "a package is another": (lambda root: (root / TAR).write_bytes(b"another"), "nfs-differs", TAR),
    "the index is another": (lambda root: change_last_byte(root / HDLIST), "nfs-differs", HDLIST),
    "the initrd is closed": (lambda root: (root / INITRD).chmod(0o600), "nfs-unreadable", INITRD),
    "a folder is closed": (lambda root: (root / "RedHat/base").chmod(0o700), "nfs-unreadable", HDLIST),
}


def change_last_byte(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@VERSIONS
@pytest.mark.parametrize("fault", FAULTS)
def test_what_nodes_would_meet_is_told(fault: str, version: int, site: Site) -> None:
    """The server has a copy of the tree in which one thing is otherwise."""
    damage, code, name = FAULTS[fault]
    copy = site.folder / "copy/redhat"
    program = mounting(site, version, copy)
    shutil.copytree(site.tree, copy)
    damage(copy)
    assert (code, f"{copy}/{name}") in codes(seen(program, copy.parent, version))


@VERSIONS
def test_what_only_reading_shows_is_told_by_a_deep_check(version: int, site: Site) -> None:
    copy = site.folder / "copy/redhat"
    program = mounting(site, version, copy)
    big = bytes(3 << 20)
    (site.tree / INITRD).unlink()
    (site.tree / INITRD).write_bytes(big)
    shutil.copytree(site.tree, copy)
    change_last_byte(copy / INITRD)
    assert seen(program, copy.parent, version) == []
    assert ("nfs-differs", f"{copy}/{INITRD}") in codes(seen(program, copy.parent, version, "--deep"))


@VERSIONS
def test_a_tree_that_is_not_exported_is_told(version: int, site: Site) -> None:
    """By version 3 its server's mountd says so too; version 4 has none."""
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    *shown, refused = seen(mounting(site, version), elsewhere, version)
    assert [finding["code"] for finding in shown] == ["nfs-not-shown"] * (version == 3)
    assert (refused["code"], f"nodes cannot mount it by NFS version {version}" in refused["what"]) == ("nfs-unreachable", True)


@VERSIONS
def test_a_server_that_is_not_there_is_told(version: int, site: Site) -> None:
    [finding] = seen(mounting(site, version), site.tree.parent, version, room=("--none",))
    assert finding["code"] == "nfs-unreachable"


WITHOUT_RESERVED_PORTS = ("setpriv", "--bounding-set=-net_bind_service")


@pytest.mark.skipif(shutil.which("rpc.mountd", path="/usr/sbin") is None, reason="rpc.mountd is not installed")
@pytest.mark.parametrize(("network", "told"), [("10.77.0.0/24", 0), ("10.78.0.0/24", 1)])
def test_what_a_real_mountd_shows_is_held_against_who_installs(network: str, told: int, site: Site) -> None:
    """mountd has no kernel to ask here, and lets nobody mount; what it shows is by the table that exportfs made."""
    program = mounting(site, 3)
    with program.config.open("a") as file:
        file.write('clients = ["10.77.0.0/24"]\n')
    exports = site.folder / "exports"
    exports.write_text(f"{site.tree.parent} {network}(ro,no_subtree_check,fsid=7)\n")
    found = codes(seen(program, site.tree.parent, 3, room=("--mountd", str(exports))))
    assert [code for code, _ in found].count("nfs-not-shown") == told


def test_a_refusal_is_believed_of_one_who_asks_from_a_reserved_port_as_nodes_do(site: Site) -> None:
    program = mounting(site, 3)
    [finding] = seen(program, site.tree.parent, 3, room=("--refusing",))
    assert (finding["code"], "may not" in finding["what"] or "ACCES" in finding["what"]) == ("nfs-unreachable", True)
    [finding] = seen(program, site.tree.parent, 3, room=("--refusing",), by=WITHOUT_RESERVED_PORTS)
    assert (finding["code"], finding["severity"], "no port below 1024" in finding["what"]) == ("nfs-not-read", "note", True)


def test_a_server_that_says_nothing_holds_no_check(site: Site) -> None:
    [finding] = seen(mounting(site, 4), site.tree.parent, 4, room=("--silent",))
    assert finding["code"] == "nfs-unreachable"


def test_without_the_library_a_note_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nfsclient, "LIBRARY", "libnfs.so.none")
    [finding] = nfs_findings(NfsPlace.at("nfs://10.1.0.1/u1/redhat"), (3,), tmp_path, (), (), deep=False)
    assert (finding.code, "libnfs13" in finding.remedy) == ("nfs-not-read", True)


@pytest.mark.parametrize(
    "url", ["nfs://10.1.0.1", "nfs:///u1/redhat", "http://10.1.0.1/u1", "nfs://joe@10.1.0.1/u1", "nfs://10.1.0.1/u1?x"]
)
def test_what_nobody_could_mount_is_refused(url: str, site: Site) -> None:
    program = site.program()
    with program.config.open("a") as file:
        file.write(f'[trees.redhat.export]\nnfs = "{url}"\n')
    refused = program("config", "check")
    assert (refused.code, "export.nfs: " in refused.err, "nothing that nodes mount" in refused.err) == (78, True, True)
