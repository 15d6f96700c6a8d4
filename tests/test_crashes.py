"""mirrorsync killed before, and failed at, each call that changes the disk: python -m tests.crashes, which says more of each failure."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crashes.calls import read_log
from tests.crashes.sites import appearance, copy_site, differences
from tests.strace import in_hex

SCENARIOS = {"redhat": ("first", "later", "rollback", "prune", "linked"), "repodata": ("first", "later", "rollback", "prune", "release")}
LIMIT = 1800  # seconds: many times what it takes

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def enumerate_points(*options: str) -> str:
    """What the tool prints; it must end with 0, and is ended with its runs where it takes too long."""
    command = [sys.executable, "-m", "tests.crashes", *options]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as tool:
        try:
            printed, _ = tool.communicate(timeout=LIMIT)
        finally:
            if tool.poll() is None:
                tool.send_signal(signal.SIGTERM)
    print(printed)
    assert tool.returncode == 0, printed
    return printed


def chosen(layout: str) -> list[str]:
    """The options for a layout and its scenarios; how a link is put in place is the same in both layouts."""
    return ["--layout", layout, *(word for name in SCENARIOS[layout] for word in ("--scenario", name))]


@needs_strace
@pytest.mark.parametrize("layout", SCENARIOS)
def test_killed_before_any_call_that_changes_the_disk_the_tree_is_whole_and_the_next_run_ends_as_if_nothing_had_been(layout: str) -> None:
    printed = enumerate_points("--kill", *chosen(layout))
    assert printed.count(" killed: points ") == len(SCENARIOS[layout])
    assert "missed" not in printed


@needs_strace
@pytest.mark.parametrize("layout", SCENARIOS)
def test_whichever_call_fails_the_run_ends_in_clear_words_the_tree_is_whole_and_the_next_run_completes_it(layout: str) -> None:
    printed = enumerate_points("--errors", "--cache-share", "8", *chosen(layout))
    assert printed.count(" failed: points ") == len(SCENARIOS[layout])
    assert "missed" not in printed


@needs_strace
@pytest.mark.parametrize("layout", SCENARIOS)
def test_each_fault_planted_into_the_product_is_found(layout: str) -> None:
    printed = enumerate_points("--layout", layout, "--plants")
    assert printed.count(": found ") == {"redhat": 8, "repodata": 7}[layout]


@needs_strace
def test_a_fork_killed_leaves_what_the_program_killed_at_the_same_call_leaves() -> None:
    printed = enumerate_points("--layout", "redhat", "--real")
    assert printed.count("points 3, the same 3") == 1


LOG = """\
7 openat(AT_FDCWD</somewhere>, "/site/a", O_RDONLY|O_CLOEXEC) = 3</site/a>
7 openat(AT_FDCWD</somewhere>, "/site/.a.7.new", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 4</site/.a.7.new>
7 write(4</site/.a.7.new>, ""..., 12) = -1 ENOSPC (No space left on device) (INJECTED)
9 openat(AT_FDCWD</somewhere>, "/site/b", O_WRONLY|O_CREAT, 0666) = 3</site/b>
7 unlinkat(5</site/folder>, "name", 0) = 0
7 rename("/site/.a.7.new", "/site/a") = ?
7 +++ killed by SIGKILL +++
"""


def as_written(log: str) -> list[str]:
    """The lines of a log, with names in hex as strace is told to write them."""
    return [re.sub(r'(["<])([^">]*)([">])', lambda name: name[1] + in_hex(name[2]) + name[3], line) for line in log.splitlines()]


def test_calls_are_counted_by_name_and_thread_and_say_which_files_they_change() -> None:
    calls = list(read_log(as_written(LOG), 7))
    assert [(call.name, call.ordinal, call.thread, call.changes) for call in calls] == [
        ("openat", 1, 7, False),
        ("openat", 2, 7, True),
        ("write", 1, 7, True),
        ("openat", 1, 9, True),
        ("unlinkat", 1, 7, True),
        ("rename", 1, 7, True),
    ]
    assert [call.injected for call in calls] == [False, False, True, False, False, False]
    assert calls[1].paths == ("/site/.a.PID.new",)
    assert calls[4].paths == ("/site/folder/name",)
    assert calls[5].paths == ("/site/.a.PID.new", "/site/a")


def test_a_copy_of_a_site_is_no_other_and_what_is_done_to_it_shows(tmp_path: Path) -> None:
    site, copy = tmp_path / "site", tmp_path / "copy"
    (site / "folder").mkdir(parents=True)
    (site / "file").write_text("content")
    (site / "again").hardlink_to(site / "file")
    (site / "link").symlink_to("file")
    copy_site(site, copy)
    assert differences(appearance(site), appearance(copy)) == ()
    (copy / "again").unlink()
    (copy / "again").write_text("content")
    (copy / "folder").rmdir()
    (copy / "more").write_text("")
    assert differences(appearance(site), appearance(copy)) == (
        "again: one file with 1 names where 2 were expected",
        "file: one file with 1 names where 2 were expected",
        "folder: missing",
        "more: left over",
    )
