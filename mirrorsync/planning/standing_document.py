"""Standings and runs as JSON documents and back; docs/schemas/report.json says what a standing's document holds."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.standing import AppliedErratum, RunRecord, Standing
from mirrorsync.planning.document import Document
from mirrorsync.planning.failures import Failures
from mirrorsync.planning.node import Node
from mirrorsync.planning.pending_document import brief, erratum_document, erratum_from, step_document, step_from

STANDING_SCHEMA = "mirrorsync-standing-1"
APPLIED_SCHEMA = "mirrorsync-applied-1"
RUNS_SCHEMA = "mirrorsync-runs-1"
TOLD_SCHEMA = "mirrorsync-told-1"
_TEXTS = ("code", "where", "what", "remedy")  # of a finding


def standing_document(standing: Standing) -> Document:
    """The standing as a JSON-ready object; `standing_from` gives it back, but for what advisories say at length."""
    return {
        "schema": STANDING_SCHEMA,
        "tree": standing.tree,
        "path": standing.path,
        "layout": standing.layout,
        "at": standing.at.isoformat(),
        "generation": standing.generation,
        "published": _moment_text(standing.published),
        "packages": standing.packages,
        "bytes": standing.bytes,
        "pending": [erratum_document(brief(erratum)) for erratum in standing.pending],
        "untold": [step_document(step) for step in standing.untold],
        "applied": [applied_entry(erratum) for erratum in standing.applied],
        "findings": [_finding_document(finding) for finding in standing.findings],
        "of_check": [_finding_document(finding) for finding in standing.of_check],
        "last_update": _run_or_none(standing.last_update),
        "last_check": _run_or_none(standing.last_check),
        "succeeded": _moment_text(standing.succeeded),
        "checked": _moment_text(standing.checked),
        "next_run": _moment_text(standing.next_run),
    }


def standing_from(document: object) -> Standing:
    """The standing that a document tells of. Raises PlanError with the path of the first fault."""
    node = _of_schema(document, "standing", STANDING_SCHEMA)
    return Standing(
        tree=node.text("tree"),
        path=node.text("path"),
        layout=node.text("layout"),
        at=_moment(node.field("at")),
        generation=_number_or_none(node.field("generation")),
        published=_moment_or_none(node.field("published")),
        packages=node.integer("packages"),
        bytes=node.integer("bytes"),
        pending=tuple(erratum_from(each) for each in node.items("pending")),
        untold=tuple(step_from(each) for each in node.items("untold")),
        applied=tuple(_applied_from(each) for each in node.items("applied")),
        findings=tuple(_finding_from(each) for each in node.items("findings")),
        of_check=tuple(_finding_from(each) for each in node.items("of_check")),
        last_update=_run_from_or_none(node.field("last_update")),
        last_check=_run_from_or_none(node.field("last_check")),
        succeeded=_moment_or_none(node.field("succeeded")),
        checked=_moment_or_none(node.field("checked")),
        next_run=_moment_or_none(node.field("next_run")),
    )


def applied_document(applied: Sequence[AppliedErratum]) -> Document:
    """Applied errata as one object, in their order."""
    return {"schema": APPLIED_SCHEMA, "applied": [applied_entry(erratum) for erratum in applied]}


def applied_from(document: object) -> tuple[AppliedErratum, ...]:
    """The applied errata that a document tells of. Raises PlanError."""
    return tuple(_applied_from(each) for each in _of_schema(document, "applied", APPLIED_SCHEMA).items("applied"))


def runs_document(runs: Sequence[RunRecord]) -> Document:
    """Runs as one object, in their order."""
    return {"schema": RUNS_SCHEMA, "runs": [run_document(run) for run in runs]}


def runs_from(document: object) -> tuple[RunRecord, ...]:
    """The runs that a document tells of. Raises PlanError."""
    return tuple(run_from(each) for each in _of_schema(document, "runs", RUNS_SCHEMA).items("runs"))


def run_document(run: RunRecord) -> Document:
    """A run as an object."""
    return {
        "name": run.name,
        "began": run.began.isoformat(),
        "ended": run.ended.isoformat(),
        "exit_code": run.exit_code,
        "words": list(run.words),
        "generation": run.generation,
        "fetched": run.fetched,
        "bytes_fetched": run.bytes_fetched,
        "withheld": run.withheld,
    }


def run_from(node: Node) -> RunRecord:
    """The run that an object tells of. Raises PlanError."""
    return RunRecord(
        node.text("name"),
        _moment(node.field("began")),
        _moment(node.field("ended")),
        node.integer("exit_code"),
        node.texts("words"),
        _number_or_none(node.field("generation")),
        node.integer("fetched"),
        node.integer("bytes_fetched"),
        node.text("withheld"),
    )


def _run_or_none(run: RunRecord | None) -> Document | None:
    return run_document(run) if run else None


def _run_from_or_none(node: Node) -> RunRecord | None:
    return None if node.value is None else run_from(node)


def failures_document(failures: Failures) -> Document:
    """What was told of failures, as an object."""
    told = {key: when.isoformat() for key, when in failures.told.items()}
    return {"schema": TOLD_SCHEMA, "failures": told, "lasting": sorted(failures.lasting)}


def failures_from(document: object) -> Failures:
    """What was told of failures. Raises PlanError."""
    node = _of_schema(document, "told", TOLD_SCHEMA)
    told: Mapping[str, Any] = node.field("failures").own(dict, "an object")
    times = {key: _moment(Node(when, f"told.failures.{key}")) for key, when in told.items()}
    return Failures(times, frozenset(node.texts("lasting")))


def _of_schema(document: object, called: str, schema: str) -> Node:
    node = Node(document, called)
    if node.field("schema").value != schema:
        node.field("schema").wrong(repr(schema))
    return node


def applied_entry(erratum: AppliedErratum) -> Document:
    """An applied erratum as an object."""
    return {
        "id": erratum.id,
        "type": erratum.type,
        "urgency": erratum.urgency,
        "title": erratum.title,
        "cves": list(erratum.cves),
        "issued": erratum.issued.isoformat() if erratum.issued else None,
        "published": erratum.published.isoformat(),
        "generation": erratum.generation,
        "target": erratum.target.isoformat() if erratum.target else None,
    }


def _applied_from(node: Node) -> AppliedErratum:
    return AppliedErratum(
        node.text("id"),
        node.text("type"),
        node.text("urgency"),
        node.text("title"),
        node.texts("cves"),
        _day_or_none(node.field("issued")),
        _moment(node.field("published")),
        node.integer("generation"),
        _day_or_none(node.field("target")),
    )


def _finding_document(finding: Finding) -> Document:
    return {"severity": finding.severity.value, **{key: getattr(finding, key) for key in _TEXTS}}


def _finding_from(node: Node) -> Finding:
    severity: Severity = node.field("severity").made(Severity)
    return Finding(severity, *(node.text(key) for key in _TEXTS))


def _moment_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(node: Node) -> datetime:
    """With its time zone: without one it could not be held against others."""
    moment: datetime = node.made(datetime.fromisoformat)
    if moment.tzinfo is None:
        node.wrong("a time with its zone")
    return moment


def _moment_or_none(node: Node) -> datetime | None:
    return None if node.value is None else _moment(node)


def _day_or_none(node: Node) -> date | None:
    day: date | None = None if node.value is None else node.made(date.fromisoformat)
    return day


def _number_or_none(node: Node) -> int | None:
    return None if node.value is None else int(node.own(int, "a whole number"))
