"""Outcomes as JSON documents; docs/schemas has their schemas."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, TypeVar

from mirrorsync.model.audit import Audited, AuditOutcome
from mirrorsync.model.finding import Finding
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import (
    CheckOutcome,
    DiffOutcome,
    HistoryOutcome,
    PruneOutcome,
    RollbackOutcome,
    StatusOutcome,
    TreeFailure,
    UpdateOutcome,
)
from mirrorsync.model.standing import Standing
from mirrorsync.planning.document import plan_document
from mirrorsync.planning.standing_document import standing_document

T = TypeVar("T")


def update_document(outcomes: Sequence[UpdateOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync update --json`."""
    return trees_document("mirrorsync-update-1", outcomes, _update)


def check_document(outcomes: Sequence[CheckOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync check --json`."""
    return trees_document("mirrorsync-check-1", outcomes, _check)


def rollback_document(outcomes: Sequence[RollbackOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync rollback --json`."""
    return trees_document("mirrorsync-rollback-1", outcomes, _rollback)


def prune_document(outcomes: Sequence[PruneOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync prune --json`."""
    return trees_document("mirrorsync-prune-1", outcomes, _prune)


def status_document(outcomes: Sequence[StatusOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync status --json`."""
    return trees_document("mirrorsync-status-1", outcomes, _status)


def history_document(outcomes: Sequence[HistoryOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync history --json`: per tree its generations, newest first."""
    return trees_document("mirrorsync-history-1", outcomes, _history)


def diff_document(outcome: DiffOutcome | TreeFailure) -> dict[str, Any]:
    """The document of `mirrorsync diff --json`."""
    return trees_document("mirrorsync-diff-1", [outcome], _diff)


def audit_document(outcomes: Sequence[AuditOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync audit --json`."""
    return trees_document("mirrorsync-audit-1", outcomes, _audit)


def report_document(standings: Sequence[Standing], today: date, undelivered: Sequence[str]) -> dict[str, Any]:
    """The document of `mirrorsync report --json`. undelivered: what of earlier mails did not arrive, a line each."""
    trees = [_standing(standing, today) for standing in standings]
    return {"schema": "mirrorsync-report-1", "trees": trees, "undelivered": list(undelivered)}


def error_document(exit_code: int, problems: Sequence[str]) -> dict[str, Any]:
    """The document of a call with --json that ended before it came to any tree."""
    return {"schema": "mirrorsync-error-1", "exit_code": int(exit_code), "problems": list(problems)}


def trees_document(schema: str, outcomes: Iterable[T | TreeFailure], describe: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """One object a tree, in the order of the outcomes; a tree whose work failed says so in its place."""
    return {"schema": schema, "trees": [_failure(found) if isinstance(found, TreeFailure) else describe(found) for found in outcomes]}


def _update(outcome: UpdateOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "dry_run": outcome.dry_run,
        "generation": outcome.generation,
        "packages_fetched": outcome.fetched,
        "bytes_fetched": outcome.bytes_fetched,
        "seconds": {name: round(value, 3) for name, value in asdict(outcome.seconds).items()},
        "indexes_stale": outcome.stale,
        "withheld": outcome.withheld.reason if outcome.withheld else None,
        "failed": [{"package": failed.package, "reason": failed.reason} for failed in outcome.failed],
        "boot": outcome.boot.value,
        "findings": findings_list(outcome.findings),
        "plan": plan_document(outcome.plan),
    }


def _check(outcome: CheckOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "packages": outcome.packages,
        "deep": outcome.deep,
        "findings": findings_list(outcome.findings),
    }


def _rollback(outcome: RollbackOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "dry_run": outcome.dry_run,
        "back_to": outcome.back_to,
        "generation": outcome.generation,
        "added": list(outcome.added),
        "removed": list(outcome.removed),
        "withheld": outcome.withheld.reason if outcome.withheld else None,
        "boot": outcome.boot.value,
        "findings": findings_list(outcome.findings),
    }


def _prune(outcome: PruneOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "dry_run": outcome.dry_run,
        "generations": list(outcome.disposal.generations),
        "pool_files": outcome.disposal.pool_files,
        "incoming": outcome.disposal.incoming,
        "bytes": outcome.disposal.bytes,
        "inodes": outcome.disposal.inodes,
        "kept_generations": list(outcome.kept),
        "findings": findings_list(outcome.findings),
    }


def _status(outcome: StatusOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "path": outcome.path,
        "layout": outcome.layout,
        "generation": outcome.generation,
        "published": outcome.published.isoformat() if outcome.published else None,
        "packages": outcome.packages,
        "bytes": outcome.bytes,
        "grace_copies": outcome.grace_copies,
        "kept_generations": list(outcome.kept_generations),
        "boot": outcome.boot.value,
        "running": outcome.running,
        "installing": {
            "presence": outcome.activity.presence.value,
            "nodes": [
                {"node": sign.node, "way": sign.way, "seconds": None if sign.age is None else int(sign.age.total_seconds())}
                for sign in outcome.activity.signs
            ],
            "unknown": list(outcome.activity.unknown),
        },
        "findings": findings_list(outcome.findings),
    }


def _history(outcome: HistoryOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "generations": [_generation(generation) for generation in outcome.generations],
        "findings": findings_list(outcome.findings),
    }


def _generation(generation: Generation) -> dict[str, Any]:
    return {
        "number": generation.number,
        "published": generation.published.isoformat(),
        "run": generation.run,
        "by": generation.by,
        "reason": generation.reason,
        "back_to": generation.back_to,
        "files": generation.inventory.count,
        "bytes": generation.inventory.bytes,
        "new_bytes": generation.inventory.new_bytes,
        "added": list(generation.added),
        "removed": list(generation.removed),
        "advisories": list(generation.advisories),
    }


def _diff(outcome: DiffOutcome) -> dict[str, Any]:
    comparison, files = outcome.comparison, outcome.comparison.files
    return {
        "tree": comparison.tree,
        "exit_code": int(outcome.exit_code),
        "older": comparison.older,
        "newer": comparison.newer,
        "added": list(comparison.added),
        "removed": list(comparison.removed),
        "errata_in": list(comparison.errata_in),
        "errata_out": list(comparison.errata_out),
        "files": None if files is None else [{"kind": edit.kind.value, "path": edit.path} for edit in files],
        "findings": findings_list(outcome.findings),
    }


def _audit(outcome: AuditOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "asked": outcome.asked,
        "packages": [_audited(package) for package in outcome.packages],
        "findings": findings_list(outcome.findings),
    }


def _audited(package: Audited) -> dict[str, Any]:
    came, received = package.provenance, package.provenance.received
    return {
        "nevra": package.nevra,
        "standing": package.standing.name.lower(),
        "path": package.path,
        "size": package.size,
        "sha256": package.sha256,
        "coming": came.coming.name.lower(),
        "generation": came.generation.number if came.generation else None,
        "published": came.generation.published.isoformat() if came.generation else None,
        "run": came.generation.run if came.generation else None,
        "by": came.generation.by if came.generation else None,
        "source": received.source if received else None,
        "announced": received.announced if received else None,
        "advisories": list(received.advisories) if received else [],
        "signature": package.signature.signing.name.lower(),
        "signer": package.signature.signer,
        "remark": package.signature.remark or None,
        "listed_in": list(came.listed_in),
        "unclear": package.unclear or None,
    }


def _standing(standing: Standing, today: date) -> dict[str, Any]:
    late = [erratum.advisory.id for erratum in standing.pending if erratum.overdue(today)]
    document = standing_document(standing)
    return {key: value for key, value in document.items() if key not in ("schema", "of_check")} | {"overdue": late}


def _failure(failure: TreeFailure) -> dict[str, Any]:
    return {"tree": failure.tree, "exit_code": int(failure.exit_code), "error": failure.message}


def findings_list(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Findings as every document has them."""
    return [
        {"severity": finding.severity.value, "code": finding.code, "where": finding.where, "what": finding.what, "remedy": finding.remedy}
        for finding in findings
    ]
