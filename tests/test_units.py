"""The daemon's systemd unit: taken by systemd's own checks, as strict as the timer's, and run by a real systemd."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import systemd
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.daemons import scheduled
from tests.privilege.runs import interpreter
from tests.privilege.unit import UNIT, Service
from tests.servers import MirrorServer, http_server
from tests.sites import LISTING, RPMS, copy, rhl_tree
from tests.test_privilege import folder, give, with_systemd  # noqa: F401  a fixture is used by its name
from tests.waiting import until

DAEMON = UNIT.with_name("mirrorsync-daemon.service")
OWN = {"Type", "NotifyAccess", "ExecStart", "ExecReload", "WatchdogSec", "Restart", "RestartSec", "RestartPreventExitStatus"}
PACKAGES = {"bash-1-1.noarch.rpm", "tar-1-1.noarch.rpm"}


class TestUnit:
    @with_systemd
    def test_systemd_takes_it_without_a_word(self, tmp_path: Path) -> None:
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", DAEMON.read_text(), flags=re.MULTILINE)
        (tmp_path / DAEMON.name).write_text(text)
        command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / DAEMON.name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    @with_systemd
    def test_it_is_as_little_exposed_as_the_timer_s(self) -> None:
        levels = set()
        for unit in (UNIT, DAEMON):
            command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
            levels |= set(re.findall(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout))
        assert len(levels) == 1

    def test_what_it_may_not_do_is_what_the_timer_s_may_not(self) -> None:
        daemon, timer = Service.read(DAEMON).settings, Service.read(UNIT).settings
        of_one_run = {"SuccessExitStatus", "TimeoutStartSec"}  # how it may end, and when it must: the daemon starts once and stays
        assert {key: daemon[key] for key in daemon.keys() - OWN} == {key: timer[key] for key in timer.keys() - OWN - of_one_run}

    def test_systemd_waits_longer_than_the_daemon_does(self) -> None:
        assert Service.read(DAEMON).value("TimeoutStopSec") == "5min"
        assert "_PATIENCE = 240.0" in (UNIT.parents[2] / "mirrorsync/scheduler/daemon.py").read_text()


class TestUnderSystemd:
    """A tree of nobody's, a mirror on loopback, and the unit as it is but for paths, user and a watchdog in a hurry."""

    @pytest.fixture
    def server(self, tmp_path: Path, rpm: Builder) -> Iterator[MirrorServer]:
        with http_server(copy([rpm("bash", "2")], tmp_path / "mirror")) as server:
            yield server

    @pytest.fixture
    def program(self, folder: Path, rpm: Builder, server: MirrorServer) -> Mirrorsync:  # noqa: F811  the fixture of that name
        tree = rhl_tree(folder, [rpm("bash", "1"), rpm("tar", "1")])
        hooks = folder / "hooks.d"
        hooks.mkdir()
        program = scheduled(configured(folder, tree, f'url = "{server.url}/"\n{LISTING}'), 'update = "17 4 * * *"')
        program.config.write_text(program.config.read_text().replace("[mirrorsync]", f'[mirrorsync]\nhooks = "{hooks}"'))
        give(folder)
        give(hooks, 0)
        return program

    @pytest.fixture
    def system(self, program: Mirrorsync, tmp_path: Path) -> Iterator[systemd.System]:
        if reason := systemd.obstacle() or ("" if interpreter() else "nobody can run no Python here"):
            pytest.skip(reason)
        home = program.config.parent
        paths = f"{home}/code/project:{home}/code/packages"
        command = (
            f"/usr/bin/env PYTHONPATH={paths} PYTHONDONTWRITEBYTECODE=1 {interpreter()} -m mirrorsync --config {program.config} daemon"
        )
        changes = f"""
            [Service]
            ExecStart=
            ExecStart={command}
            User=nobody
            Group=nogroup
            StateDirectory=
            ReadWritePaths={home}
            WatchdogSec=3s
            RestartSec=100ms
            StandardError=append:{home}/log
        """
        (home / "log").touch()
        (home / "log").chmod(0o666)
        units = {DAEMON.name: DAEMON.read_text(), f"{DAEMON.name}.d/test.conf": changes.replace("            ", "")}
        with systemd.booted(tmp_path, units, writable=home) as running:
            yield running

    def log(self, program: Mirrorsync) -> str:
        return (program.config.parent / "log").read_text()

    def test_it_starts_updates_reloads_and_stops_as_the_unit_says(self, system: systemd.System, program: Mirrorsync) -> None:
        system.systemctl("start", DAEMON.name)
        assert (system.show(DAEMON.name, "ActiveState"), system.show(DAEMON.name, "SubState")) == ("active", "running"), self.log(program)
        until(lambda: "waiting; next redhat: update at" in system.show(DAEMON.name, "StatusText"))
        system.systemctl("kill", "--kill-who=main", "--signal=USR1", DAEMON.name)
        until(lambda: "redhat: update: done" in self.log(program), log=lambda: self.log(program))
        assert "bash-2-1.noarch.rpm" in {path.name for path in (program.config.parent / "u1/redhat" / RPMS).iterdir()}
        text = program.config.read_text()
        program.config.write_text(text.replace("17 4", "30 5"))
        system.systemctl("reload", DAEMON.name)
        until(lambda: "05:30:00" in system.show(DAEMON.name, "StatusText"))
        program.config.write_text(text.replace("17 4", "30 25"))
        system.systemctl("reload", DAEMON.name)
        until(lambda: "the configuration was not reloaded" in self.log(program))
        assert system.show(DAEMON.name, "ActiveState") == "active"
        system.systemctl("stop", DAEMON.name)
        ended = [system.show(DAEMON.name, name) for name in ("ActiveState", "Result", "ExecMainStatus")]
        assert ended == ["inactive", "success", "0"], self.log(program)
        assert "Failed" not in self.log(program)

    def test_a_loop_that_is_stuck_is_noticed_and_begun_anew(self, system: systemd.System, program: Mirrorsync) -> None:
        system.systemctl("start", DAEMON.name)
        first = int(system.show(DAEMON.name, "MainPID"))
        time.sleep(4)
        assert int(system.show(DAEMON.name, "MainPID")) == first
        system.systemctl("kill", "--kill-who=main", "--signal=STOP", DAEMON.name)
        until(lambda: int(system.show(DAEMON.name, "NRestarts")) == 1 and system.show(DAEMON.name, "SubState") == "running", seconds=30)
        assert int(system.show(DAEMON.name, "MainPID")) != first

    def test_a_stop_ends_the_run_that_is_at_work_and_leaves_the_tree_whole(
        self, system: systemd.System, program: Mirrorsync, server: MirrorServer
    ) -> None:
        home = program.config.parent
        (home / "hooks.d/pre-publish").write_text(f"#!/bin/sh\ntouch {home}/asked\nexec sleep 60\n")
        (home / "hooks.d/pre-publish").chmod(0o755)
        system.systemctl("start", DAEMON.name)
        system.systemctl("kill", "--kill-who=main", "--signal=USR1", DAEMON.name)
        until((home / "asked").exists, log=lambda: self.log(program))
        system.systemctl("stop", DAEMON.name)
        assert system.show(DAEMON.name, "Result") == "success"
        assert "redhat: update: ended with 143" in self.log(program)
        assert {path.name for path in (home / "u1/redhat" / RPMS).iterdir()} == PACKAGES

    def test_a_configuration_that_cannot_be_used_is_not_tried_again(self, system: systemd.System, program: Mirrorsync) -> None:
        program.config.write_text("[nonsense")
        system.systemctl("start", DAEMON.name)
        until(lambda: system.show(DAEMON.name, "ActiveState") == "failed")
        assert (system.show(DAEMON.name, "ExecMainStatus"), system.show(DAEMON.name, "NRestarts")) == ("78", "0")
