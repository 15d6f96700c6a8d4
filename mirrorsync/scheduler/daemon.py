"""The daemon: one loop that waits for times, signals and the words of its runs, and never for anything else."""

import os
import selectors
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

from mirrorsync.app.timetable import local, seed_of, timings
from mirrorsync.config.loading import load
from mirrorsync.config.schema import Config
from mirrorsync.errors import ConfigError, ExitCode
from mirrorsync.model.schedule import Task
from mirrorsync.scheduler.log import Log, Priority
from mirrorsync.scheduler.memory import Memory
from mirrorsync.scheduler.runs import Runs
from mirrorsync.scheduler.supervisor import Supervisor, unsupervised
from mirrorsync.scheduler.timer import Timer

_LONGEST_WAIT = 30.0  # seconds; a clock that is changed is noticed then
_PATIENCE = 240.0  # seconds that runs have to end, before they are killed: less than the unit's TimeoutStopSec=
_STEP = timedelta(seconds=30)  # by which a clock was set rather than adjusted
_NEVER = float("inf")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


class Daemon:
    """The schedule of the configuration in `file`, and its runs. Where it is not `timed` it ends once it has no runs any more."""

    def __init__(self, file: Path, config: Config, log: Log, environ: Mapping[str, str], *, timed: bool = True) -> None:
        self._file, self._config, self._log, self._environ = file, config, log, environ
        self._supervisor = Supervisor(environ)
        self._selector = selectors.DefaultSelector()
        memory = Memory(config.state)
        self._runs = Runs(file, config.state, unsupervised(environ), self._selector, log, memory)
        self._timer = Timer(self._runs.ask, memory) if timed else None
        self._kill_at = _NEVER
        self._ending = False
        self._offset = _wall_offset()

    @property
    def codes(self) -> Sequence[ExitCode]:
        """How the runs ended."""
        return self._runs.codes

    def run(self) -> None:
        """Until a signal ends it, and all runs have ended. Raises OSError where it cannot begin."""
        with _heard_signals() as signals, self._selector:
            self._selector.register(signals, selectors.EVENT_READ)
            self._schedule(self._config)
            self._supervisor.ready()
            while (wait := self._do_what_is_due()) is not None:
                self._tell_supervisor()
                for key, _ in self._selector.select(wait):
                    if key.fileobj == signals:
                        self._heed(os.read(signals, 1 << 10))

    def update_all(self) -> None:
        """Ask for an update of every tree whose updates are scheduled."""
        now = datetime.now(UTC)
        for timing in timings(self._config):
            if timing.task is Task.UPDATE:
                self._runs.ask(timing, now)

    def _schedule(self, config: Config) -> None:
        """Raises OSError where the state directory cannot be written; nothing has changed then."""
        if self._timer:
            self._timer.schedule(timings(config), seed_of(config), datetime.now(UTC))
            for name, moment in self._timer.coming():
                self._log.say(f"{name}: next at {local(moment):%Y-%m-%d %H:%M:%S %Z}")

    def _do_what_is_due(self) -> float | None:
        """One turn of the loop. Seconds until something is to be done again, unless something happens; None where all is over."""
        self._runs.hear()
        self._look_at_clock()
        coming = self._timer.ask_for_due() if self._timer and not self._ending else _NEVER
        self._runs.begin(self._config.schedule.at_once)
        if time.monotonic() >= self._kill_at:
            self._runs.end(signal.SIGKILL)
            self._kill_at = _NEVER
        if not self._runs.any and (self._ending or not self._timer):
            return None
        watched = (self._supervisor.watchdog or _NEVER) / 3
        return max(0.0, min(_LONGEST_WAIT, coming, watched, self._kill_at - time.monotonic()))

    def _look_at_clock(self) -> None:
        """A clock put forward is as a sleep: what it skipped is made up for once. One put back does nothing twice."""
        offset = _wall_offset()
        step, self._offset = offset - self._offset, offset
        if abs(step) > _STEP:
            self._log.say(f"the clock was put {'forward' if step > timedelta() else 'back'} by {abs(step)}", Priority.WARNING)
        if step < -_STEP and self._timer:
            self._timer.put_back(-step, datetime.now(UTC))

    def _heed(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stop()
            elif number == signal.SIGHUP and not self._ending:
                self._reload()
            elif number == signal.SIGUSR1 and not self._ending:
                self._log.say("asked to update all trees now")
                self.update_all()

    def _stop(self) -> None:
        """The first time, ask the runs to end; the second time, kill them: a tree is whole whenever its run is killed."""
        hurried, self._ending = self._ending, True
        self._kill_at = time.monotonic() + (0.0 if hurried else _PATIENCE)
        self._supervisor.stopping()
        names = ", ".join(self._runs.names)
        how = "killing" if hurried else "waiting for"
        self._log.say(f"ending, {how} {names}" if names else "ending")
        self._runs.end(signal.SIGTERM)

    def _reload(self) -> None:
        """The configuration anew; one that cannot be used is told, and the former one stays."""
        self._supervisor.reloading()
        try:
            config = load(self._file, self._environ)
            if config.state != self._config.state:
                raise ConfigError((f"{self._file}: mirrorsync.state: is another one now, for which the daemon must be restarted",))
            self._schedule(config)
            self._config = config
            self._runs.keep([timing.name for timing in timings(config)])
            self._log.say("the configuration is reloaded")
        except (ConfigError, OSError) as error:
            for problem in str(error).splitlines():
                self._log.say(problem, Priority.ERROR)
            self._log.say("the configuration was not reloaded; what was scheduled stays", Priority.ERROR)
        self._supervisor.ready()

    def _tell_supervisor(self) -> None:
        names = ", ".join(self._runs.names)
        following = self._timer.coming()[:1] if self._timer else []
        coming = [f"next {name} at {local(moment):%Y-%m-%d %H:%M:%S}" for name, moment in following]
        self._supervisor.alive()
        self._supervisor.status("; ".join([f"at work: {names}" if names else "waiting", *coming]))


def _wall_offset() -> timedelta:
    """What the clock shows beyond the time that has passed, asleep or awake."""
    return timedelta(seconds=time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))


@contextmanager
def _heard_signals() -> Iterator[int]:
    """A descriptor that has the number of each signal that came as a byte; nothing is interrupted by them."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    former = {number: signal.signal(number, _unmoved) for number in _SIGNALS}
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def _unmoved(_number: int, _frame: FrameType | None) -> None:
    """The number is in the pipe."""
