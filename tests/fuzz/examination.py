"""One input given to a reader, within limits of time and memory: what is wrong with how it took it, if anything."""

import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mirrorsync.errors import ConfigError, MirrorsyncError
from tests.fuzz.target import Target

SECONDS = 2.0  # of the processor's time
MOST_BYTES = 300 << 20
_ROOM = 4 * MOST_BYTES  # of addresses: what asks for more is refused before it brings the machine down
_WATERMARK = Path("/proc/self/clear_refs")


class _TimeUp(BaseException):
    """No Exception, so that no reader takes it for one of its own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an input. way: where it ended, the same for inputs that are alike.  said: the text of its refusal.

    fault: '' where nothing is wrong.  seconds: of the processor's time.
    peak: the most bytes of memory that this process had since `limits` was entered, beyond what it had then.
    """

    way: str
    accepted: bool
    seconds: float
    peak: int
    fault: str = ""
    said: str = ""


class Examiner:
    """Gives inputs to a target's reader. Use `limits` around it."""

    def __init__(self, target: Target, scratch: Path) -> None:
        self._target = target
        self._scratch = scratch
        self._base = _peak()

    def examine(self, content: bytes) -> Outcome:
        """What comes of one input."""
        begun = time.process_time()
        error = self._error(content)
        seconds = time.process_time() - begun
        peak = _peak() - self._base
        fault = self._fault(error) or self._excess(peak)
        if peak > MOST_BYTES:
            _forget_peak()
        return Outcome(_way(error), error is None, seconds, peak, fault, str(error or ""))

    def _error(self, content: bytes) -> BaseException | None:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            self._target.read(content, self._scratch)
        except (Exception, _TimeUp) as error:  # noqa: BLE001  every exception is what is looked for
            return error
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return None

    def _fault(self, error: BaseException | None) -> str:
        if error is None:
            return ""
        if isinstance(error, _TimeUp):
            return f"takes more than {SECONDS:g} s"
        if not isinstance(error, self._target.refusals):
            return f"{type(error).__name__}: {error}"[:300]
        return _unfit(error, self._target.longest_line)

    @staticmethod
    def _excess(peak: int) -> str:
        return f"takes {peak >> 20} MiB" if peak > MOST_BYTES else ""


@contextmanager
def limits() -> Iterator[None]:
    """Hold this process to the limits: its clock's signal, its memory's watermark, its room."""
    _forget_peak()
    former = signal.signal(signal.SIGPROF, _time_is_up)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_addresses() + _ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, former)


def _time_is_up(_number: int, _frame: FrameType | None) -> None:
    raise _TimeUp


def _unfit(error: MirrorsyncError, longest: int) -> str:
    """What is wrong with a refusal's text, '' for nothing: a person reads it as a line (a configuration's problems: a line each)."""
    lines = error.problems if isinstance(error, ConfigError) else (str(error),)
    if not all(line.strip() for line in lines) or not lines:
        return f"{type(error).__name__} says nothing"
    if any("\n" in line or len(line) > longest for line in lines):
        return f"{type(error).__name__} in more than a line: {str(error)[:200]!r}"
    return ""


def _way(error: BaseException | None) -> str:
    """The type of what was raised, and the line that raised it."""
    if error is None:
        return "accepted"
    last = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"{type(error).__name__} {Path(last[0].filename).name}:{last[0].lineno}" if last else type(error).__name__


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _forget_peak() -> None:
    """Let the watermark begin anew at what this process has now; where the kernel has no such file it goes on from the highest so far."""
    if _WATERMARK.exists():
        _WATERMARK.write_text("5")


def _addresses() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    return pages * resource.getpagesize()
