"""The daemon: what it lists, what it runs and when, what signals do to it, what systemd and the log are told."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from mirrorsync.app.lateness import lateness_of, note_lateness
from mirrorsync.app.timetable import timings
from mirrorsync.config.loading import load
from mirrorsync.model.schedule import Lateness, Task, Timing
from mirrorsync.planning.crontab import read_cron
from mirrorsync.planning.turns import Request, overdue, queued, startable, why_late
from mirrorsync.scheduler.memory import Memory
from mirrorsync.scheduler.timer import Timer
from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.daemons import daemon, processes, scheduled
from tests.servers import http_server
from tests.sites import RPMS, Site, add_tree
from tests.test_documents import validate
from tests.test_hooks import hook, hooked
from tests.waiting import until, wait_for

NIGHTLY = 'update = "17 4 * * *"'
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def packages(tree: Path) -> set[str]:
    return {path.name for path in (tree / RPMS).iterdir()}


def ago(span: timedelta) -> str:
    """A time of crontab(5) that came so long ago, to the minute, and every hour."""
    return f"{(datetime.now(UTC) - span).minute} * * * *"


class TestList:
    def test_it_says_when_each_task_is_next_and_asks_nobody(self, redhat: Site) -> None:
        program = scheduled(redhat.program("http://127.0.0.1:1"), f'{NIGHTLY}\ncheck = "@weekly"\njitter = "1h"')
        listed = program("daemon", "--list")
        lines = sorted(listed.out.splitlines(), key=lambda line: line.rpartition("redhat: ")[2])
        assert listed.code == 0
        assert [line.split("redhat: ")[1].split() for line in lines] == [["check", "@weekly"], ["update", "17", "4", "*", "*", "*"]]
        document = program("daemon", "--list", "--json").document
        validate(document)
        first, again = document["tasks"], program("daemon", "--list", "--json").document["tasks"]
        assert first == again
        assert (first[0]["tree"], first[0]["task"], first[0]["jitter_seconds"]) == ("redhat", "update", 3600)

    def test_trees_may_have_times_of_their_own_or_none(self, redhat: Site, tmp_path: Path) -> None:
        program = redhat.program()
        for name in ("late", "still"):
            add_tree(program, tmp_path / "u1" / name, redhat.mirror)
        tables = '[trees.late.schedule]\nupdate = "0 6 * * *"\nlate = "1h"\n[trees.still.schedule]\nupdate = "never"\n'
        found = timings(load(scheduled(program, f'{NIGHTLY}\nat_once = 3\njitter = "5m"', of_trees=tables).config, {}))
        told = [(timing.name, str(timing.cron), timing.jitter, timing.late) for timing in found]
        assert told == [
            ("late: update", "0 6 * * *", 5 * MINUTE, HOUR),
            ("redhat: update", "17 4 * * *", 5 * MINUTE, 6 * HOUR),
        ]

    @pytest.mark.parametrize("options", [[], ["--list"], ["--once"]])
    def test_without_a_schedule_there_is_nothing_to_do(self, redhat: Site, options: list[str]) -> None:
        refused = redhat.program()("daemon", *options)
        assert (refused.code, refused.err.startswith("mirrorsync: nothing is scheduled; write in [schedule] when")) == (78, True)

    def test_times_go_by_the_machine_s_zone(self, redhat: Site) -> None:
        program = scheduled(redhat.program(), NIGHTLY)
        moments = {}
        for zone in ("Asia/Tokyo", "America/New_York", "UTC", ":Europe/Berlin", "no/such"):
            [task] = program("daemon", "--list", "--json", environ={"TZ": zone}).document["tasks"]
            moments[zone] = datetime.fromisoformat(task["next"]).strftime("%H:%M")
        assert (moments["Asia/Tokyo"], moments["UTC"], moments["no/such"]) == ("19:17", "04:17", "04:17")
        assert moments["America/New_York"] in ("08:17", "09:17")
        assert moments[":Europe/Berlin"] in ("02:17", "03:17")


class TestRuns:
    def test_once_updates_every_tree_and_ends_as_the_worst_of_them(self, redhat: Site, tmp_path: Path) -> None:
        program = scheduled(redhat.program(), NIGHTLY)
        done = program("daemon", "--once")
        assert (done.code, "bash-2-1.noarch.rpm" in packages(redhat.tree)) == (0, True)
        add_tree(program, tmp_path / "u1/gone", redhat.mirror)
        done = program("daemon", "--once")
        assert done.code == 1
        assert f"gone: update: gone: {tmp_path}/u1/gone: no such directory" in done.err

    def test_asked_by_sigusr1_it_updates_at_once(self, redhat: Site, rpm: Builder) -> None:
        with daemon(scheduled(redhat.program(), NIGHTLY)) as running:
            running.send(signal.SIGUSR1)
            running.says("redhat: update: done, after")
            assert "bash-2-1.noarch.rpm" in packages(redhat.tree)
            redhat.offer(rpm("tar", "2"))
            running.send(signal.SIGUSR1)
            running.says("redhat: update: done, after", times=2)
            assert "tar-2-1.noarch.rpm" in packages(redhat.tree)
            assert running.end() == 0

    def test_runs_of_one_tree_follow_one_another(self, redhat: Site) -> None:
        released = threading.Event()
        with http_server(redhat.mirror) as server:
            server.behaviour.before_answer = lambda _path: wait_for(released)
            with daemon(scheduled(redhat.program(server.url), NIGHTLY)) as running:
                running.send(signal.SIGUSR1)
                until(lambda: server.requests)
                for times in (1, 2):
                    running.send(signal.SIGUSR1)
                    running.says("asked to update", times=times + 1)
                running.says("redhat: update: due again before it could begin; taken together")
                assert len(processes(running)) == 1
                released.set()
                running.says("redhat: update: done, after", times=2)
                assert len(processes(running)) == 2

    def test_trees_are_updated_side_by_side_up_to_the_bound(self, redhat: Site, tmp_path: Path) -> None:
        released = threading.Event()
        with http_server(redhat.mirror) as server:
            program = redhat.program(server.url)
            for name in ("second", "third"):
                shutil.copytree(redhat.tree, tmp_path / "u1" / name)
                add_tree(program, tmp_path / "u1" / name, redhat.mirror)
            program.config.write_text(program.config.read_text().replace(redhat.mirror.as_uri(), server.url))
            server.behaviour.before_answer = lambda _path: wait_for(released)
            with daemon(scheduled(program, f"{NIGHTLY}\nat_once = 2")) as running:
                running.send(signal.SIGUSR1)
                until(lambda: len(server.asked("/")) == 2)
                time.sleep(0.5)
                assert len(processes(running)) == 2
                released.set()
                running.says("update: done, after", times=3)

    def test_one_that_is_killed_takes_nothing_with_it(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"touch {redhat.folder}/asked; exec sleep 60")
        with daemon(scheduled(program, NIGHTLY)) as running:
            running.send(signal.SIGUSR1)
            until((redhat.folder / "asked").exists)
            os.kill(processes(running)[0], signal.SIGKILL)
            running.says("redhat: update: ended by SIGKILL, after")
            hook(folder, "pre-publish", "exit 0")
            running.send(signal.SIGUSR1)
            running.says("redhat: update: done, after")

    def test_one_that_meets_another_leaves_it_the_work(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"touch {redhat.folder}/asked; exec sleep 60")
        by_hand = subprocess.Popen([*program.command, "update"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until((redhat.folder / "asked").exists)
            with daemon(scheduled(program, NIGHTLY)) as running:
                running.send(signal.SIGUSR1)
                running.says("redhat: update: another run is at work on it, and does it")
        finally:
            by_hand.terminate()
            by_hand.wait()

    def test_what_they_say_is_in_the_log_under_the_tree_s_name(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", "printf 'a \\033[31mred\\n line'; exit 1")
        with daemon(scheduled(program, NIGHTLY)) as running:
            running.send(signal.SIGUSR1)
            running.says(r"redhat: update: redhat: pre-publish: a \\u001b\[31mred")
            running.says("redhat: update: redhat: held by hook pre-publish: exit status 1")
            running.says("redhat: update: done in part, something is held")

    def test_they_do_not_know_of_the_supervisor_and_lie_in_no_folder_of_strangers(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"touch {redhat.folder}/asked; exec sleep 60")
        with daemon(scheduled(program, NIGHTLY), environ={"WATCHDOG_USEC": "60000000"}) as running:
            running.send(signal.SIGUSR1)
            until((redhat.folder / "asked").exists)
            [number] = processes(running)
            names = {word.partition("=")[0] for word in Path(f"/proc/{number}/environ").read_text().split("\0")}
            assert not names & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}
            assert Path(f"/proc/{number}/cwd").readlink() == Path("/")
            command = Path(f"/proc/{number}/cmdline").read_text().split("\0")[1:-1]
            assert command == ["-m", "mirrorsync", "--config", str(program.config), "-q", "update", "redhat"]


class TestSignals:
    def test_there_is_one_for_each_configuration(self, redhat: Site) -> None:
        program = scheduled(redhat.program(), NIGHTLY)
        with daemon(program) as running:
            for options in ([], ["--once"]):
                second = program("daemon", *options)
                assert second.code == 75
                assert f"{program.config}: its daemon: process {running.process.pid} since" in second.err
            assert program("daemon", "--list").code == 0

    def test_sighup_reads_the_configuration_anew(self, redhat: Site) -> None:
        program = scheduled(redhat.program(), NIGHTLY)
        with daemon(program) as running:
            running.says("redhat: update: next at .* 04:17:00")
            program.config.write_text(program.config.read_text().replace("17 4", "30 5"))
            running.send(signal.SIGHUP)
            running.says("the configuration is reloaded")
            running.says("redhat: update: next at .* 05:30:00")
            told = running.tells("RELOADING=1\nMONOTONIC_USEC=")
            assert abs(int(told.rpartition("=")[2]) / 1e6 - time.clock_gettime(time.CLOCK_MONOTONIC)) < 60
            until(lambda: [text for _, text in running.told].count("READY=1") == 2)

    def test_one_that_cannot_be_used_is_told_and_the_former_one_stays(self, redhat: Site) -> None:
        program = scheduled(redhat.program(), NIGHTLY)
        with daemon(program) as running:
            good = program.config.read_text()
            program.config.write_text(good.replace("17 4", "61 4"))
            running.send(signal.SIGHUP)
            running.says("schedule.update: minute '61' is no minute there is; write 0 to 59")
            running.says("the configuration was not reloaded; what was scheduled stays")
            until(lambda: [text for _, text in running.told].count("READY=1") == 2)
            program.config.write_text(good.replace("/state", "/elsewhere"))
            running.send(signal.SIGHUP)
            running.says("mirrorsync.state: is another one now, for which the daemon must be restarted")
            program.config.write_text(good)
            running.send(signal.SIGUSR1)
            running.says("redhat: update: done")

    def test_one_that_cannot_be_noted_is_told_and_the_former_one_stays(self, redhat: Site, tmp_path: Path) -> None:
        program = scheduled(redhat.program(), NIGHTLY)
        with daemon(program) as running:
            add_tree(program, tmp_path / "u1/second", redhat.mirror)
            notes = load(program.config, {}).state / "daemon/schedule.json"
            notes.unlink()
            (notes / "in the way").mkdir(parents=True)
            running.send(signal.SIGHUP)
            running.says("the configuration was not reloaded; what was scheduled stays")
            running.send(signal.SIGUSR1)
            running.says("redhat: update: done")
            assert not running.lines(re.compile("second"))

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_its_end_is_told_to_the_runs_and_waits_for_them(self, redhat: Site, number: int) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"touch {redhat.folder}/asked; exec sleep 60")
        with daemon(scheduled(program, NIGHTLY)) as running:
            running.send(signal.SIGUSR1)
            until((redhat.folder / "asked").exists)
            began = time.monotonic()
            assert running.end(number) == 0
            assert time.monotonic() - began < 20
            running.says("ending, waiting for redhat: update")
            running.says("redhat: update: ended with 143, after")
        assert "STOPPING=1" in [text for _, text in running.told]
        assert packages(redhat.tree) == {"bash-1-1.noarch.rpm", "tar-1-1.noarch.rpm"}

    def test_a_second_one_hurries(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"trap '' TERM; touch {redhat.folder}/asked; while :; do sleep 1; done")
        with daemon(scheduled(program, NIGHTLY)) as running:
            running.send(signal.SIGUSR1)
            until((redhat.folder / "asked").exists)
            running.send(signal.SIGTERM)
            running.says("ending, waiting for redhat: update")
            began = time.monotonic()
            assert running.end() == 0
            assert time.monotonic() - began < 4
            running.says("redhat: update: ended by SIGKILL")
        os.killpg(int(subprocess.run(["pgrep", "-f", f"{folder}/pre-publish"], capture_output=True, text=True, check=True).stdout), 9)
        hook(folder, "pre-publish", "exit 0")
        assert program("update").code == 0
        assert program("check", "--deep").code == 0

    def test_a_terminal_s_interruption_reaches_the_daemon_alone(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"touch {redhat.folder}/asked; exec sleep 60")
        with daemon(scheduled(program, NIGHTLY)) as running:
            running.send(signal.SIGUSR1)
            until((redhat.folder / "asked").exists)
            assert os.getpgid(processes(running)[0]) != os.getpgid(running.process.pid)


class TestSupervision:
    @pytest.mark.parametrize("abstract", [False, True], ids=["a path", "an abstract address"])
    def test_systemd_is_told_what_is_going_on(self, redhat: Site, abstract: bool) -> None:  # noqa: FBT001  a parameter of the test
        with daemon(scheduled(redhat.program(), NIGHTLY), abstract=abstract) as running:
            assert running.tells("STATUS=").startswith("STATUS=waiting; next redhat: update at ")
            running.send(signal.SIGUSR1)
            running.tells("STATUS=at work: redhat: update; next")
            running.end()
        assert "WATCHDOG=1" not in [text for _, text in running.told]

    def test_the_loop_itself_gives_the_signs_of_life(self, redhat: Site) -> None:
        with daemon(scheduled(redhat.program(), NIGHTLY), environ={"WATCHDOG_USEC": "600000"}) as running:

            def signs() -> list[float]:
                return [moment for moment, text in running.told if text == "WATCHDOG=1"]

            until(lambda: len(signs()) > 10)
            times = signs()
            assert max(later - earlier for earlier, later in pairwise(times[1:])) < 0.6
            running.send(signal.SIGSTOP)
            time.sleep(0.3)
            stopped = len(signs())
            time.sleep(1)
            assert len(signs()) == stopped
            running.send(signal.SIGCONT)

    def test_signs_of_life_for_another_process_are_not_its_business(self, redhat: Site) -> None:
        with daemon(scheduled(redhat.program(), NIGHTLY), environ={"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}) as running:
            time.sleep(0.5)
            assert "WATCHDOG=1" not in [text for _, text in running.told]

    def test_the_journal_gets_priorities_and_no_times(self, redhat: Site, tmp_path: Path) -> None:
        add_tree(program := scheduled(redhat.program(), NIGHTLY), tmp_path / "u1/gone", redhat.mirror)
        reading, writing = os.pipe()
        with ExitStack() as stack, os.fdopen(reading, encoding="utf-8") as journal:
            status = os.fstat(writing)
            environ = {**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
            command = [*program.command, "daemon", "--once"]
            stack.enter_context(subprocess.Popen(command, stderr=writing, env=environ))
            os.close(writing)
            lines = journal.read().splitlines()
        assert any(line.startswith("<6>redhat: update: begins, process ") for line in lines)
        assert any(line.startswith("<4>gone: update: gone: ") for line in lines)
        assert any(line.startswith("<3>gone: update: ended with 1, after ") for line in lines)

    def test_quiet_it_says_only_what_needs_somebody(self, redhat: Site) -> None:
        done = scheduled(redhat.program(), NIGHTLY)("-q", "daemon", "--once")
        assert (done.code, done.out, done.err) == (0, "", "")


class TestLogFile:
    def test_it_is_written_on_in_the_file_that_has_its_name(self, redhat: Site) -> None:
        log = redhat.folder / "mirrorsync.log"
        with daemon(scheduled(redhat.program(), NIGHTLY), "--log", str(log)) as running:
            until(lambda: "next at" in log.read_text())
            log.rename(log.with_suffix(".log.1"))
            running.send(signal.SIGUSR1)
            until(lambda: log.exists() and "done, after" in log.read_text())
            assert log.stat().st_mode & 0o777 == 0o640
            assert "done" not in log.with_suffix(".log.1").read_text()
            assert running.log == []

    @pytest.mark.skipif(shutil.which("logrotate", path="/usr/sbin:/usr/bin") is None, reason="this machine lacks logrotate; install it")
    def test_logrotate_takes_the_file_that_comes_with_it(self, redhat: Site) -> None:
        log = redhat.folder / "mirrorsync.log"
        redhat.folder.chmod(0o755)
        text = (Path(__file__).parents[1] / "config/logrotate.d/mirrorsync").read_text().replace("/var/log/mirrorsync.log", str(log))
        (redhat.folder / "rotate.conf").write_text(text)
        (redhat.folder / "rotate.conf").chmod(0o644)
        rotate = ["/usr/sbin/logrotate", "--force", "--state", f"{redhat.folder}/rotated", f"{redhat.folder}/rotate.conf"]
        with daemon(scheduled(redhat.program(), NIGHTLY), "--log", str(log)) as running:
            for times in (1, 2):
                running.send(signal.SIGUSR1)
                until(lambda: log.exists() and "done, after" in log.read_text())
                done = subprocess.run(rotate, capture_output=True, text=True, check=False)
                assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
                assert log.with_suffix(".log.1").exists()
                assert log.with_suffix(".log.2.gz").exists() == (times > 1)

    def test_one_that_cannot_be_written_is_refused(self, redhat: Site) -> None:
        refused = scheduled(redhat.program(), NIGHTLY)("daemon", "--log", "/nonexistent/log")
        assert (refused.code, "/nonexistent/log: No such file or directory" in refused.err) == (1, True)


class TestLateness:
    def test_what_was_missed_while_no_daemon_ran_is_made_up_for_once_and_told(self, redhat: Site) -> None:
        program = scheduled(redhat.program(), f'update = "{ago(10 * MINUTE)}"')
        config = load(program.config, {})
        [timing] = timings(config)
        Memory(config.state).note([timing], datetime.now(UTC) - 5 * HOUR)
        with daemon(program) as running:
            running.says(r"redhat: update: begins (9|10|11) min late: nothing could run when it was due")
            running.says("redhat: update: done")
            assert len(processes(running)) == 1
        [noted] = lateness_of(config.state, "redhat")
        assert (noted.task, bool(noted.began), noted.reason.startswith("nothing could run")) == (Task.UPDATE, True, True)
        assert "1 began late; last the update that was due at" in program("report").out
        with daemon(program) as running:
            time.sleep(1)
            assert processes(running) == []

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_what_waited_when_the_daemon_ended_is_made_up_for_by_the_next_one(self, redhat: Site, tmp_path: Path, number: int) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"touch {redhat.folder}/asked; exec sleep 60")
        for name in ("second", "third"):
            shutil.copytree(redhat.tree, tmp_path / "u1" / name)
            add_tree(program, tmp_path / "u1" / name, redhat.mirror)
        config = load(scheduled(program, f'update = "{ago(10 * MINUTE)}"\nat_once = 1').config, {})
        Memory(config.state).note(timings(config), datetime.now(UTC) - 5 * HOUR)
        with daemon(program) as running:
            until((redhat.folder / "asked").exists)
            running.end(number)
            [begun] = processes(running)
            if number == signal.SIGKILL:
                os.kill(begun, signal.SIGTERM)
        waited = [match[1] for match in running.lines(re.compile(r"(\w+): update: due at .*, did not begin before the end"))]
        assert waited == (["second", "third"] if number == signal.SIGTERM else [])
        hook(folder, "pre-publish", "exit 0")
        with daemon(program) as running:
            running.says("second: update: done, after")
            running.says("third: update: done, after")
            assert len(processes(running)) == 2

    def test_what_no_daemon_could_begin_in_time_is_told_once(self, redhat: Site) -> None:
        program = scheduled(redhat.program(), f'update = "{ago(10 * MINUTE)}"\nlate = "5m"')
        config = load(program.config, {})
        Memory(config.state).note(timings(config), datetime.now(UTC) - 5 * HOUR)
        with daemon(program) as running:
            running.says("redhat: update: due at .*, did not begin: nothing could run when it was due")
        [noted] = lateness_of(config.state, "redhat")
        assert noted.began is None
        with daemon(program) as running:
            time.sleep(1)
            assert running.lines(re.compile("did not begin")) == []

    @pytest.mark.parametrize("schedule", ['update = "{}"\nlate = "5m"', 'update = "{},{}"'], ids=["too late", "scheduled anew"])
    def test_what_may_not_begin_any_more_or_was_not_scheduled_then_is_not(self, redhat: Site, schedule: str) -> None:
        program = redhat.program()
        minute, rest = ago(10 * MINUTE).split(" ", 1)
        cron = f"{minute},{(int(minute) + 30) % 60} {rest}" if "{},{}" in schedule else f"{minute} {rest}"
        scheduled(program, schedule.replace("{},{}", "{}").format(cron))
        config = load(program.config, {})
        [timing] = timings(config)
        before = timing if "late" in schedule else Timing(timing.task, timing.tree, read_cron("0 0 1 1 *"), timing.jitter, timing.late)
        Memory(config.state).note([before], datetime.now(UTC) - 5 * HOUR)
        with daemon(program) as running:
            time.sleep(1)
            assert processes(running) == []

    def test_reports_are_told_the_newest_first_and_not_without_end(self, tmp_path: Path) -> None:
        for number in range(120):
            note_lateness(tmp_path, "redhat", Lateness(Task.CHECK, NOW + number * HOUR, None, f"reason {number}"))
        found = lateness_of(tmp_path, "redhat")
        assert (len(found), found[0].reason, found[0].began) == (100, "reason 119", None)
        first = {"task": "check", "began": None, "reason": "x"}
        for damaged in ('{"damaged": [', json.dumps([{**first, "due": "0001-01-01T00:00:00+14:00"}])):
            (tmp_path / "daemon/late/redhat.json").write_text(damaged)
            assert lateness_of(tmp_path, "redhat") == ()
        (tmp_path / "daemon/late/redhat.json").write_text(json.dumps([{**first, "due": "2026-01-01"}]))
        [naive] = lateness_of(tmp_path, "redhat")
        assert naive.due < NOW


def request(name: str, due: datetime = NOW, asked: datetime | None = None, late: timedelta = HOUR) -> Request:
    tree, _, task = name.rpartition(": ")
    return Request(Task(task), tree, due, asked or due, late)


class TestTurns:
    def test_of_one_name_one_waits(self) -> None:
        first = request("a: update")
        assert queued(queued((), first), request("a: update", NOW + MINUTE)) == (first,)
        assert len(queued((first,), request("a: check"))) == 2

    def test_a_tree_has_one_at_a_time_and_others_pass_by(self) -> None:
        update, check, other = request("a: update"), request("a: check"), request("b: update")
        assert startable((update, check, other), [], 2) == (update, other)
        assert startable((update, check, other), ["a"], 2) == (other,)
        assert startable((update, check, other), ["x"], 2) == (update,)
        assert startable((update, check, other), ["x", "y"], 2) == ()

    def test_the_digest_is_of_no_tree(self) -> None:
        digest = request("digest")
        assert (digest.tree, digest.name) == ("", "digest")
        assert startable((digest,), ["a"], 2) == (digest,)

    def test_what_is_too_late_is_dropped_with_the_reason(self) -> None:
        waiting = request("a: update"), request("b: update", asked=NOW + 2 * MINUTE), request("c: update", late=timedelta())
        assert overdue(waiting, NOW + HOUR) == (waiting[2],)
        assert overdue(waiting, NOW + HOUR + MINUTE) == waiting
        assert why_late(waiting[0], NOW + 2 * MINUTE) == "other runs were at work"
        assert "no daemon, a machine asleep" in str(why_late(waiting[1], NOW + 3 * MINUTE))
        assert why_late(waiting[0], NOW + MINUTE) is None
        assert overdue(waiting[2:], NOW + MINUTE) == ()


def timing(cron: str, late: timedelta = 6 * HOUR) -> Timing:
    return Timing(Task.UPDATE, "redhat", read_cron(cron), timedelta(), late)


class TestTimer:
    @pytest.fixture(autouse=True)
    def in_utc(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "UTC")

    def timer(self, state: Path, asked: list[datetime]) -> Timer:
        return Timer(lambda _timing, due: asked.append(due), Memory(state))

    def test_times_long_past_come_to_one_run_the_last_of_them(self, tmp_path: Path) -> None:
        """As after a boot without a clock that runs on."""
        asked: list[datetime] = []
        timer = self.timer(tmp_path, asked)
        timer.schedule([timing("* * * * *")], "a", datetime(1970, 1, 1, tzinfo=UTC))
        began = time.monotonic()
        timer.ask_for_due()
        assert time.monotonic() - began < 1
        [due] = asked
        assert timedelta() <= datetime.now(UTC) - due < 2 * MINUTE
        timer.shutdown()

    def test_a_reload_leaves_what_did_not_change(self, tmp_path: Path) -> None:
        timer = self.timer(tmp_path, [])
        timer.schedule([timing("0 13 * * *")], "a", NOW)
        timer.schedule([timing("0 13 * * *")], "a", NOW + 3 * HOUR)
        assert timer.coming() == [("redhat: update", NOW + HOUR)]
        timer.schedule([timing("30 13 * * *")], "a", NOW + 3 * HOUR)
        assert timer.coming() == [("redhat: update", NOW + timedelta(days=1, hours=1, minutes=30))]
        timer.schedule([], "a", NOW)
        assert (timer.coming(), timer.ask_for_due()) == ([], float("inf"))
        timer.shutdown()

    @pytest.mark.parametrize(
        ("cron", "back", "following"),
        [
            ("0 * * * *", HOUR, NOW),
            ("30 11 * * *", HOUR, NOW + timedelta(hours=23, minutes=30)),
            ("30 11 * * *", 4 * HOUR, NOW - timedelta(minutes=30)),
        ],
        ids=["by the clock", "not twice", "a correction"],
    )
    def test_a_clock_that_is_put_back_does_nothing_twice_unless_it_was_wrong(
        self, tmp_path: Path, cron: str, back: timedelta, following: datetime
    ) -> None:
        timer = self.timer(tmp_path, [])
        timer.schedule([timing(cron)], "a", NOW)
        timer.put_back(back, NOW - back)
        assert timer.coming() == [("redhat: update", following)]
        timer.shutdown()

    def test_what_a_wrong_clock_had_noted_of_the_future_is_no_reason_to_wait(self, tmp_path: Path) -> None:
        Memory(tmp_path).note([timing("0 13 * * *")], NOW + timedelta(days=1000))
        timer = self.timer(tmp_path, [])
        timer.schedule([timing("0 13 * * *")], "a", NOW)
        assert timer.coming() == [("redhat: update", NOW + HOUR)]
        assert Memory(tmp_path).since(timing("0 13 * * *")) == NOW
        timer.shutdown()

    def test_what_cannot_be_noted_changes_nothing(self, tmp_path: Path) -> None:
        timer = self.timer(tmp_path, [])
        timer.schedule([timing("0 13 * * *")], "a", NOW)
        notes = tmp_path / "daemon/schedule.json"
        notes.unlink()
        (notes / "in the way").mkdir(parents=True)
        for new in ([timing("30 13 * * *")], [replace(timing("0 12 * * *"), tree="second")]):
            with pytest.raises(OSError, match="directory"):
                timer.schedule(new, "a", NOW)
            assert timer.coming() == [("redhat: update", NOW + HOUR)]
        timer.shutdown()

    def test_a_damaged_memory_is_none(self, tmp_path: Path) -> None:
        early = json.dumps({"redhat: update": ["0 13 * * *", "0001-01-01T00:00:00+14:00"]})
        for text in ("[]", "{", '{"redhat: update": 1}', '{"redhat: update": ["x", "y"]}', json.dumps({"a": ["x", None]}), early):
            (tmp_path / "daemon").mkdir(exist_ok=True)
            (tmp_path / "daemon/schedule.json").write_text(text)
            assert Memory(tmp_path).since(timing("0 13 * * *")) is None


def test_the_program_is_the_same_that_a_person_would_call(redhat: Site) -> None:
    """A relative name of the configuration is the same file for its runs."""
    program = scheduled(redhat.program(), NIGHTLY)
    done = subprocess.run(
        [*Mirrorsync(Path(program.config.name)).command, "daemon", "--once"], cwd=redhat.folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "bash-2-1.noarch.rpm" in packages(redhat.tree)) == (0, True), done.stderr
