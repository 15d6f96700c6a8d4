"""One hook run to its end: a document on its standard input, an environment of few words, a time limit, and what it said, bounded."""

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from mirrorsync.hooks.selection import Hook

_HEAD, _TAIL = 100, 100  # lines
_LONGEST_LINE = 1000  # characters
_BLOCK = 1 << 16
_PATIENCE_SECONDS = 5.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hook said, a line each, and `refusal`: why it counts as a no; None for a yes."""

    hook: str
    refusal: str | None
    lines: tuple[str, ...] = ()


@dataclass(slots=True)
class _Said:
    """The first and the last lines of what comes, and how many were between."""

    head: list[str] = field(default_factory=list)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))
    count: int = 0
    _rest: bytes = b""

    def take(self, block: bytes) -> None:
        *whole, rest = (self._rest + block).split(b"\n")
        for line in whole:
            self._note(line)
        self._rest = rest[:_BLOCK]

    def lines(self) -> tuple[str, ...]:
        if self._rest:
            self._note(self._rest)
            self._rest = b""
        between = self.count - len(self.head) - len(self.tail)
        return (*self.head, *([f"… {between} more lines …"] if between else []), *self.tail)

    def _note(self, line: bytes) -> None:
        text = line[: 4 * _LONGEST_LINE].decode(errors="replace").rstrip()[:_LONGEST_LINE]
        self.count += 1
        if len(self.head) < _HEAD:
            self.head.append(text)
        else:
            self.tail.append(text)


def call(hook: Hook, document: bytes, environment: Mapping[str, str], limit: timedelta) -> Answer:
    """Run a hook and hear its answer: 0 is a yes, everything else a no. What it started is ended with it."""
    if hook.fault:
        return Answer(hook.name, hook.fault)
    said = _Said()
    try:
        with _written(document) as standard_input, _started(hook.program, standard_input, environment) as process:
            ended = _heard(process, said, limit)
    except OSError as error:
        return Answer(hook.name, f"{hook.program} cannot be run: {error.strerror}; mend it, or take it away")
    lines = said.lines()
    why = _why(process.returncode) if ended else f"not done after {int(limit.total_seconds())} s, its time limit"
    last = next((line for line in reversed(lines) if line), "it said nothing")
    return Answer(hook.name, f"{why}: {last}" if why else None, lines)


def _why(status: int) -> str | None:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"exit status {status}" if status else None


@contextmanager
def _written(document: bytes) -> Iterator[int]:
    """The document as a file without a name: a hook may read it, or not."""
    descriptor = os.memfd_create("document")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(document)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _started(program: Path, standard_input: int, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """The process in a group of its own, which is ended when the block is."""
    process = subprocess.Popen(
        [program], stdin=standard_input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd="/", process_group=0
    )
    with process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask the group, and after some seconds insist."""
    for number, seconds in ((signal.SIGTERM, _PATIENCE_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
            process.wait(seconds)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _heard(process: "subprocess.Popen[bytes]", said: _Said, limit: timedelta) -> bool:
    """Read what it says until it has ended; whether that was in time. What it left running is not waited for."""
    output = process.stdout
    if output is None:
        return True
    last = time.monotonic() + limit.total_seconds()
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None
            readable = selector.select(0 if ended else _LOOK_SECONDS)
            block = os.read(output.fileno(), _BLOCK) if readable else b""
            said.take(block)
            if ended and not block:
                return True
            if readable and not block:
                selector.unregister(output)
            if time.monotonic() > last:
                return False
