"""One writer a tree; those who only read never wait; a dead writer holds nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.test_update import LISTING, copy, rhl_tree

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


@contextmanager
def another_run(mirrorsync: Mirrorsync) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the tree's lock until the block ends."""
    lock = mirrorsync.config.parent / "u1/.mirrorsync/redhat/lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
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
