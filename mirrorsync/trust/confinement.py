"""Programs in C that read what strangers sent, run so that they can write nothing, reach no network and take no more than their share."""

import atexit
import os
import resource
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from mirrorsync.errors import TrustError
from mirrorsync.trust.landlock import restrict_thread
from mirrorsync.trust.seccomp import restrict_calls

LONGEST = 60.0  # seconds
_MOST_OUTPUT = 16 << 20  # bytes; 500 packages take one million
_BLOCK = 1 << 16
_NOTHING = Path("/dev/null")  # opened for writing too, as every program's standard input
_LIMITS = {
    resource.RLIMIT_AS: 4 << 30,  # bytes; the largest header that rpm takes is read whole, several times
    resource.RLIMIT_CPU: 3600,  # seconds; 500 packages of a gigabyte each take some minutes
    resource.RLIMIT_CORE: 0,
}
_WRITTEN = 0  # bytes of a file, where nothing is to be written
_OF_ITS_OWN = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGXCPU, signal.SIGXFSZ)


T = TypeVar("T")


class UnfinishedError(TrustError):
    """A program was ended, or died, of what it was given to read."""


def confined(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    absent: str = "",
    writable: Sequence[Path] = (),
    descriptors: Sequence[int] = (),
    seconds: float = LONGEST,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, with what it printed. It may change only what lies below `writable`, and gets `descriptors`.

    seconds: how long it may take.  Raises TrustError, which says `absent` where there is no such program, and UnfinishedError.
    """
    with _begun(command, environment, absent, writable, descriptors) as process:
        atexit.register(process.kill)  # where this program is ended, nobody waits for that one
        try:
            _limit(process.pid, _LIMITS if writable else {**_LIMITS, resource.RLIMIT_FSIZE: _WRITTEN})
            output, errors = _printed(command[0], process, time.monotonic() + seconds)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise UnfinishedError(f"{command[0]} did not come to an end in {seconds:.0f} seconds, and was ended") from error
        finally:
            process.kill()
            atexit.unregister(process.kill)
    if -process.returncode in _OF_ITS_OWN:
        raise UnfinishedError(f"{command[0]} died of signal {-process.returncode}")
    if process.returncode < 0:
        raise TrustError(f"{command[0]} was ended by signal {-process.returncode}, so nothing was verified; run again")
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def lacking() -> tuple[str, ...]:
    """What of the confinement this machine's kernel does not have. Raises TrustError where it cannot be tried."""
    names = ("Landlock (Linux 5.13)", "a filter of system calls for this architecture")
    try:
        found = _apart(lambda: _restrict(()))
    except (OSError, RuntimeError) as error:
        raise TrustError(_unable("a confined program", error, "")) from error
    return tuple(name for name, present in zip(names, found, strict=True) if not present)


def _apart(action: Callable[[], T]) -> T:
    """What the action returns, in a thread of its own: what that gives up, this process keeps."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(action())
        except BaseException as error:  # noqa: BLE001  handed over to the thread that waits for it, which raises it
            result.set_exception(error)

    threading.Thread(target=run, name="confined", daemon=True).start()
    return result.result()


def _restrict(writable: Sequence[Path]) -> tuple[bool, bool]:
    """Take from the calling thread what is not needed. What makes a file may set its mode, too. Raises OSError."""
    return restrict_thread((_NOTHING, *writable)), restrict_calls(attributes=not writable)


def _begun(
    command: Sequence[str], environment: Mapping[str, str], absent: str, writable: Sequence[Path], descriptors: Sequence[int]
) -> subprocess.Popen[bytes]:
    """The program, begun by a thread that has taken its restrictions on: those of all that it starts. Raises TrustError."""
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL

    def begin() -> subprocess.Popen[bytes]:
        _restrict(writable)
        return subprocess.Popen(command, env=environment, stdin=nothing, stdout=pipe, stderr=pipe, pass_fds=descriptors)

    try:
        return _apart(begin)
    except (OSError, RuntimeError) as error:  # the latter where no thread can be started
        raise TrustError(_unable(command[0], error, absent)) from error


def _printed(command: str, process: subprocess.Popen[bytes], until: float) -> tuple[bytes, bytes]:
    """What it prints until it ends. Raises TimeoutError where that is later than `until`, and UnfinishedError where it is too much."""
    printed = [bytearray(), bytearray()]
    with selectors.DefaultSelector() as waiting:
        for stream, content in zip((process.stdout, process.stderr), printed, strict=True):
            if stream:
                waiting.register(stream, selectors.EVENT_READ, content)
        while waiting.get_map():
            ready = waiting.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                block = os.read(key.fd, _BLOCK)
                key.data.extend(block)
                if not block:
                    waiting.unregister(key.fileobj)
            if sum(map(len, printed)) > _MOST_OUTPUT:
                raise UnfinishedError(f"{command} printed more than {_MOST_OUTPUT >> 20} MiB, and was ended")
    process.wait(max(0.0, until - time.monotonic()))
    return bytes(printed[0]), bytes(printed[1])


def _limit(process: int, limits: Mapping[int, int]) -> None:
    """In the program's first instants, while it is being linked: there is no safe way to do it before in a process with threads."""
    for kind, most in limits.items():
        try:
            hard = resource.prlimit(process, kind)[1]
            limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.prlimit(process, kind, (limit, limit))
        except ProcessLookupError:  # it has ended already
            return


def _unable(program: str, error: OSError | RuntimeError, absent: str) -> str:
    """Why a program could not be begun, and what to do."""
    if isinstance(error, FileNotFoundError) and error.filename == program:
        return absent or f"{program} is not installed; install it"
    where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
    what = error.strerror if isinstance(error, OSError) else error
    return f"{program} cannot be run: {where}{what}; mend that and run again"
