"""APScheduler as the daemon uses it: its own times of crontab(5), and runs that are asked for rather than run by it."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger

from mirrorsync.app.timetable import local
from mirrorsync.model.schedule import Timing
from mirrorsync.planning.schedule import last_run, next_run
from mirrorsync.scheduler.memory import Memory

Ask = Callable[[Timing, datetime], None]
"""Asks for a run of a task that was due at that time."""

_CORRECTION = timedelta(hours=3)
"""A clock that is put back by more was wrong before; by less, nothing is done twice: cron(8)."""


class _Times(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """When a task is due, by planning.schedule: APScheduler's own cron counts weekdays from Monday, and wants both day and weekday."""

    def __init__(self, timing: Timing, seed: str) -> None:
        self.timing = timing
        self._seed = seed

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next time after the previous one; of several that have passed by now, the last."""
        following = next_run(self.timing, self._seed, local(previous_fire_time or now))
        latest = last_run(self.timing, self._seed, local(now)) if following.astimezone(UTC) < now else following
        return max(following.astimezone(UTC), latest.astimezone(UTC))

    def missed(self, since: datetime | None, now: datetime) -> datetime | None:
        """A run that was due since then, the last of them; whether it may still begin is seen when it is asked for."""
        last = last_run(self.timing, self._seed, local(now)).astimezone(UTC)
        return last if since and since < last else None


class _Asking(BaseExecutor):  # type: ignore[misc]  # as above
    """Asks for what is due, at once and in the caller's own thread."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask

    def _do_submit_job(self, job: Any, run_times: Sequence[datetime]) -> None:
        for due in run_times:
            self._ask(job.trigger.timing, due)
        self._run_job_success(job.id, [])


class Timer(BaseScheduler):  # type: ignore[misc]  # as above
    """The tasks and when each is due next. It has no thread of its own: who has it calls `ask_for_due`."""

    def __init__(self, ask: Ask, memory: Memory) -> None:
        logging.getLogger("apscheduler").addHandler(logging.NullHandler())
        logging.getLogger("apscheduler").propagate = False
        defaults = {"coalesce": True, "misfire_grace_time": None}
        super().__init__(timezone=UTC, job_defaults=defaults, executors={"default": _Asking(ask)})
        self._memory = memory
        self.start()

    def wakeup(self) -> None:
        """Nobody sleeps here."""

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002  APScheduler's own signature
        """Ask for nothing more."""
        super().shutdown(wait)

    def schedule(self, timings: Sequence[Timing], seed: str, now: datetime) -> None:
        """These tasks in the place of all others. One that was scheduled just so keeps its time; one that was missed is due at once.

        Raises OSError where they cannot be remembered; nothing has changed then.
        """
        times = {timing.name: _Times(timing, seed) for timing in timings}
        kept = {job.id for job in self.get_jobs() if job.id in times and job.trigger.timing == times[job.id].timing}
        new = {name: times[name] for name in sorted(times.keys() - kept)}
        self._memory.note((each.timing for each in new.values() if not self._remembers(each.timing, now)), now)
        for job in self.get_jobs():
            if job.id not in kept:
                job.remove()
        for name, each in new.items():
            due = each.missed(self._memory.since(each.timing), now) or each.get_next_fire_time(None, now)
            self.add_job(_nothing, each, id=name, next_run_time=due)

    def _remembers(self, timing: Timing, now: datetime) -> bool:
        """Whether it was scheduled just so before, by a clock that was not wrong."""
        since = self._memory.since(timing)
        return since is not None and since <= now + _CORRECTION

    def ask_for_due(self) -> float:
        """Ask for all that is due. Seconds until something is again; there may be nothing for ever."""
        wait: float | None = self._process_jobs()
        return float("inf") if wait is None else wait

    def put_back(self, step: timedelta, now: datetime) -> None:
        """The clock shows an earlier time than it did: after a correction, and for what goes by the clock alone, look up what is next."""
        for job in self.get_jobs():
            if step > _CORRECTION or job.trigger.timing.cron.by_the_clock:
                job.modify(next_run_time=job.trigger.get_next_fire_time(None, now))

    def coming(self) -> list[tuple[str, datetime]]:
        """Each task's name and next time (UTC), the first one first."""
        return sorted(((job.id, job.next_run_time) for job in self.get_jobs()), key=lambda entry: (entry[1], entry[0]))


def _nothing() -> None:
    """What APScheduler would call; the executor asks instead."""
