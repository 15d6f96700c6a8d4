"""What a tree lacks, and how urgent it is: the value that `pending`, mail, page and monitoring are made from."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Self

from mirrorsync.errors import ExitCode
from mirrorsync.model.advisory import Advisory
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.version import NEVRA


class Urgency(IntEnum):
    """How urgent an erratum is, the most urgent last; one word for the distributors' many (see planning.urgency)."""

    UNRATED = 0
    LOW = 1
    MODERATE = 2
    IMPORTANT = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """In lower case, as configuration and documents have it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: object) -> Self:
        """The one of that word. Raises ValueError."""
        for urgency in cls:
            if urgency.word == word:
                return urgency
        raise ValueError(f"{word!r} is no urgency")


class Prospect(StrEnum):
    """What the next update does about a pending package: it comes; it is held back; the configuration keeps it out."""

    COMES = "comes"
    HELD = "held"
    KEPT_OUT = "kept out"


@dataclass(frozen=True, slots=True)
class Step:
    """One package that is to be replaced. held: what the tree has, None where the name is new to it.  to: the newest that is offered.

    reason: why it is held or kept out; '' where it comes.
    """

    held: NEVRA | None
    to: NEVRA
    prospect: Prospect = Prospect.COMES
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """An erratum that may be late until the end of `until`, and why."""

    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class WaiverRule:
    """What a waiver is for: one advisory, one CVE, or the errata of packages whose names a glob matches; the others are ''."""

    waiver: Waiver
    advisory: str = ""
    cve: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True)
class PendingErratum:
    """An advisory that the tree lacks: its packages that are newer than the tree's, and by when they are to be published.

    age: days since it was issued, None where that is not told.  due: issued and the target of its urgency, None where either is
    missing.  waiver: the one that holds today.
    """

    advisory: Advisory
    urgency: Urgency
    age: int | None
    steps: tuple[Step, ...]
    due: date | None = None
    waiver: Waiver | None = None

    def overdue(self, today: date) -> bool:
        """Whether it should have been published by now, and nobody waived that."""
        return self.due is not None and self.due < today and self.waiver is None


@dataclass(frozen=True, slots=True)
class PendingOutcome:
    """What one tree lacked at `at` (UTC): errata, the most urgent and then the oldest first, and updates that no erratum tells of."""

    tree: str
    at: datetime
    errata: tuple[PendingErratum, ...] = ()
    untold: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """PENDING where anything is, as dnf's check-update ends; FINDINGS where nothing is and something was found."""
        if self.errata or self.untold:
            return ExitCode.PENDING
        return ExitCode.FINDINGS if any(finding.severity is not Severity.NOTE for finding in self.findings) else ExitCode.DONE
