"""What trees lack, as text for a terminal, as CSV for a spreadsheet, and as a JSON document."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from mirrorsync.model.advisory import AdvisoryType
from mirrorsync.model.filter import Filter
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.model.pending import PendingErratum, PendingOutcome, Prospect, Step, Urgency
from mirrorsync.planning.filters import filter_document
from mirrorsync.planning.pending_document import erratum_document, step_document
from mirrorsync.report.documents import findings_list, trees_document
from mirrorsync.report.text import aligned, visible

_HEAD = ("ADVISORY", "TYPE", "SEVERITY", "ISSUED", "AGE", "DUE", "REBOOT", "CVES")
_INDENT = "    "
_ACTIVE = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of a formula
COLUMNS = (
    "tree", "advisory", "type", "severity", "urgency", "cves", "issued", "age_days", "due", "overdue", "waived_until", "reboot_suggested",
    "from", "to", "prospect", "reason", "title",
)  # fmt: skip


def pending_lines(outcome: PendingOutcome, today: date, *, whole: bool) -> Iterator[str]:
    """The counts, a line for each erratum with its packages below it, and the updates that none tells of; `whole` with descriptions."""
    yield pending_summary(outcome, today)
    head, *rows = aligned([_HEAD, *(_row(erratum, today) for erratum in outcome.errata)])
    if rows:
        yield f"  {head}"
    for row, erratum in zip(rows, outcome.errata, strict=True):
        yield f"  {row}"
        yield from (f"{_INDENT}{line}".rstrip() for line in _details(erratum, whole=whole))
    if outcome.untold:
        yield "  Updates that no erratum tells of:"
        yield from (f"{_INDENT}{step_text(step)}" for step in outcome.untold)


def pending_summary(outcome: PendingOutcome, today: date) -> str:
    """The counts in one line: "redhat73: 3 errata pending (2 security), 1 overdue, 12 packages"."""
    errata = outcome.errata
    if not errata and not outcome.untold:
        return f"{outcome.tree}: nothing is pending"
    security = sum(1 for erratum in errata if erratum.advisory.type is AdvisoryType.SECURITY)
    late = sum(1 for erratum in errata if erratum.overdue(today))
    packages = len({step.to.key for erratum in errata for step in erratum.steps})
    parts = [f"{len(errata)} {'erratum' if len(errata) == 1 else 'errata'} pending ({security} security)"] if errata else []
    parts += [f"{late} overdue"] if late else []
    parts += [_packages(packages)] if errata else []
    parts += [f"{_packages(len(outcome.untold))} of which no erratum tells"] if outcome.untold else []
    return f"{outcome.tree}: {', '.join(parts)}"


def step_text(step: Step) -> str:
    """ "bash-1-1.i386 -> 2-1", and why it does not come."""
    if step.held is None:
        text = f"{step.to} (new)"
    else:
        same = (step.held.name, step.held.arch) == (step.to.name, step.to.arch)
        text = f"{step.held} -> {step.to.evr if same else step.to}"
    return text if step.prospect is Prospect.COMES else f"{text}  {step.prospect.value}: {step.reason}"


def pending_csv(outcomes: Sequence[PendingOutcome | TreeFailure], today: date) -> str:
    """As RFC 4180 has it: a line for each package, with an erratum's columns empty where none tells of it; failures are left out."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for outcome in outcomes:
        if isinstance(outcome, PendingOutcome):
            writer.writerows(_cells(outcome.tree, erratum, step, today) for erratum in outcome.errata for step in erratum.steps)
            writer.writerows(_cells(outcome.tree, None, step, today) for step in outcome.untold)
    return lines.getvalue()


def pending_report(outcomes: Sequence[PendingOutcome | TreeFailure], wanted: Filter, today: date) -> dict[str, Any]:
    """The document of `mirrorsync pending --json`."""

    def describe(outcome: PendingOutcome) -> dict[str, Any]:
        return {
            "tree": outcome.tree,
            "exit_code": int(outcome.exit_code),
            "at": outcome.at.isoformat(),
            "errata": [{**erratum_document(erratum), "overdue": erratum.overdue(today)} for erratum in outcome.errata],
            "untold": [step_document(step) for step in outcome.untold],
            "findings": findings_list(outcome.findings),
        }

    return {**trees_document("mirrorsync-pending-1", outcomes, describe), "filter": filter_document(wanted)}


def _row(erratum: PendingErratum, today: date) -> tuple[str, ...]:
    advisory = erratum.advisory
    return (
        advisory.id,
        advisory.type.value,
        "-" if erratum.urgency is Urgency.UNRATED else erratum.urgency.word,
        advisory.issued.isoformat() if advisory.issued else "-",
        "-" if erratum.age is None else f"{erratum.age} d",
        _due(erratum, today),
        "yes" if advisory.reboot_suggested else "-",
        " ".join(advisory.cves) or "-",
    )


def _due(erratum: PendingErratum, today: date) -> str:
    if erratum.waiver:
        return f"waived to {erratum.waiver.until}"
    if erratum.due is None:
        return "-"
    return f"overdue since {erratum.due}" if erratum.overdue(today) else str(erratum.due)


def _details(erratum: PendingErratum, *, whole: bool) -> Iterator[str]:
    yield from map(step_text, erratum.steps)
    if whole:
        yield from ([f"waived: {erratum.waiver.reason}"] if erratum.waiver else [])
        yield from ("", erratum.advisory.title, "")
        yield from erratum.advisory.description.splitlines()
        yield ""


def _packages(count: int) -> str:
    return f"{count} package{'' if count == 1 else 's'}"


def _cells(tree: str, erratum: PendingErratum | None, step: Step, today: date) -> list[str]:
    own = ["", "", str(step.held or ""), str(step.to), step.prospect.value, step.reason, ""]
    if erratum is None:
        return [_inert(cell) for cell in [tree, *[""] * 9, *own]]
    advisory, waiver = erratum.advisory, erratum.waiver
    facts = [
        tree, advisory.id, advisory.type.value, advisory.severity, erratum.urgency.word, " ".join(advisory.cves),
        advisory.issued.isoformat() if advisory.issued else "", "" if erratum.age is None else str(erratum.age),
        erratum.due.isoformat() if erratum.due else "", _yes(erratum.overdue(today)),
    ]  # fmt: skip
    own[0], own[1], own[6] = (waiver.until.isoformat() if waiver else ""), _yes(advisory.reboot_suggested), advisory.title
    return [_inert(cell) for cell in [*facts, *own]]


def _yes(fact: bool) -> str:  # noqa: FBT001  a fact to be told, no switch
    return "yes" if fact else "no"


def _inert(cell: str) -> str:
    """Titles and names come from mirrors: no spreadsheet is to compute what they say, and no terminal to act on it."""
    return visible(f"'{cell}" if cell.startswith(_ACTIVE) else cell)
