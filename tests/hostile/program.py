"""mirrorsync, loaded once and forked for each run: it hardly waits before it asks again, may lack one check, and says what it cost.

`python -m tests.hostile.program` reads runs, a JSON document a line, and answers each with one more. It opens nothing and stays small,
for a fork's peak memory begins with what its parent has.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from mirrorsync.upstream import body, fetch, http, losses, places, transport
from tests.crashes.program import substitute
from tests.hostile.cases import Ended
from tests.hostile.plants import PLANTS
from tests.warm import load, run_main

_DEATH_SIGNAL = 1  # prctl's PR_SET_PDEATHSIG


@dataclass(frozen=True, slots=True)
class Run:
    """patience: seconds to wait for bytes, None for the program's own.  plant: '' for a program that lacks nothing."""

    arguments: tuple[str, ...]
    output: str  # what is said goes to OUTPUT.out and OUTPUT.err
    limit: float  # seconds until it is ended
    patience: float | None = None
    plant: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """The process that holds the program."""

    server: "subprocess.Popen[str]"

    def __call__(self, run: Run) -> Ended:
        """Run it to its end. Raises EOFError where there is no program any more."""
        if self.server.stdin is None or self.server.stdout is None:
            raise ValueError("the program has no pipes")
        print(json.dumps(asdict(run)), file=self.server.stdin, flush=True)
        answer = self.server.stdout.readline()
        if not answer:
            raise EOFError("the process that has the program ended; it said why on standard error")
        said = "".join(Path(f"{run.output}.{suffix}").read_text(encoding="utf-8", errors="replace") for suffix in ("out", "err"))
        return Ended(said=said, **json.loads(answer))


@contextmanager
def loaded() -> Iterator[Program]:
    """The program, ended with the run that is under way."""
    environ = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as server:
        try:
            yield Program(server)
        finally:
            server.kill()


def serve() -> None:
    """Answer every line of standard input until there are no more."""
    load()
    for line in sys.stdin:
        print(json.dumps(_ran(Run(**json.loads(line)))), flush=True)


def _ran(run: Run) -> dict[str, Any]:
    """Fork, wait, and say what it cost: of itself and of all that it waited for."""
    parent, began = os.getpid(), time.monotonic()
    child = os.fork()
    if child == 0:
        _become(run, parent)
    watched = os.pidfd_open(child)
    if not select.select([watched], [], [], run.limit)[0]:
        os.killpg(child, signal.SIGKILL)
    os.close(watched)
    _, status, usage = os.wait4(child, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - began,
        "processor": usage.ru_utime + usage.ru_stime,
        "megabytes": usage.ru_maxrss / 1024,
    }


def _become(run: Run, parent: int) -> NoReturn:
    """The child's whole life; it does not outlive its parent."""
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() == parent:
            _redirect(run.output)
            _hasten(run.patience)
            for plant in PLANTS:
                if plant.name == run.plant:
                    plant.put()
            code = run_main(run.arguments)
    finally:
        os._exit(code)


def _redirect(output: str) -> None:
    for descriptor, file in ((0, os.devnull), (1, f"{output}.out"), (2, f"{output}.err")):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC * (descriptor > 0), 0o644), descriptor)


def _hasten(seconds: float | None) -> None:
    """Hardly wait before asking again; and so long for bytes, asked for twice."""
    http._BACKOFF = 0.01
    substitute(fetch.fetch, partial(fetch.fetch, pauses=(0.05,) * len(fetch.PAUSES)))
    if seconds:
        transport.Patience = partial(body.Patience, connect=seconds, read=seconds, retries=1)  # type: ignore[assignment, misc]  # less patience
        body.LONGEST_HEAD, body.LONGEST_COLLECTION, losses.LONGEST_SILENCE = 2 * seconds, 4 * seconds, 8 * seconds
        places.LONGEST_SEARCH = 4 * seconds


if __name__ == "__main__":
    serve()
