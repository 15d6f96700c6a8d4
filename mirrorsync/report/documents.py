"""Outcomes as JSON documents; docs/schemas has their schemas."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mirrorsync.errors import ExitCode
from mirrorsync.model.finding import Finding
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import CheckOutcome, StatusOutcome, TreeFailure, UpdateOutcome
from mirrorsync.planning.document import plan_document


def update_document(outcomes: Sequence[UpdateOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync update --json`."""
    return {"schema": "mirrorsync-update-1", "trees": [_failure(o) if isinstance(o, TreeFailure) else _update(o) for o in outcomes]}


def check_document(outcomes: Sequence[CheckOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync check --json`."""
    return {"schema": "mirrorsync-check-1", "trees": [_failure(o) if isinstance(o, TreeFailure) else _check(o) for o in outcomes]}


def status_document(outcomes: Sequence[StatusOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync status --json`."""
    return {"schema": "mirrorsync-status-1", "trees": [_failure(o) if isinstance(o, TreeFailure) else _status(o) for o in outcomes]}


def history_document(outcomes: Sequence[tuple[str, Sequence[Generation]] | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync history --json`: per tree its generations, newest first."""
    trees = [_failure(o) if isinstance(o, TreeFailure) else _history(*o) for o in outcomes]
    return {"schema": "mirrorsync-history-1", "trees": trees}


def error_document(exit_code: ExitCode, problems: Sequence[str]) -> dict[str, Any]:
    """The document of a call with --json that ended before it came to any tree."""
    return {"schema": "mirrorsync-error-1", "exit_code": int(exit_code), "problems": list(problems)}


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
        "failed": [{"package": failed.package, "reason": failed.reason} for failed in outcome.failed],
        "boot": outcome.boot.value,
        "findings": _findings(outcome.findings),
        "plan": plan_document(outcome.plan),
    }


def _check(outcome: CheckOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "packages": outcome.packages,
        "deep": outcome.deep,
        "findings": _findings(outcome.findings),
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
    }


def _history(tree: str, generations: Sequence[Generation]) -> dict[str, Any]:
    return {"tree": tree, "generations": [_generation(generation) for generation in generations]}


def _generation(generation: Generation) -> dict[str, Any]:
    return {
        "number": generation.number,
        "published": generation.published.isoformat(),
        "run": generation.run,
        "files": len(generation.files),
        "added": list(generation.added),
        "removed": list(generation.removed),
        "advisories": list(generation.advisories),
    }


def _failure(failure: TreeFailure) -> dict[str, Any]:
    return {"tree": failure.tree, "exit_code": int(failure.exit_code), "error": failure.message}


def _findings(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [
        {"severity": finding.severity.value, "code": finding.code, "where": finding.where, "what": finding.what, "remedy": finding.remedy}
        for finding in findings
    ]
