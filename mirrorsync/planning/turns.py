"""Which of the runs that are due may begin: one at a time for a tree, so many at once in all, and none that is too late."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mirrorsync.model.schedule import Task

NOTABLE = timedelta(minutes=1)
"""A run that begins later than that is told."""


@dataclass(frozen=True, slots=True)
class Request:
    """A run that is due. tree: "" for what is of no tree.  due, asked: when it was to begin, and when that was noticed (UTC).

    late: how late it may begin.
    """

    task: Task
    tree: str
    due: datetime
    asked: datetime
    late: timedelta

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.tree}: {self.task}" if self.tree else str(self.task)


def queued(waiting: Sequence[Request], request: Request) -> tuple[Request, ...]:
    """The waiting runs with one more; of two of one name the first is due for both."""
    return (*waiting, request) if all(other.name != request.name for other in waiting) else tuple(waiting)


def overdue(waiting: Sequence[Request], now: datetime) -> tuple[Request, ...]:
    """Those that may not begin any more."""
    return tuple(request for request in waiting if now - request.due > max(request.late, NOTABLE))


def startable(waiting: Sequence[Request], busy: Collection[str], at_once: int) -> tuple[Request, ...]:
    """Those that may begin now, in the order they came. busy: the tree of each run at work, which no other may have."""
    chosen: list[Request] = []
    taken = list(busy)
    for request in waiting:
        if len(taken) < at_once and request.tree not in taken:
            chosen.append(request)
            taken.append(request.tree)
    return tuple(chosen)


def why_late(request: Request, now: datetime) -> str | None:
    """Why a run begins, or is dropped, so much later than it was due; None where it is in time."""
    if now - request.due <= NOTABLE:
        return None
    if request.asked - request.due > NOTABLE:
        return "nothing could run when it was due: no daemon, a machine asleep, or a clock that was changed"
    return "other runs were at work"
