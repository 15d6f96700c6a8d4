"""One writer a tree; those who only read never wait; a dead writer holds nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.sites import LISTING, copy, rhl_tree

HOLD = """
import sys
from pathlib import Path
from mirrorsync.locks import locked
with locked(Path(sys.argv[1]), "a test"):
    print(flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def mirrorsync(tmp_path: Path, rpm: Builder) -> Mirrorsync:
    tree = rhl_tree(tmp_path, [rpm("bash", "1")])
    mirror = copy([rpm("bash", "2")], tmp_path / "mirror")
    program = configured(tmp_path, tree, f'url = "{mirror.as_uri()}/"\n{LISTING}')
    assert program("update").code == 0
    assert program("update", "-n", "--save", str(tmp_path / "plan.json")).code == 0
    return program


def lock(mirrorsync: Mirrorsync) -> Path:
    """The lock file of its tree."""
    return mirrorsync.config.parent / "u1/.mirrorsync/redhat/lock"


@contextmanager
def another_run(mirrorsync: Mirrorsync) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the tree's lock until the block ends."""
    command = [sys.executable, "-c", HOLD, str(lock(mirrorsync))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        holder.stdout.readline()
        try:
            yield holder
        finally:
            holder.kill()


@pytest.mark.parametrize("command", ["update", "apply PLAN", "rollback redhat 1", "prune"])
def test_whoever_would_write_leaves_with_75_and_names_the_other_and_its_start(mirrorsync: Mirrorsync, command: str) -> None:
    arguments = command.replace("PLAN", f"{mirrorsync.config.parent}/plan.json").split()
    with another_run(mirrorsync) as holder:
        refused = mirrorsync(*arguments)
    assert (refused.code, len(refused.err.splitlines())) == (75, 1)
    assert f"process {holder.pid} since 20" in refused.err


@pytest.mark.parametrize("command", ["status", "history", "diff 1 2", "check --deep", "update -n", "rollback -n redhat 2", "prune -n"])
def test_whoever_only_reads_does_not_wait(mirrorsync: Mirrorsync, command: str) -> None:
    with another_run(mirrorsync):
        assert mirrorsync(*command.split()).code == 0


def test_a_process_that_was_killed_holds_nothing(mirrorsync: Mirrorsync) -> None:
    with another_run(mirrorsync) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        assert mirrorsync("update").code == 0
        assert mirrorsync("status", "--json").tree["running"] is None


def test_a_lock_file_that_is_removed_while_it_is_held_lets_nobody_in(mirrorsync: Mirrorsync) -> None:
    with another_run(mirrorsync) as holder:
        lock(mirrorsync).unlink()
        refused = mirrorsync("update")
        assert (refused.code, f"process {holder.pid} is at work on it" in refused.err) == (75, True)
        assert mirrorsync("status", "--json").tree["running"] == f"process {holder.pid}"
        lock(mirrorsync).write_text("process 1 since 2002-05-06 00:00:00")
        assert mirrorsync("status", "--json").tree["running"] == f"process {holder.pid}"


IN_ITS_PLACE: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "a directory": Path.mkdir,
    "a pipe": os.mkfifo,
    "a link to a file": lambda path: path.symlink_to("elsewhere"),
    "another file's name": lambda path: path.hardlink_to(path.with_name("elsewhere")),
    "bytes": lambda path: path.write_bytes(b"\xff" * 1000),
    "no permissions": lambda path: path.touch(mode=0),
}


@pytest.mark.parametrize("thing", IN_ITS_PLACE)
def test_whatever_lies_where_the_lock_file_should_keeps_nobody_from_work_nor_lets_two_in(mirrorsync: Mirrorsync, thing: str) -> None:
    path = lock(mirrorsync)
    path.unlink()
    path.with_name("elsewhere").write_text("somebody's")
    IN_ITS_PLACE[thing](path)
    with another_run(mirrorsync) as holder:
        refused = mirrorsync("update")
        assert (refused.code, f"process {holder.pid}" in refused.err) == (75, True)
        assert str(holder.pid) in mirrorsync("status", "--json").tree["running"]
    assert mirrorsync("update").code == 0
    assert path.with_name("elsewhere").read_text() == "somebody's"


def test_who_waits_for_the_lock_is_not_taken_for_its_holder(mirrorsync: Mirrorsync) -> None:
    with another_run(mirrorsync) as holder, subprocess.Popen(["flock", str(lock(mirrorsync).parent), "true"]) as waiting:
        time.sleep(0.2)
        assert mirrorsync("status", "--json").tree["running"].startswith(f"process {holder.pid} since ")
        holder.kill()
        waiting.wait(timeout=60)
