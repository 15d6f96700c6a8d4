"""How one tree stands after its last run: the one value that reports, page and monitoring are made from."""

from dataclasses import dataclass
from datetime import date, datetime

from mirrorsync.model.finding import Finding
from mirrorsync.model.pending import PendingErratum, Step

LOOK = "check"
"""The command that only looks."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run that is over. name: the command.  words: what it said that needs somebody's attention, a line each.

    generation: what it published, None for nothing.  withheld: why a hook held that, '' where none did.
    fetched, bytes_fetched: packages and bytes that arrived.  seconds: all of it.
    """

    name: str
    began: datetime
    ended: datetime
    exit_code: int
    words: tuple[str, ...] = ()
    generation: int | None = None
    fetched: int = 0
    bytes_fetched: int = 0
    withheld: str = ""

    @property
    def looked(self) -> bool:
        """Whether it only looked: a check says nothing of whether updates work, nor the other way round."""
        return self.name == LOOK

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.began).total_seconds()


@dataclass(frozen=True, slots=True)
class AppliedErratum:
    """An advisory that came in with a generation. target: by when it was to; None where there was none. met: None likewise."""

    id: str
    type: str
    urgency: str
    title: str
    cves: tuple[str, ...]
    issued: date | None
    published: datetime
    generation: int
    target: date | None = None

    @property
    def met(self) -> bool | None:
        """Whether it was published in time."""
        return None if self.target is None else self.published.date() <= self.target

    @property
    def days(self) -> int | None:
        """From issue to publication, None where it is not known when it was issued."""
        return None if self.issued is None else max(0, (self.published.date() - self.issued).days)


@dataclass(frozen=True, slots=True)
class Standing:
    """A tree at `at` (UTC). `generation` and `published` are None for a tree never updated here.

    pending, untold: what it lacks.  applied: newest first, as far back as reports go.  findings: of the last update and check.
    of_check: those of the findings that only a check looks for.
    last_update, last_check: the last run that was to change the tree, and the last that looked at it, however they ended.
    succeeded: when an update or rollback last ended without an error.  checked: when a check did.
    next_run: None where nobody scheduled one.
    """

    tree: str
    path: str
    layout: str
    at: datetime
    generation: int | None
    published: datetime | None
    packages: int
    bytes: int
    pending: tuple[PendingErratum, ...] = ()
    untold: tuple[Step, ...] = ()
    applied: tuple[AppliedErratum, ...] = ()
    findings: tuple[Finding, ...] = ()
    last_update: RunRecord | None = None
    last_check: RunRecord | None = None
    succeeded: datetime | None = None
    checked: datetime | None = None
    next_run: datetime | None = None
    of_check: tuple[Finding, ...] = ()

    @property
    def informed(self) -> bool:
        """Whether it is known what the tree lacks: an update has ended well, and what it left is kept."""
        return self.succeeded is not None or bool(self.pending)

    @property
    def last(self) -> RunRecord | None:
        """The last run of either kind."""
        return max((run for run in (self.last_update, self.last_check) if run), key=lambda run: run.ended, default=None)
