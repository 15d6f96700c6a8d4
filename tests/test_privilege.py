"""Nothing needs root: the whole cycle as a user who owns the tree, plainly and as the systemd unit restricts it."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.keys import signing_key
from tests.commands import configured
from tests.conftest import Builder
from tests.mailservers import mail_server
from tests.privilege.runs import UID, USER, Unprivileged, obstacle
from tests.privilege.unit import UNIT, Service
from tests.servers import http_server
from tests.sites import copy, rhl_tree
from tests.trees import snapshot

CONFIG = UNIT.parents[1]
MOST_EXPOSED = 1.5
WHAT_IS_RUN = {"Type", "ExecStart", "SuccessExitStatus", "KillMode", "TimeoutStopSec", "TimeoutStartSec"}
both_ways = pytest.mark.parametrize("sandboxed", [pytest.param(False, id="as a user"), pytest.param(True, id="as the unit")])
with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine lacks systemd-analyze; install systemd")


def give(path: Path, user: int = UID) -> None:
    subprocess.run(["chown", "-R", f"{user}:{user}", str(path)], check=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder outside of /tmp, which the unit has for itself, with a tree in u1 that belongs to the user, and where it is served from."""
    with tempfile.TemporaryDirectory(dir="/srv" if os.access("/srv", os.W_OK) else None) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def mirror(folder: Path, tmp_path: Path, rpm: Builder) -> Iterator[str]:
    """A mirror of signed packages, and what the configuration says of it."""
    packages = copy([rpm("bash", "2")], tmp_path / "mirror")
    with signing_key("Mirror") as key, http_server(packages) as server:
        key.sign(list(packages.iterdir()))
        shutil.copy(key.public, folder / "key")
        yield f'url = "{server.url}/"\nkind = "listing"\nkeys = ["{folder}/key"]\nfingerprints = ["{key.fingerprint}"]'


def site(folder: Path, rpm: Builder, updates: str, *, sandboxed: bool = False, more: str = "") -> tuple[Unprivileged, Path]:
    """The program as the user, and a tree with a boot directory, all his."""
    if reason := obstacle(sandboxed=sandboxed):
        pytest.skip(reason)
    tree = rhl_tree(folder, [rpm("bash", "1"), rpm("tar", "1")])
    (folder / "tftpboot").mkdir()
    config = configured(folder, tree, f'{updates}\n[trees.redhat.boot]\ndirectory = "{folder}/tftpboot"\n{more}').config
    give(folder)
    return Unprivileged(config, folder, sandboxed), tree


@both_ways
def test_the_whole_cycle_needs_no_root(folder: Path, mirror: str, rpm: Builder, *, sandboxed: bool) -> None:
    mirrorsync, tree = site(folder, rpm, mirror, sandboxed=sandboxed)
    assert mirrorsync("hdlist", str(tree)).code == 0
    updated = mirrorsync("update", "--json")
    assert updated.code == 0, updated.out
    assert (updated.tree["generation"], updated.tree["boot"]) == (2, "staged")
    assert mirrorsync("audit", "bash-2*", "--json").tree["packages"][0]["signature"] == "at_arrival"
    checked = mirrorsync("check", "--deep")
    assert checked.code == 4, checked.out  # the packages of the tree's first day are not signed
    assert {line.partition(":")[0].strip() for line in checked.out.splitlines()[1:]} == {"warning"}
    assert mirrorsync("rollback", "redhat").code == 0
    assert mirrorsync("update", "--reapply").code == 0
    assert mirrorsync("prune", "--keep", "0").code == 0
    assert mirrorsync("status", "--json").tree["generation"] == 4
    mine = {path.stat().st_uid for path in (tree, folder / "tftpboot/linux.1", *tree.rglob("*"))}
    assert mine == {UID}
    assert (folder / "tftpboot/linux.1").stat().st_mode & 0o777 == 0o644


