"""The daemon at work for a test: under a socket that plays systemd's, its log at hand, and ended in any case."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.commands import Mirrorsync
from tests.waiting import until


@dataclass
class Running:
    """A daemon, what it has logged, and what it has told its supervisor, each with the time of its arrival."""

    process: "subprocess.Popen[str]"
    log: list[str] = field(default_factory=list)
    told: list[tuple[float, str]] = field(default_factory=list)

    def says(self, pattern: str, *, times: int = 1, seconds: float = 60) -> list[re.Match[str]]:
        """Wait until so many lines of the log have the pattern; their matches."""
        expression = re.compile(pattern)
        until(lambda: len(self.lines(expression)) >= times, seconds=seconds, what=f"{pattern!r} in {self.log}")
        return self.lines(expression)

    def lines(self, expression: "re.Pattern[str]") -> list[re.Match[str]]:
        return [match for line in list(self.log) if (match := expression.search(line))]

    def tells(self, words: str, *, seconds: float = 60) -> str:
        """Wait until it has told its supervisor something that begins so; all of that message."""
        until(lambda: any(text.startswith(words) for _, text in list(self.told)), seconds=seconds, what=f"{words!r} in {self.told}")
        return next(text for _, text in self.told if text.startswith(words))

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM, *, seconds: float = 60) -> int:
        """End it by a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def daemon(program: Mirrorsync, *options: str, environ: Mapping[str, str] | None = None, abstract: bool = False) -> Iterator[Running]:
    """`mirrorsync daemon`, once it is ready. abstract: whether its supervisor's socket has no name in a folder."""
    with _supervising(program.config.parent / "notify", abstract=abstract) as (door, address):
        command = [*program.command, "daemon", *options]
        environment = {**os.environ, "NOTIFY_SOCKET": address, **(environ or {})}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment)
        running = Running(process)
        threads = [threading.Thread(target=_read, args=(running,)), threading.Thread(target=_hear, args=(running, door), daemon=True)]
        for thread in threads:
            thread.start()
        try:
            running.tells("READY=1")
            yield running
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                time.sleep(0.1)
                process.send_signal(signal.SIGTERM)
                process.wait(60)
            threads[0].join()
    threads[1].join()


@contextmanager
def _supervising(path: Path, *, abstract: bool) -> Iterator[tuple[socket.socket, str]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        name = f"@mirrorsync-{os.getpid()}-{time.monotonic_ns()}" if abstract else str(path)
        path.unlink(missing_ok=True)
        door.bind(f"\0{name[1:]}" if abstract else name)
        door.settimeout(0.1)
        yield door, name


def _read(running: Running) -> None:
    assert running.process.stderr is not None
    for line in running.process.stderr:
        running.log.append(line.rstrip("\n"))
    running.process.stderr.close()


def _hear(running: Running, door: socket.socket) -> None:
    while running.process.poll() is None:
        try:
            running.told.append((time.monotonic(), door.recv(1 << 16).decode()))
        except TimeoutError:
            continue
        except OSError:
            return


def scheduled(program: Mirrorsync, text: str, *, of_trees: str = "") -> Mirrorsync:
    """The program with a [schedule] of these lines; of_trees: further tables."""
    with program.config.open("a") as file:
        file.write(f"\n[schedule]\n{text}\n{of_trees}\n")
    return program


def processes(running: Running) -> list[int]:
    """The numbers of the runs that were begun."""
    return [int(match[1]) for match in running.lines(re.compile(r"begins, process (\d+)"))]
