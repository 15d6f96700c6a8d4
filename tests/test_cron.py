"""cron as Debian has it, running the entry that comes with mirrorsync; and a daemon beside it, on the same tree and on others.

All of it happens in one course of two minutes, which the tests look at: cron knows no shorter times.
"""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path

import pytest

from mirrorsync.planning.crontab import read_cron
from tests import crons
from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.daemons import Running, daemon, scheduled
from tests.sites import RPMS, Site, add_tree, redhat_site, rhl_tree
from tests.waiting import until

ENTRY = Path(__file__).parents[1] / "cron/mirrorsync"
EVERY_MINUTE = "* * * * *"
MINUTES = 2
SETTLING_SECONDS = 25
VERSIONS = 12


def entry(program: Mirrorsync) -> str:
    """The entry as it comes, but for each minute, at once, and with this configuration; its other lines stay for their own days."""
    text = ENTRY.read_text().replace("17 4 * * *", EVERY_MINUTE).replace("sleep $((RANDOM \\% 3600)); ", "")
    return text.replace("PATH=", f"MIRRORSYNC_CONFIG={program.config}\nPATH={Path(sys.executable).parent}:")


@dataclass
class Course:
    """What was there and what came of it. both: the tree that cron and the daemon updated; others: those of the daemon alone."""

    alone: Site
    failing: Site
    both: Site
    others: tuple[Path, ...]
    daemon: Running
    mails: list[Message] = field(default_factory=list)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, rpm: Builder) -> Iterator[Course]:
    if reason := crons.obstacle():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("cron")
    made = [redhat_site(folder / name, [rpm("bash", "1"), rpm("tar", "1")], [rpm("bash", "2")]) for name in ("alone", "failing", "both")]
    alone, failing, both = made
    programs = {"alone": alone.program(), "failing": failing.program("http://127.0.0.1:1"), "both": both.program()}
    others = tuple(rhl_tree(folder / "both" / name, [rpm("bash", "1")]).rename(both.folder / "u1" / name) for name in ("second", "third"))
    for other in others:
        add_tree(programs["both"], other, both.mirror)
    schedule = f'update = "{EVERY_MINUTE}"\nat_once = 2'
    tables = f'[trees.second.schedule]\nupdate = "*/1 * * * *"\ncheck = "{EVERY_MINUTE}"\n[trees.third.schedule]\nupdate = "0-59 * * * *"'
    scheduled(programs["both"], schedule, of_trees=tables)
    with ExitStack() as stack:
        (folder / "crons").mkdir()
        stack.enter_context(crons.cron(folder / "crons", {name: entry(program) for name, program in programs.items()}))
        running = stack.enter_context(daemon(programs["both"]))
        result = Course(alone, failing, both, others, running)
        last = time.time() // 60 * 60 + 60 * MINUTES + SETTLING_SECONDS
        for version in range(VERSIONS):
            both.offer(rpm("tar", str(2 + version)))
            running.send(signal.SIGUSR1)
            time.sleep(max(0.0, (last - SETTLING_SECONDS - 10 - time.time()) / (VERSIONS - version)))
        time.sleep(max(0.0, last - time.time()))
        running.send(signal.SIGUSR1)
        until(lambda: not busy(running), what="the end of all runs")
        assert running.end() == 0
        result.mails += crons.mails(folder / "crons")
    yield result


def busy(running: Running) -> bool:
    """Whether a run is at work, or was within the last seconds."""
    lines = len(running.log)
    time.sleep(2)
    begun, over = (running.lines(re.compile(pattern)) for pattern in ("begins, process", r", after \d+ s$"))
    return len(begun) > len(over) or len(running.log) > lines


def published(program: Mirrorsync, tree: str) -> list[dict[str, object]]:
    """The generations, the oldest first."""
    [history] = program("history", tree, "--limit", "1000", "--json").document["trees"]
    return list(reversed(history["generations"]))


def packages(tree: Path) -> set[str]:
    return {path.name for path in (tree / RPMS).iterdir()}


class TestCron:
    def test_its_entry_publishes_an_update(self, course: Course) -> None:
        program = Mirrorsync(course.alone.config)
        assert "bash-2-1.noarch.rpm" in packages(course.alone.tree)
        assert [generation["run"] for generation in published(program, "redhat")] == ["adoption", "update"]
        assert program("check", "--deep").code == 0

    def test_it_is_silent_about_what_went_well_and_about_having_nothing_to_do(self, course: Course) -> None:
        assert not [mail for mail in course.mails if str(course.alone.config) in mail.as_string()]

    def test_its_mail_holds_what_failed_and_why(self, course: Course) -> None:
        failed = [mail for mail in course.mails if str(course.failing.config) in mail.as_string()]
        assert len(failed) >= MINUTES
        assert failed[0]["To"] == "root"
        assert "mirrorsync -q update" in failed[0]["Subject"]
        lines = str(failed[0].get_payload()).strip().splitlines()
        assert lines == [line for line in lines if line.startswith("redhat: http://127.0.0.1:1/")]
        assert len(lines) == 1


