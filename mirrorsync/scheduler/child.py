"""One run as a process of its own: no fault of it reaches the daemon, and it is what cron or a person would call."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from mirrorsync.model.schedule import Task
from mirrorsync.planning.turns import Request

_BLOCK = 1 << 16
_MOST = 1 << 20  # bytes at a time
_LONGEST_LINE = 1 << 13  # bytes
_WORDS = {Task.UPDATE: ("update",), Task.CHECK: ("check", "--deep"), Task.DIGEST: ("report", "--digest")}


class Child:
    """A run at work; `lines` gives what it said since it was last asked."""

    def __init__(self, request: Request, config: Path, environ: Mapping[str, str], began: datetime) -> None:
        """Start it. Raises OSError."""
        self.request = request
        self.began = began
        command = [sys.executable, "-m", "mirrorsync", "--config", str(config), "-q", *_WORDS[request.task]]
        self._process = subprocess.Popen(
            [*command, *([request.tree] if request.tree else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            cwd="/",  # which no stranger can put modules into
            process_group=0,  # what a terminal sends to all of the daemon's group is the daemon's to answer
        )
        self.mute = False
        """Whether it has closed its output: nothing more will come."""
        self._rest = b""
        os.set_blocking(self.output.fileno(), False)

    @property
    def output(self) -> IO[bytes]:
        """What it says."""
        assert self._process.stdout is not None  # noqa: S101  Popen was told to make the pipe
        return self._process.stdout

    @property
    def number(self) -> int:
        """Of the process."""
        return self._process.pid

    def lines(self) -> list[str]:
        """The whole lines that have come; with its end, the last one too."""
        over = self.code is not None
        *whole, rest = (self._rest + self._heard()).split(b"\n")
        if over or len(rest) > _LONGEST_LINE:
            whole, rest = [*whole, rest], b""
        self._rest = rest
        return [line[:_LONGEST_LINE].decode(errors="replace").rstrip() for line in whole if line.strip()]

    def _heard(self) -> bytes:
        """What there is to read, within bounds."""
        content = b""
        with suppress(BlockingIOError):
            while len(content) < _MOST and not self.mute:
                block = os.read(self.output.fileno(), _BLOCK)
                self.mute = not block
                content += block
        return content

    @property
    def code(self) -> int | None:
        """How it ended, by the signal that ended it as a negative number; None while it is at work."""
        return self._process.poll()

    def end(self, number: signal.Signals) -> None:
        """Ask it to end, or with SIGKILL insist."""
        if self.code is None:
            self._process.send_signal(number)

    def close(self) -> None:
        """Be done with it; what it left running may go on writing to nobody."""
        self.output.close()
