"""When what is done by itself: times as crontab(5) writes them, what is due then, and what began late."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Task(StrEnum):
    """What the daemon does at its time."""

    UPDATE = "update"
    CHECK = "check"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class CronTime:
    """The five fields of crontab(5), each as the sorted numbers that it lets in; weekdays count from Sunday, 0.

    either_day: day and weekday are both restricted, so that one of them is enough.
    by_the_clock: minute or hour is a `*`: an hour that clocks skip is skipped, and one that they repeat counts twice.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either_day: bool
    by_the_clock: bool

    def __str__(self) -> str:
        """As it was written."""
        return self.text


NEVER = CronTime("never", (), (), (), (), (), either_day=False, by_the_clock=False)
"""The time that does not come: what is scheduled for all trees and not for this one."""


@dataclass(frozen=True, slots=True)
class Timing:
    """That a task is to be done, for a tree or (tree "") for all, and when.

    jitter: how much later at most.  late: how late it may still begin; later it is dropped.
    """

    task: Task
    tree: str
    cron: CronTime
    jitter: timedelta
    late: timedelta

    @property
    def name(self) -> str:
        """What messages call it: "redhat73: update", "digest"."""
        return f"{self.tree}: {self.task}" if self.tree else str(self.task)


@dataclass(frozen=True, slots=True)
class Lateness:
    """A run that did not begin when it was due (UTC). began: None where it was dropped; reason: why."""

    task: Task
    due: datetime
    began: datetime | None
    reason: str
