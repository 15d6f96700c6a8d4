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
    """When the call began (UTC), what the journal calls it, and what shows its progress."""

    now: datetime
    name: str
    progress: ShowProgress
