"""Programs in C that read what strangers sent, run so that they can write nothing, reach no network and take no more than their share."""

import resource
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from mirrorsync.trust.landlock import restrict_thread
from mirrorsync.trust.seccomp import forbid_sockets

_NOTHING = Path("/dev/null")  # opened for writing too, as every program's standard input
_LIMITS = {
    resource.RLIMIT_AS: 4 << 30,  # bytes; the largest header that rpm takes is read whole, several times
    resource.RLIMIT_CPU: 3600,  # seconds; 500 packages of a gigabyte each take some minutes
    resource.RLIMIT_CORE: 0,
}
_WRITTEN = 0  # bytes of a file, where nothing is to be written


def confined(
    command: Sequence[str], *, environment: Mapping[str, str], writable: Sequence[Path] = (), descriptors: Sequence[int] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, with what it printed. It may change only what lies below `writable`, and gets `descriptors`.

    A domain of Landlock is a thread's, and that of all it starts: so a thread of its own takes it on, and this process stays free.
    Raises OSError where the program cannot be started.
    """
    ended: list[subprocess.CompletedProcess[bytes] | OSError] = []

    def run() -> None:
        try:
            restrict_thread((_NOTHING, *writable))
            forbid_sockets()
            ended.append(_ended(command, environment, writable, descriptors))
        except OSError as error:
            ended.append(error)

    thread = threading.Thread(target=run, name="confined", daemon=True)
    thread.start()
    thread.join()
    [result] = ended
    if isinstance(result, OSError):
        raise result
    return result


def _ended(
    command: Sequence[str], environment: Mapping[str, str], writable: Sequence[Path], descriptors: Sequence[int]
) -> subprocess.CompletedProcess[bytes]:
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdin=nothing, stdout=pipe, stderr=pipe, pass_fds=descriptors) as process:
        _limit(process.pid, _LIMITS if writable else {**_LIMITS, resource.RLIMIT_FSIZE: _WRITTEN})
        output, errors = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _limit(process: int, limits: Mapping[int, int]) -> None:
    """In the program's first instants, while it is being linked: there is no safe way to do it before in a process with threads."""
    for kind, most in limits.items():
        try:
            hard = resource.prlimit(process, kind)[1]
            limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.prlimit(process, kind, (limit, limit))
        except ProcessLookupError:  # it has ended already
            return
