"""What a run did to one tree: the value that terminal, JSON, mail and exit code are made from."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mirrorsync.errors import ExitCode
from mirrorsync.model.activity import Activity
from mirrorsync.model.basis import Basis
from mirrorsync.model.comparison import Comparison
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import Generation
from mirrorsync.model.pending import PendingOutcome
from mirrorsync.model.plan import Plan


class BootChange(StrEnum):
    """What became of the boot set."""

    NONE = "no boot directory configured"
    CURRENT = "already staged"
    STAGED = "staged"
    WOULD_STAGE = "would be staged"
    FAILED = "could not be staged"


@dataclass(frozen=True, slots=True)
class FailedFetch:
    """A planned package that did not arrive as planned."""

    package: str
    reason: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why something was not published although all of it was ready."""

    reason: str


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long an update took: reading and deciding, fetching and verifying, building and publishing, and all of it."""

    planning: float = 0.0
    fetching: float = 0.0
    publishing: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """One tree's update. `generation` is what was published, None where nothing was; bytes and seconds are this run's.

    stale: why the indexes were, or are to be, made anew although no package changes.  basis: what the plan was made from.
    withheld: what kept it from being published although everything was fetched and verified.
    pending: what the tree lacks now that the update is over, whatever part of it was wanted; of a dry run, what it lacks still.
    """

    tree: str
    plan: Plan
    basis: Basis | None = None
    generation: int | None = None
    dry_run: bool = False
    fetched: int = 0
    bytes_fetched: int = 0
    failed: tuple[FailedFetch, ...] = ()
    boot: BootChange = BootChange.NONE
    stale: str | None = None
    withheld: Withheld | None = None
    findings: tuple[Finding, ...] = ()
    seconds: Seconds = Seconds()
    pending: PendingOutcome | None = None

    @property
    def exit_code(self) -> ExitCode:
        """PARTIAL where something is held, failed or not staged; FINDINGS where check found faults; else DONE."""
        if self.plan.held or self.failed or self.withheld or self.boot is BootChange.FAILED:
            return ExitCode.PARTIAL
        return findings_exit_code(self.findings)


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One tree's check: how many indexed packages were looked at, whether their bytes were read, and what was wrong."""

    tree: str
    packages: int
    deep: bool
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """FINDINGS where anything but a note was found."""
        return findings_exit_code(self.findings)


@dataclass(frozen=True, slots=True)
class RollbackOutcome:
    """One tree's rollback to generation `back_to`, published as `generation`: None where nothing was.

    added, removed: NEVRAs that came back and that left, as text.  withheld: what kept it from being published.
    """

    tree: str
    back_to: int
    generation: int | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    dry_run: bool = False
    boot: BootChange = BootChange.NONE
    withheld: Withheld | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """PARTIAL where it was held, or the boot set could not go with it; FINDINGS where anything else was found; else DONE."""
        return ExitCode.PARTIAL if self.withheld or self.boot is BootChange.FAILED else findings_exit_code(self.findings)


@dataclass(frozen=True, slots=True)
class StatusOutcome:
    """What a tree is just now, read from its journal. `generation` is None for a tree never updated here; `running` names the writer."""

    tree: str
    path: str
    layout: str
    generation: int | None
    published: datetime | None
    packages: int
    bytes: int
    grace_copies: int
    kept_generations: tuple[int, ...]
    boot: BootChange
    running: str | None = None
    findings: tuple[Finding, ...] = ()
    activity: Activity = field(default_factory=Activity)

    @property
    def exit_code(self) -> ExitCode:
        """Reading it always succeeds."""
        return ExitCode.DONE


@dataclass(frozen=True, slots=True)
class Disposal:
    """What pruning removes, and what that frees: bytes of blocks, and inodes that have no other name.

    pool_files: verified files that no generation uses then.  incoming: files that stopped arriving.
    """

    generations: tuple[int, ...] = ()
    pool_files: int = 0
    incoming: int = 0
    bytes: int = 0
    inodes: int = 0


@dataclass(frozen=True, slots=True)
class PruneOutcome:
    """What was removed from beside a tree, or with a dry run would be, and which generations are kept, the current one too."""

    tree: str
    disposal: Disposal
    dry_run: bool
    kept: tuple[int, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """FINDINGS where something could not be removed."""
        return findings_exit_code(self.findings)


@dataclass(frozen=True, slots=True)
class HistoryOutcome:
    """What the journal tells of one tree's generations, newest first; of those whose records cannot be read, the findings do."""

    tree: str
    generations: tuple[Generation, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """FINDINGS where a record cannot be read."""
        return findings_exit_code(self.findings)


@dataclass(frozen=True, slots=True)
class DiffOutcome:
    """What lies between two generations of one tree, as far as the records that are to tell it can be read."""

    comparison: Comparison
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """FINDINGS where a record that is to tell it cannot be read."""
        return findings_exit_code(self.findings)


@dataclass(frozen=True, slots=True)
class TreeFailure:
    """A tree whose work ended in an error; the other trees go on."""

    tree: str
    message: str
    exit_code: ExitCode


def findings_exit_code(findings: tuple[Finding, ...]) -> ExitCode:
    """FINDINGS where one is an error or a warning."""
    return ExitCode.FINDINGS if any(finding.severity is not Severity.NOTE for finding in findings) else ExitCode.DONE
