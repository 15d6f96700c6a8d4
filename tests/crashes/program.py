"""mirrorsync's command line, run in forks of one process that has loaded it: what a point costs is the run, not Python's start.

So that every run makes the same calls in the same order, and the same bytes, a fork differs from `python -m mirrorsync` in four
things, all put in place from outside: the work of threads is done in the calling thread, when it is given to them; the clock that
journal and repomd.xml are dated by stands still; the journal names no process; and createrepo_c sees each package's file as of one
time.
"""

import ctypes
import gc
import importlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, NoReturn, Self

import createrepo_c

from mirrorsync.cli.context import caller
from tests import warm
from tests.crashes.calls import TRACED, Call, options, read_log

Plant = Callable[[], None]
"""Makes the product wrong in one way, in the fork that is to run it."""

PACKAGE_TIME = 1_037_966_400
TIMEOUT = 60  # seconds for one run, which takes a fraction of one
_NOW = int(time.time()) + 86_400
_DEATH_SIGNAL = 1  # prctl's PR_SET_PDEATHSIG


class Stopped(datetime):
    """The time, standing still a day after this program was started: later than all files, so that what may go at once goes at once."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(_NOW, tz)


class CallingThread(threading.Thread):
    """A thread whose work is done where it is started."""

    def start(self) -> None:
        self.run()


class CallingThreadExecutor(Executor):
    """An executor that does each piece of work where it is submitted."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  handed over to whoever asks for the result, as an executor does
            future.set_exception(error)
        return future


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its exit code or, negative, the signal; what it said on standard error; its calls where it was traced."""

    process: int
    code: int
    errors: str
    calls: tuple[Call, ...] = ()


def load() -> None:
    """Load all of mirrorsync and put in place what makes its runs repeatable; forks begin from here."""
    warm.load()
    importlib.import_module("rpm")  # PyPI's asks the system's Python where librpm's bindings are
    substitute(datetime, Stopped)
    substitute(threading.Thread, CallingThread)
    substitute(ThreadPoolExecutor, CallingThreadExecutor)
    substitute(caller, lambda: "a run")
    read = createrepo_c.package_from_rpm

    def package_from_rpm(*arguments: Any) -> Any:
        package = read(*arguments)
        package.time_file = PACKAGE_TIME
        return package

    createrepo_c.package_from_rpm = package_from_rpm
    gc.freeze()


def processors() -> list[int]:
    """Those that this process may use."""
    return sorted(os.sched_getaffinity(0))


def stay_on(processor: int) -> None:
    """strace and what it traces take half the time where they share one processor."""
    os.sched_setaffinity(0, {processor})


def substitute(original: object, replacement: object) -> None:
    """Put `replacement` wherever a module of mirrorsync has `original` under whatever name."""
    found = 0
    for module in [module for name, module in sorted(sys.modules.items()) if name.partition(".")[0] == "mirrorsync"]:
        for name in [name for name, value in vars(module).items() if value is original]:
            setattr(module, name, replacement)
            found += 1
    if not found:
        raise LookupError(f"no module of mirrorsync has {original!r}; what stands in for it would stand in for nothing")


def run(arguments: Sequence[str], output: Path, *, plant: Plant | None = None) -> Ended:
    """Run the command line to its end; what it says goes to `output`.out and `output`.err."""
    return _finish(_fork(arguments, output, plant, None), output)


def run_traced(arguments: Sequence[str], output: Path, *, plant: Plant | None = None, inject: str = "", follow: bool = False) -> Ended:
    """Run it under strace, which kills it or lets a call fail as `inject` says (strace's -e inject=…).

    Only the calls of its main thread are seen or, to `follow`, those of its other threads and of the programs it calls too; and only those
    of the injected name where there is one.
    """
    held, release = os.pipe()
    child = _fork(arguments, output, plant, (held, release))
    os.close(held)
    log = output.with_suffix(".strace")
    names = (inject.partition(":")[0],) if inject else TRACED
    command = ["strace", *options(str(log), names), *(["-f"] if follow else []), *(["-e", f"inject={inject}"] if inject else [])]
    with _attached(command, child) as tracer:
        os.write(release, b"!")
        os.close(release)
        ended = _finish(child, output)
        tracer.wait(TIMEOUT)
    with log.open(encoding="utf-8", errors="replace") as lines:
        return Ended(child, ended.code, ended.errors, tuple(read_log(lines, child)))


def _attached(strace: Sequence[str], process: int) -> subprocess.Popen[bytes]:
    """strace, attached: every call the process makes from now on is seen and counted."""
    tracer = subprocess.Popen([*strace, "-p", str(process)], stderr=subprocess.PIPE)
    said = b""
    deadline = time.monotonic() + TIMEOUT
    while b" attached" not in said:
        ready, _, _ = select.select([tracer.stderr], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(tracer.stderr.fileno(), 1000) if ready and tracer.stderr else b""
        if not chunk:
            tracer.kill()
            os.kill(process, signal.SIGKILL)
            raise RuntimeError(f"strace did not attach: {said.decode(errors='replace').strip() or 'no answer'}")
        said += chunk
    return tracer


def _fork(arguments: Sequence[str], output: Path, plant: Plant | None, gate: tuple[int, int] | None) -> int:
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _be_mirrorsync(arguments, output, plant, gate, parent)
    return child


def _be_mirrorsync(arguments: Sequence[str], output: Path, plant: Plant | None, gate: tuple[int, int] | None, parent: int) -> NoReturn:
    """The child's whole life; it does not outlive its parent."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(code)
        _redirect({0: Path(os.devnull), 1: output.with_suffix(".out"), 2: output.with_suffix(".err")})
        if plant:
            plant()
        if gate:
            os.close(gate[1])
            os.read(gate[0], 1)
            os.close(gate[0])
        code = warm.run_main(arguments)
    finally:
        os._exit(code)


def _redirect(files: Mapping[int, Path]) -> None:
    for descriptor, path in files.items():
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(opened, descriptor)
        os.close(opened)


def _finish(child: int, output: Path) -> Ended:
    """Wait for the child; one that does not end is killed, and counts as killed."""
    watched = os.pidfd_open(child)
    try:
        if not select.select([watched], [], [], TIMEOUT)[0]:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(watched)
    _, status = os.waitpid(child, 0)
    return Ended(child, os.waitstatus_to_exitcode(status), output.with_suffix(".err").read_text(encoding="utf-8", errors="replace"))
