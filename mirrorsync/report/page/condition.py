"""In what condition a tree is: one word, and the reason for it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mirrorsync.errors import ExitCode
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.pending import PendingErratum, Prospect, Urgency
from mirrorsync.model.standing import RunRecord, Standing
from mirrorsync.planning.news import comes
from mirrorsync.planning.standing import failing
from mirrorsync.planning.standing import faults as more_than_notes
from mirrorsync.report.page.words import count_text

UNINFORMED = "no update that ended well is recorded: nobody knows what is pending"
_RESULTS: Mapping[int, str] = {
    ExitCode.DONE: "done",
    ExitCode.PARTIAL: "done in part",
    ExitCode.FINDINGS: "done, with findings",
}


class Tone(StrEnum):
    """How a condition is shown, beside its word."""

    BAD = "bad"
    WARNING = "warning"
    NEWS = "news"
    GOOD = "good"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Condition:
    """One word for a tree's state, and why it is that."""

    word: str
    tone: Tone
    why: str


def condition_of(standing: Standing, today: date) -> Condition:
    """The worst that is to be said of a tree."""
    return next(_conditions(standing, today))


def _conditions(standing: Standing, today: date) -> Iterator[Condition]:
    """What may be said of it, the worst first."""
    late, found = len(overdue(standing, today)), faults(standing)
    for run in failing(standing):
        yield Condition("Failed", Tone.BAD, f"the last {run.name} {result_text(run)}")
    if late:
        yield Condition("Overdue", Tone.BAD, f"{count_text(late, 'erratum', 'errata')} past the target")
    if found:
        tone = Tone.BAD if any(finding.severity is Severity.ERROR for finding in found) else Tone.WARNING
        yield Condition("Findings", tone, f"{count_text(len(found), 'finding')} of the last update or check")
    if reason := standing.last_update.withheld if standing.last_update else "":
        yield Condition("Held back", Tone.WARNING, f"held by {reason}")
    if held := held_back(standing):
        yield Condition("Held back", Tone.WARNING, f"{count_text(held, 'erratum', 'errata')} held back")
    if waiting := len(standing.pending) + sum(1 for step in standing.untold if step.prospect is Prospect.COMES):
        yield Condition("Pending", Tone.NEWS, f"{waiting} to come with the next update")
    if kept := len(standing.untold):
        yield Condition("Held back", Tone.PLAIN, f"{count_text(kept, 'package')} held or kept out that no erratum tells of")
    if standing.generation is None and standing.last is None:
        yield Condition("Never updated", Tone.PLAIN, "no run is recorded")
    if not standing.informed:
        yield Condition("Unknown", Tone.WARNING, UNINFORMED)
    yield Condition("Current", Tone.GOOD, "nothing is pending")


def overdue(standing: Standing, today: date) -> tuple[PendingErratum, ...]:
    """The errata that should have been published by now, the most urgent first."""
    return tuple(erratum for erratum in standing.pending if erratum.overdue(today))


def faults(standing: Standing) -> tuple[Finding, ...]:
    """The findings that are more than notes, errors first."""
    return tuple(sorted(more_than_notes(standing.findings), key=lambda finding: finding.severity is not Severity.ERROR))


def held_back(standing: Standing) -> int:
    """How many errata the next update does not apply whole."""
    return sum(1 for erratum in standing.pending if not comes(erratum))


def by_urgency(standing: Standing) -> Mapping[Urgency, int]:
    """How many errata are pending of each urgency, the most urgent first."""
    counts = Counter(erratum.urgency for erratum in standing.pending)
    return {urgency: counts[urgency] for urgency in reversed(Urgency)}


def result_text(run: RunRecord) -> str:
    """How a run ended, in words."""
    return _RESULTS.get(run.exit_code) or f"failed (exit code {run.exit_code})"
