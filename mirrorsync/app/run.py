"""What is common to all trees of one call."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from mirrorsync.model.arriving import Arriving
from mirrorsync.model.filter import EVERYTHING, Filter
from mirrorsync.upstream.download import Progress

ShowProgress = Callable[[Sequence[Arriving]], AbstractContextManager[Progress]]
"""What shows the arrival of some files until its block ends."""


class Say(Protocol):
    """Puts lines where what is said meanwhile goes; what `matters` is said to those too who want to hear nothing else."""

    def __call__(self, lines: Sequence[str], *, matters: bool) -> None:
        """Say them now."""


def unheard(lines: Sequence[str], *, matters: bool) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """The folder that has the administrator's hooks, and how long one of them may run."""

    folder: Path
    limit: timedelta


@dataclass(frozen=True, slots=True)
class Run:
    """When the call began (UTC), what time it is, what the journal calls it, by which process of whom it is, and what shows its progress.

    hooks: what is asked before a publication and told after it; None for nothing.  say: where what they say goes.
    adopt_changes: take what was changed by hand as it is.  reapply: let in again what a rollback took out.
    accept_upstream: take update mirrors as they are although they have gone back in time or shrunk.
    wanted: which part of an update it is to be.
    """

    now: datetime
    clock: Callable[[], datetime]
    name: str
    by: str
    progress: ShowProgress
    hooks: Hooks | None = None
    say: Say = unheard
    adopt_changes: bool = False
    reapply: bool = False
    accept_upstream: bool = False
    wanted: Filter = EVERYTHING
