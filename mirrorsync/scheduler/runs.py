"""The runs that are due and those at work: who begins, who has to wait, who is too late, and how each ended."""

import selectors
import signal
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mirrorsync.app.lateness import note_lateness
from mirrorsync.app.timetable import local
from mirrorsync.errors import ExitCode
from mirrorsync.model.schedule import Lateness, Timing
from mirrorsync.planning.turns import Request, overdue, queued, startable, why_late
from mirrorsync.scheduler.child import Child
from mirrorsync.scheduler.log import Log, Priority
from mirrorsync.scheduler.memory import Memory

_PRIORITIES = {ExitCode.DONE: Priority.INFO, ExitCode.LOCKED: Priority.INFO, ExitCode.FAILURE: Priority.ERROR}
_ENDINGS = {
    ExitCode.DONE: "done",
    ExitCode.PARTIAL: "done in part, something is held",
    ExitCode.FINDINGS: "something was found",
    ExitCode.LOCKED: "another run is at work on it, and does it",
    ExitCode.CONFIGURATION: "the configuration cannot be used",
}


class Runs:
    """Those of one configuration `file`; what they say comes from `selector`, and goes to `log`; which begin is noted in `memory`.

    codes: how those that are over ended.
    """

    def __init__(
        self, file: Path, state: Path, environ: Mapping[str, str], selector: selectors.BaseSelector, log: Log, memory: Memory
    ) -> None:
        self._file, self._state, self._environ = file, state, environ
        self._selector, self._log, self._memory = selector, log, memory
        self._waiting: tuple[Request, ...] = ()
        self._children: list[Child] = []
        self._ending = False
        self.codes: list[ExitCode] = []

    @property
    def names(self) -> tuple[str, ...]:
        """Those at work."""
        return tuple(child.request.name for child in self._children)

    @property
    def any(self) -> bool:
        """Whether any is at work or waits."""
        return bool(self._children or self._waiting)

    def ask(self, timing: Timing, due: datetime) -> None:
        """Have a run begin as soon as it may."""
        request = Request(timing.task, timing.tree, due, datetime.now(UTC), timing.late)
        if any(other.name == request.name for other in self._waiting):
            self._log.say(f"{request.name}: due again before it could begin; taken together", Priority.WARNING)
        self._waiting = queued(self._waiting, request)

    def keep(self, names: Collection[str]) -> None:
        """Drop what waits and is none of these."""
        self._waiting = tuple(request for request in self._waiting if request.name in names)

    def begin(self, at_once: int) -> None:
        """Start what may begin now, and drop what is too late."""
        now = datetime.now(UTC)
        late = overdue(self._waiting, now)
        self._drop(late)
        for request in late:
            self._note_lateness(request, None, why_late(request, now) or "")
            self._settle(request, now)
        ready = startable(self._waiting, [child.request.tree for child in self._children], at_once)
        self._drop(ready)
        for request in ready:
            self._start(request, now)

    def hear(self) -> None:
        """What those at work say, and which have ended."""
        for child in tuple(self._children):
            code = child.code  # before its last words: once it has ended no more will come
            for line in child.lines():
                self._log.say(f"{child.request.name}: {line}", Priority.WARNING)
            if child.mute or code is not None:
                with suppress(KeyError):
                    self._selector.unregister(child.output)
            if code is not None:
                self._over(child, code)

    def end(self, number: signal.Signals) -> None:
        """Begin no more, and ask those at work to end, or with SIGKILL insist. What waits is left to the next daemon."""
        for request in self._waiting:
            due = f"{local(request.due):%Y-%m-%d %H:%M:%S %Z}"
            self._log.say(f"{request.name}: due at {due}, did not begin before the end", Priority.WARNING)
        self._ending, self._waiting = True, ()
        for child in self._children:
            child.end(number)

    def _drop(self, requests: Sequence[Request]) -> None:
        self._waiting = tuple(request for request in self._waiting if request not in requests)

    def _start(self, request: Request, now: datetime) -> None:
        if reason := why_late(request, now):
            self._note_lateness(request, now, reason)
        try:
            child = Child(request, self._file, self._environ, now)
        except OSError as error:
            self._note_lateness(request, None, f"no process could be started: {error.strerror}")
            return
        self._settle(request, now)
        self._children.append(child)
        self._selector.register(child.output, selectors.EVENT_READ)
        self._log.say(f"{request.name}: begins, process {child.number}")

    def _over(self, child: Child, code: int) -> None:
        self._children.remove(child)
        child.close()
        known = _known(code)
        self.codes.append(known)
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else _ENDINGS.get(known, f"ended with {code}")
        seconds = (datetime.now(UTC) - child.began).total_seconds()
        priority = Priority.INFO if self._ending else _PRIORITIES.get(known, Priority.WARNING)
        self._log.say(f"{child.request.name}: {how}, after {seconds:.0f} s", priority)

    def _settle(self, request: Request, now: datetime) -> None:
        """It is not made up for any more."""
        try:
            self._memory.settle(request.name, now)
        except OSError as error:
            self._log.say(f"{request.name}: that its time has come could not be noted: {error}", Priority.ERROR)

    def _note_lateness(self, request: Request, began: datetime | None, reason: str) -> None:
        minutes = (datetime.now(UTC) - request.due) // timedelta(minutes=1)
        what = f"begins {minutes} min late" if began else f"due at {local(request.due):%Y-%m-%d %H:%M:%S %Z}, did not begin"
        self._log.say(f"{request.name}: {what}: {reason}", Priority.WARNING if began else Priority.ERROR)
        try:
            note_lateness(self._state, request.tree, Lateness(request.task, request.due, began, reason))
        except OSError as error:
            self._log.say(f"{request.name}: that could not be noted for reports: {error}", Priority.ERROR)


def _known(code: int) -> ExitCode:
    try:
        return ExitCode(code)
    except ValueError:
        return ExitCode.FAILURE
