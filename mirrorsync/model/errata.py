"""What is known of one erratum, and which errata a tree has taken: what `mirrorsync errata` tells."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mirrorsync.errors import ExitCode
from mirrorsync.model.advisory import Advisory
from mirrorsync.model.generation import Generation
from mirrorsync.model.pending import PendingErratum
from mirrorsync.model.standing import AppliedErratum
from mirrorsync.model.version import NEVRA


class Relation(StrEnum):
    """What an erratum is to a tree. KNOWN: it was pending once, and is neither that nor was it applied."""

    PENDING = "pending"
    APPLIED = "applied"
    TAKEN_OUT = "taken out again"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Involvement:
    """What an erratum is to one tree. came: the generations that it came with, oldest first.

    pending: as the last run that looked left it.  builds: of each of its packages, what the tree lists of that name.
    seen: when that was, None where no run is recorded.
    """

    tree: str
    relation: Relation
    came: tuple[Generation, ...] = ()
    pending: PendingErratum | None = None
    builds: tuple[tuple[NEVRA, tuple[NEVRA, ...]], ...] = ()
    seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dossier:
    """An erratum by its id. advisory: None where no library has it any more."""

    id: str
    advisory: Advisory | None
    involvements: tuple[Involvement, ...]


@dataclass(frozen=True, slots=True)
class AppliedOutcome:
    """The errata that a tree has since `since`, None for ever; newest first."""

    tree: str
    since: date | None
    errata: tuple[AppliedErratum, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Reading it always succeeds."""
        return ExitCode.DONE
