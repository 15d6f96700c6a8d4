"""How a tree stands after a run: from what the run did, from what the journal says, and from how the tree stood before."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from mirrorsync.errors import ExitCode
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import BootChange, CheckOutcome, RollbackOutcome, TreeFailure, UpdateOutcome
from mirrorsync.model.pending import PendingErratum
from mirrorsync.model.standing import AppliedErratum, RunRecord, Standing

_NO_FAILURES = frozenset({ExitCode.DONE, ExitCode.PARTIAL, ExitCode.FINDINGS})
_BOTH_LOOK = (
    "boot-",
    "build-",
    "export-",
    "image-",
    "nfs-",
    "not-signed",
    "treeinfo-",
    "url-",
)  # what update and check both look at, by code
_CHECKED = (*_BOTH_LOOK, "kernel-")  # what a check looks at; updates look at kernels in some trees alone


@dataclass(frozen=True, slots=True)
class Present:
    """What lies at a tree's path: its newest generation and what that comes to; None and 0 for a tree never published here."""

    tree: str
    path: str
    layout: str
    generation: int | None = None
    published: datetime | None = None
    packages: int = 0
    bytes: int = 0


Outcome = UpdateOutcome | RollbackOutcome | CheckOutcome | TreeFailure


def failed(run: RunRecord) -> bool:
    """Whether a run ended in an error."""
    return run.exit_code not in _NO_FAILURES


def failing(standing: Standing) -> tuple[RunRecord, ...]:
    """The last update and the last check, where they failed."""
    return tuple(run for run in (standing.last_update, standing.last_check) if run and failed(run))


def run_record(name: str, began: datetime, ended: datetime, outcome: Outcome) -> RunRecord:
    """The run, with what of its outcome needs somebody's attention."""
    words = tuple(_words(outcome))
    if isinstance(outcome, UpdateOutcome):
        fetched = (outcome.fetched, outcome.bytes_fetched)
        return RunRecord(name, began, ended, int(outcome.exit_code), words, outcome.generation, *fetched, _withheld(outcome))
    if isinstance(outcome, RollbackOutcome):
        return RunRecord(name, began, ended, int(outcome.exit_code), words, outcome.generation, withheld=_withheld(outcome))
    return RunRecord(name, began, ended, int(outcome.exit_code), words)


def _withheld(outcome: UpdateOutcome | RollbackOutcome) -> str:
    return outcome.withheld.reason if outcome.withheld else ""


def _words(outcome: Outcome) -> Iterator[str]:
    if isinstance(outcome, TreeFailure):
        yield outcome.message
        return
    if isinstance(outcome, UpdateOutcome):
        yield from (failure.reason for failure in outcome.failed)
    if not isinstance(outcome, CheckOutcome):
        yield from [outcome.withheld.reason] if outcome.withheld else []
        yield from [f"boot set {outcome.boot.value}"] if outcome.boot is BootChange.FAILED else []
    yield from (str(finding) for finding in faults(outcome.findings))


def faults(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that are more than notes."""
    return tuple(finding for finding in findings if finding.severity is not Severity.NOTE)


def unrecorded(present: Present, at: datetime) -> Standing:
    """How a tree stands of which no run is recorded: as its journal says."""
    generation, published = present.generation, present.published
    return Standing(present.tree, present.path, present.layout, at, generation, published, present.packages, present.bytes)


def as_of(standing: Standing, today: date) -> Standing:
    """The same with ages as they are today, and without waivers that are over."""
    return replace(standing, pending=tuple(_aged(erratum, today) for erratum in standing.pending))


def _aged(erratum: PendingErratum, today: date) -> PendingErratum:
    issued, waiver = erratum.advisory.issued, erratum.waiver
    age = max(0, (today - issued).days) if issued else None
    return replace(erratum, age=age, waiver=waiver if waiver and waiver.until >= today else None)


def after(before: Standing | None, present: Present, outcome: Outcome, run: RunRecord, applied: tuple[AppliedErratum, ...]) -> Standing:
    """How the tree stands now that the run is over. applied: by the journal."""
    standing = _moved_on(before or unrecorded(present, run.ended), present, run, applied)
    match outcome:
        case UpdateOutcome():
            return _updated(standing, outcome)
        case RollbackOutcome():
            return _with_checks(standing, outcome.findings, published=outcome.generation is not None)
        case CheckOutcome():
            return _checked(standing, outcome, run)
        case TreeFailure():
            return standing


def _moved_on(before: Standing, present: Present, run: RunRecord, applied: tuple[AppliedErratum, ...]) -> Standing:
    """What holds after every run, be it a failed one."""
    standing = replace(
        before,
        path=present.path,
        layout=present.layout,
        at=run.ended,
        generation=present.generation,
        published=present.published,
        packages=present.packages,
        bytes=present.bytes,
        applied=applied,
        last_update=before.last_update if run.looked else run,
        last_check=run if run.looked else before.last_check,
        succeeded=before.succeeded if run.looked or failed(run) else run.ended,
    )
    known = {erratum.id for erratum in applied} - {erratum.id for erratum in before.applied}
    return replace(standing, pending=tuple(erratum for erratum in standing.pending if erratum.advisory.id not in known))


def _updated(standing: Standing, outcome: UpdateOutcome) -> Standing:
    found = outcome.findings
    if outcome.pending is not None:
        standing = replace(standing, pending=outcome.pending.errata, untold=outcome.pending.untold)
        found = tuple(dict.fromkeys((*found, *outcome.pending.findings)))
    return _with_checks(standing, found, published=outcome.generation is not None)


def _with_checks(standing: Standing, found: tuple[Finding, ...], *, published: bool) -> Standing:
    """An update's or rollback's findings, beside what the last check alone looked for: of a tree that was replaced that says nothing."""
    kept = () if published else standing.of_check
    return replace(standing, findings=tuple(dict.fromkeys((*found, *kept))), of_check=kept)


def _checked(standing: Standing, outcome: CheckOutcome, run: RunRecord) -> Standing:
    """A check's findings, beside those of the last update that a check does not look for."""
    of_update = (finding for finding in standing.findings if finding not in standing.of_check and not finding.code.startswith(_CHECKED))
    of_check = tuple(finding for finding in outcome.findings if not finding.code.startswith(_BOTH_LOOK))
    return replace(standing, findings=tuple(dict.fromkeys((*of_update, *outcome.findings))), of_check=of_check, checked=run.ended)