@both_ways
def test_mail_leaves_without_root(folder: Path, mirror: str, rpm: Builder, *, sandboxed: bool) -> None:
    mirrorsync, _ = site(folder, rpm, mirror, sandboxed=sandboxed)
    with mail_server() as server:
        with mirrorsync.config.open("a") as file:
            file.write(f'[report.mail]\nsender = "m@example.org"\nserver = "{server.url}"\nstarttls = "never"\n')
            file.write('[[report.mail.recipients]]\naddress = "ops@example.org"\n')
        done = mirrorsync("-q", "update")
    assert (done.code, done.err) == (0, "")
    assert [str(received.message["Subject"]) for received in server.received] == [
        "[mirrorsync] redhat: no errata pending, 1 package published"
    ]


def test_who_may_look_at_a_tree_and_not_write_to_the_state_checks_it_in_silence(folder: Path, mirror: str, rpm: Builder) -> None:
    mirrorsync, _ = site(folder, rpm, mirror)
    assert mirrorsync("update").code == 0
    give(folder / "state", 0)
    checked = mirrorsync("check")
    assert (checked.code, checked.err) == (0, "")


@both_ways
def test_the_nfs_exports_are_read_without_root(folder: Path, mirror: str, rpm: Builder, *, sandboxed: bool) -> None:
    mirrorsync, _ = site(folder, rpm, mirror, sandboxed=sandboxed, more='[trees.redhat.export]\nclients = ["192.0.2.0/24"]')
    codes = {finding["code"] for finding in mirrorsync("update", "--json").tree["findings"]}
    assert "export-missing" in codes
    assert "export-unreadable" not in codes


def test_a_tree_that_root_owned_is_refused_before_the_first_byte_with_the_command_that_gives_it_away(
    folder: Path, mirror: str, rpm: Builder
) -> None:
    mirrorsync, tree = site(folder, rpm, mirror)
    give(tree, 0)
    before = snapshot(tree)
    refused = mirrorsync("update")
    chown = f"chown -R {USER}: {tree} {folder}/u1/.mirrorsync/redhat"
    what = f"{tree} and 8 more: belong to another user, and the kernel does not let {USER} link or replace them"
    assert (refused.code, refused.err) == (1, f"redhat: {what}; `{chown}`, as root, once; nothing was done\n")
    assert snapshot(tree) == before
    assert not list((folder / "u1/.mirrorsync/redhat").glob("pool/*/*"))
    planned = mirrorsync("update", "--dry-run", "--json")
    assert "not-owned" in [finding["code"] for finding in planned.tree["findings"]]
    subprocess.run(chown.split(), check=True)
    assert mirrorsync("update").code == 0


def test_a_single_file_or_link_of_another_owner_is_enough_and_one_that_all_may_write_to_is_not(
    folder: Path, mirror: str, rpm: Builder
) -> None:
    mirrorsync, tree = site(folder, rpm, mirror)
    (tree / "README").write_text("by root\n")
    assert f"redhat: {tree}/README: belongs to another user" in mirrorsync("update").err
    (tree / "README").chmod(0o666)
    (tree / "link").symlink_to("README")
    os.chown(tree / "link", 0, 0, follow_symlinks=False)
    assert f"redhat: {tree}/link: belongs to another user" in mirrorsync("update").err
    os.chown(tree / "link", UID, UID, follow_symlinks=False)
    assert mirrorsync("update").code == 0


def test_what_root_s_own_runs_left_is_named_too_by_a_rollback(folder: Path, mirror: str, rpm: Builder) -> None:
    mirrorsync, tree = site(folder, rpm, mirror)
    assert mirrorsync("hdlist", str(tree)).code == 0
    assert mirrorsync("update").code == 0
    home = folder / "u1/.mirrorsync/redhat"
    os.chown(home / "journal", 0, 0)
    refused = mirrorsync("rollback", "redhat")
    assert (refused.code, f"{home}/journal: belongs to another user" in refused.err) == (1, True)
    give(home)
    assert mirrorsync("rollback", "redhat").code == 0