class TestCronAndDaemonTogether:
    def test_nothing_is_lost_and_nothing_is_published_twice(self, course: Course) -> None:
        program = Mirrorsync(course.both.config)
        for tree in (course.both.tree, *course.others):
            generations = published(program, tree.name)
            assert [generation["number"] for generation in generations] == list(range(1, len(generations) + 1))
            added = [name for generation in generations[1:] for name in generation["added"]]  # type: ignore[attr-defined]  # of a document
            assert len(added) == len(set(added))
        assert f"tar-{1 + VERSIONS}-1.noarch.rpm" in packages(course.both.tree)
        assert {name for name in packages(course.both.tree) if name.startswith("bash")} >= {"bash-2-1.noarch.rpm"}

    def test_every_tree_and_all_that_is_kept_of_it_is_whole(self, course: Course) -> None:
        program = Mirrorsync(course.both.config)
        checked = program("check", "--deep", "--json")
        assert [(tree["tree"], tree["exit_code"]) for tree in checked.document["trees"]] == [("redhat", 0), ("second", 0), ("third", 0)]

    def test_both_were_at_work(self, course: Course) -> None:
        """Each of the daemon's runs is known by its number; cron's are the others."""
        by = [str(generation["by"]) for generation in published(Mirrorsync(course.both.config), "redhat")]
        own = {match[1] for match in course.daemon.lines(re.compile(r"begins, process (\d+)"))}
        assert {int(word) for text in by for word in re.findall(r"process (\d+)", text)} & {int(number) for number in own}
        assert len(course.daemon.lines(re.compile("redhat: update: begins"))) >= MINUTES

    def test_nobody_is_mailed_about_runs_that_met(self, course: Course) -> None:
        assert not [mail for mail in course.mails if str(course.both.config) in mail.as_string()]

    def test_the_daemon_said_of_nothing_that_it_failed(self, course: Course) -> None:
        endings = [match[1] for match in course.daemon.lines(re.compile(r": (?:update|check): ([^:]*), after \d+ s$"))]
        assert set(endings) <= {"done", "another run is at work on it, and does it"}
        assert "done" in endings


class TestAcceleratedSchedules:
    def test_every_schedule_ran_each_minute(self, course: Course) -> None:
        for name in ("redhat: update", "second: update", "second: check", "third: update"):
            assert len(course.daemon.lines(re.compile(f"{name}: begins"))) >= MINUTES, name

    def test_runs_of_one_tree_never_overlapped_and_never_more_than_two_were_at_work(self, course: Course) -> None:
        working: set[str] = set()
        for line in course.daemon.log:
            if match := re.search(r"(\w+): (?:update|check): (?:begins, process|.*, after \d+ s$)", line):
                if "begins" in line:
                    assert match[1] not in working, line
                    working.add(match[1])
                    assert len(working) <= 2
                else:
                    working.remove(match[1])
        assert working == set()

    def test_they_began_on_the_minute(self, course: Course) -> None:
        begun = [match[1] for match in course.daemon.lines(re.compile(r"^(\S+ \S+) second: check: begins, process"))]
        seconds = [datetime.fromisoformat(text).replace(tzinfo=UTC).second for text in begun]
        assert min(seconds) < 10, course.daemon.log


class TestEntry:
    def test_cron_takes_it(self, tmp_path: Path) -> None:
        if crons.obstacle():
            pytest.skip(crons.obstacle())
        lines = [re.sub(r"(?<=\S)\s+root\s+", " ", line) for line in ENTRY.read_text().splitlines(keepends=True)]
        (tmp_path / "entry").write_text("".join(lines))
        done = subprocess.run(["crontab", "-n", str(tmp_path / "entry")], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_its_times_are_such_as_the_configuration_takes_too(self) -> None:
        times = re.findall(r"^#?((?:\S+ +){5}) *root", ENTRY.read_text(), flags=re.MULTILINE)
        assert [str(read_cron(text)) for text in times] == ["17 4 * * *", "43 6 * * 0", "7 7 * * 1"]
