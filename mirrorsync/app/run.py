"""What is common to all trees of one call."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from mirrorsync.model.package import Package
from mirrorsync.upstream.download import Progress

ShowProgress = Callable[[Sequence[Package]], AbstractContextManager[Progress]]
"""What shows the arrival of some packages until its block ends."""


@dataclass(frozen=True, slots=True)
class Run:
    """When the call began (UTC), what time it is, what the journal calls it, by which process of whom it is, and what shows its progress.

    adopt_changes: take what was changed by hand as it is.  reapply: let in again what a rollback took out.
    accept_upstream: take update mirrors as they are although they have gone back in time or shrunk.
    """

    now: datetime
    clock: Callable[[], datetime]
    name: str
    by: str
    progress: ShowProgress
    adopt_changes: bool = False
    reapply: bool = False
    accept_upstream: bool = False