def test_the_folder_in_which_the_tree_is_replaced_must_be_the_user_s(folder: Path, mirror: str, rpm: Builder) -> None:
    mirrorsync, _ = site(folder, rpm, mirror)
    os.chown(folder / "u1", 0, 0)
    refused = mirrorsync("update")
    assert (refused.code, f"{folder}/u1" in refused.err, "chown" in refused.err) == (1, True, True)


def test_a_boot_directory_of_root_s_is_reported_and_the_tree_is_published(folder: Path, mirror: str, rpm: Builder) -> None:
    mirrorsync, _ = site(folder, rpm, mirror)
    give(folder / "tftpboot", 0)
    updated = mirrorsync("update", "--json")
    assert (updated.code, updated.tree["generation"], updated.tree["boot"]) == (3, 2, "could not be staged")


@with_systemd
def test_systemd_takes_the_unit_and_its_timer_without_a_word(tmp_path: Path) -> None:
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    (tmp_path / UNIT.name).write_text(text)
    shutil.copy(CONFIG / "systemd/mirrorsync.timer", tmp_path)
    units = [str(tmp_path / name) for name in ("mirrorsync.service", "mirrorsync.timer")]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@with_systemd
def test_the_unit_s_exposure_is_what_the_documentation_says() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    level = re.search(r"Overall exposure level for mirrorsync.service: ([0-9.]+)", done.stdout)
    assert level and float(level[1]) <= MOST_EXPOSED, done.stdout
    assert f"{level[1]}" in (CONFIG.parent / "docs/PRIVILEGE.md").read_text()


def test_the_sandbox_knows_every_restriction_that_the_unit_makes() -> None:
    """One that is added to the unit is to be shown too, or named here as not shown."""
    shown = """User Group UMask Environment StateDirectory ReadWritePaths ProtectSystem ProtectHome PrivateTmp PrivateMounts PrivateDevices
        NoNewPrivileges CapabilityBoundingSet AmbientCapabilities PrivateUsers RestrictSUIDSGID ProtectProc ProcSubset
        RestrictAddressFamilies RestrictNamespaces MemoryDenyWriteExecute SystemCallFilter SystemCallErrorNumber"""
    by_others = """ProtectClock ProtectControlGroups ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables
        RestrictRealtime"""  # the filter of calls, the missing capabilities, or what is not mounted
    not_shown = "DevicePolicy RemoveIPC KeyringMode LockPersonality SystemCallArchitectures"
    known = {*shown.split(), *by_others.split(), *not_shown.split()}
    assert Service.read(UNIT).settings.keys() - WHAT_IS_RUN == known


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="this machine lacks systemd-sysusers; install systemd")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make users")
def test_the_user_and_his_folders_are_made_by_systemd_s_own_tools(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for kind in ("sysusers", "tmpfiles"):
        options = ["--create"] if kind == "tmpfiles" else []
        command = [f"systemd-{kind}", f"--root={tmp_path}", *options, str(CONFIG / f"{kind}.d/mirrorsync.conf")]
        subprocess.run(command, check=True, capture_output=True)
    assert "mirrorsync:x:" in (tmp_path / "etc/passwd").read_text()
    made = {path: (tmp_path / path).stat() for path in ("u1", "srv/install", "tftpboot/X86PC/UNDI/linux-install", "var/lib/mirrorsync")}
    assert all(status.st_uid not in (0, UID) and status.st_mode & 0o777 == 0o755 for status in made.values())


def test_the_documentation_says_of_each_line_of_the_unit_what_it_is_for() -> None:
    text = (CONFIG.parent / "docs/PRIVILEGE.md").read_text()
    restrictions = Service.read(UNIT).settings.keys() - WHAT_IS_RUN
    assert sorted(key for key in restrictions if f"`{key}=" not in text) == []
