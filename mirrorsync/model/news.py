"""What one run changed in how a tree stands: what somebody may want to be told."""

from dataclasses import dataclass

from mirrorsync.model.finding import Finding
from mirrorsync.model.pending import PendingErratum, Step
from mirrorsync.model.standing import AppliedErratum, RunRecord


@dataclass(frozen=True, slots=True)
class Publication:
    """The newest generation, by the run that published it. back_to: the one that a rollback brought back.

    added, removed: counts of packages, of all generations that were published since it was last told.
    """

    number: int
    run: str
    added: int
    removed: int
    back_to: int | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What is new since the run before; () and None for nothing.

    appeared: errata that were not pending.  stuck: errata that were to come and are held back now.  late: those whose target has passed.
    unwaived: those whose waiver is over.  gone: errata that a rollback took out.
    untold: packages that no erratum tells of.  findings: without notes.  withheld: why a hook held the publication, '' where none did.
    failure: a run that failed and is told.  mended: the run that ended well after such a one.
    """

    publication: Publication | None = None
    applied: tuple[AppliedErratum, ...] = ()
    gone: tuple[AppliedErratum, ...] = ()
    appeared: tuple[PendingErratum, ...] = ()
    stuck: tuple[PendingErratum, ...] = ()
    late: tuple[PendingErratum, ...] = ()
    unwaived: tuple[PendingErratum, ...] = ()
    untold: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    withheld: str = ""
    failure: RunRecord | None = None
    mended: RunRecord | None = None

    @property
    def changes(self) -> bool:
        """Whether there is anything but a failure, or its end."""
        errata = self.applied or self.gone or self.appeared or self.stuck or self.late or self.unwaived
        return bool(self.publication or errata or self.untold or self.findings or self.withheld)
