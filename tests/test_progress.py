"""What a person sees of a fetch on a terminal, and a pipe does not."""

import io
import os
import pty
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TextIO

import pytest

from mirrorsync.model.package import Package
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.report.bars import BarProgress
from mirrorsync.report.progress import NullProgress, progress_on

BASH = Package(NEVRA("bash", EVR(None, "2.05a", "13"), "i386"), "i386/bash[13].rpm", 2000)
POPT = Package(NEVRA("popt", EVR(None, "1.6.4", "7x"), "i386"), "i386/popt.rpm", 1000)


@contextmanager
def terminal() -> Iterator[tuple[TextIO, list[str]]]:
    """The writing end of a real terminal, and, once it is closed, what was written."""
    master, slave = pty.openpty()
    shown: list[str] = []
    reader = threading.Thread(target=lambda: shown.append(b"".join(iter(partial(read_some, master), b"")).decode()))
    reader.start()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield stream, shown
    reader.join()
    os.close(master)


def read_some(master: int) -> bytes:
    """The next bytes, none once the other end is closed: Linux says so by EIO."""
    try:
        return os.read(master, 4096)
    except OSError:
        return b""


def test_bars_show_on_a_terminal_how_many_files_and_bytes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with terminal() as (stream, shown), progress_on(stream, [BASH, POPT]) as progress:
        assert isinstance(progress, BarProgress)
        progress.started(BASH, 500)
        progress.received(BASH, 1000)
        progress.finished(POPT)
    assert "1 of 2 files" in shown[0]
    assert "bash[13].rpm" in shown[0]
    assert "1.5/2.0 kB" in shown[0]
    assert "2.5/3.0 kB" in shown[0]


def test_a_transfer_that_begins_anew_is_not_counted_twice() -> None:
    with terminal() as (stream, shown), progress_on(stream, [BASH]) as progress:
        progress.started(BASH, 0)
        progress.received(BASH, 1500)
        progress.started(BASH, 0)
        progress.received(BASH, 1000)
        progress.received(BASH, 1000)
        progress.finished(BASH)
    assert "2.0/2.0 kB" in shown[0]
    assert "3.5/2.0 kB" not in shown[0]


def test_nothing_is_shown_in_a_pipe() -> None:
    stream = io.StringIO()
    with progress_on(stream, [BASH]) as progress:
        progress.started(BASH, 0)
        progress.received(BASH, 2000)
        progress.finished(BASH)
    assert isinstance(progress, NullProgress)
    assert stream.getvalue() == ""


def test_nothing_is_shown_on_a_terminal_where_there_is_nothing_to_fetch_or_quiet_was_asked_for() -> None:
    with terminal() as (stream, shown), progress_on(stream, []) as nothing, progress_on(stream, [BASH], quiet=True) as quiet:
        assert isinstance(nothing, NullProgress)
        assert isinstance(quiet, NullProgress)
    assert shown == [""]
