"""How trees stand: kept after each run in STATE/trees/NAME, and read again for reports, offline.

    standing.json   the last Standing, without its applied errata
    applied.json    those: they are many, and change with publications only
    runs.json       the last 200 runs, the oldest first
    told.json       what was told of failures

Who records a run reads them and writes them in turn, for two runs may end at once. Damaged files are as if they were not there.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mirrorsync import locks
from mirrorsync.app.assembly import tree_of
from mirrorsync.app.present import present_of
from mirrorsync.app.targets import measured
from mirrorsync.config.schema import Config
from mirrorsync.errors import PlanError
from mirrorsync.files import make_directory, write_file
from mirrorsync.model.generation import Generation
from mirrorsync.model.standing import AppliedErratum, RunRecord, Standing
from mirrorsync.planning.document import Document
from mirrorsync.planning.failures import Failures
from mirrorsync.planning.standing import Outcome, after, as_of, unrecorded
from mirrorsync.planning.standing_document import (
    applied_document,
    applied_from,
    failures_document,
    failures_from,
    runs_document,
    runs_from,
    standing_document,
    standing_from,
)
from mirrorsync.tree import journal
from mirrorsync.tree.site import Tree

MOST_RUNS = 200
_STANDING, _APPLIED, _RUNS, _TOLD = "standing.json", "applied.json", "runs.json", "told.json"
_PATIENCE = 60.0  # seconds
_FAULTS = (OSError, ValueError, PlanError, RecursionError)


@dataclass(frozen=True, slots=True)
class Step:
    """A run that is over: how the tree stood before it and stands now.

    published: the generations since then, oldest first.  gone: the errata that a rollback took out.
    moved: it is another generation than before; else the applied errata are in neither of the two.
    """

    before: Standing | None
    now: Standing
    run: RunRecord
    published: tuple[Generation, ...] = ()
    gone: tuple[AppliedErratum, ...] = ()
    moved: bool = False


def standing_of(config: Config, name: str, now: datetime) -> Standing | None:
    """How a tree stands, whole, with ages as of `now`; None where no run is recorded."""
    tree = tree_of(config, name)
    kept = _kept(config, tree)
    if kept is None:
        return None
    from mirrorsync.app.applied import applied_now, whole_advisories  # noqa: PLC0415  for reports

    known = _applied(tree)
    applied = applied_now(config, tree, kept) if known is None else known
    pending = whole_advisories(tree, kept.pending)
    whole = replace(kept, pending=pending, applied=applied, next_run=_next_run(config, name, now))
    return as_of(measured(config, whole), now.date())


def present_standing(config: Config, name: str, now: datetime) -> Standing:
    """As `standing_of`; where no run is recorded, what the journal alone says."""
    found = standing_of(config, name, now)
    return found or replace(unrecorded(present_of(tree_of(config, name), None), now), next_run=_next_run(config, name, now))


def history_of(config: Config, name: str) -> tuple[Generation, ...]:
    """A tree's generations by its journal, newest first; records that cannot be read are left out."""
    return tuple(reversed(journal.readable(tree_of(config, name))))


def runs_of(config: Config, name: str) -> tuple[RunRecord, ...]:
    """The last runs, newest first."""
    return tuple(reversed(_runs(tree_of(config, name))))


@contextmanager
def in_turn(config: Config, name: str) -> Iterator[None]:
    """Be the one who records a run of the tree. Raises LockedError where another is at it for a whole minute, OSError."""
    tree = tree_of(config, name)
    make_directory(tree.state)
    with locks.in_turn(tree.state, f"{name}: {tree.state}", patience=_PATIENCE):
        yield


def followed(config: Config, name: str, outcome: Outcome, run: RunRecord) -> Step:
    """How the tree stands now that a run is over; nothing is written."""
    tree = tree_of(config, name)
    before = _kept(config, tree)
    present = present_of(tree, before)
    if before and present.generation == before.generation:
        return Step(before, _seen(config, after(before, present, outcome, run, ())), run)
    from mirrorsync.app.applied import following  # noqa: PLC0415  for a run that published something, or the first

    whole = replace(before, applied=_applied(tree) or ()) if before else None
    now, published, gone = following(config, tree, whole, present, outcome, run)
    return Step(whole, _seen(config, now), run, published, gone, moved=True)


def keep(config: Config, step: Step) -> None:
    """Let this be how the tree stands. Raises OSError."""
    tree = tree_of(config, step.now.tree)
    make_directory(tree.state)
    if step.moved:
        _write(tree.state / _APPLIED, applied_document(step.now.applied))
    _write(tree.state / _STANDING, standing_document(replace(step.now, applied=())))
    _write(tree.state / _RUNS, runs_document((*_runs(tree), step.run)[-MOST_RUNS:]))


def failures_of(config: Config, name: str) -> Failures:
    """What was told of a tree's failures."""
    try:
        return failures_from(json.loads((tree_of(config, name).state / _TOLD).read_bytes()))
    except _FAULTS:
        return Failures()


def keep_failures(config: Config, name: str, failures: Failures) -> None:
    """Remember what was told of a tree's failures. Raises OSError."""
    tree = tree_of(config, name)
    make_directory(tree.state)
    _write(tree.state / _TOLD, failures_document(failures))


def _kept(config: Config, tree: Tree) -> Standing | None:
    try:
        return _seen(config, standing_from(json.loads((tree.state / _STANDING).read_bytes())))
    except _FAULTS:
        return None


def _seen(config: Config, standing: Standing) -> Standing:
    """As it was seen on its own day, by the targets and waivers of now."""
    return as_of(measured(config, standing), standing.at.date())


def _applied(tree: Tree) -> tuple[AppliedErratum, ...] | None:
    """None where it is not there."""
    try:
        return applied_from(json.loads((tree.state / _APPLIED).read_bytes()))
    except _FAULTS:
        return None


def _runs(tree: Tree) -> tuple[RunRecord, ...]:
    try:
        return runs_from(json.loads((tree.state / _RUNS).read_bytes()))
    except _FAULTS:
        return ()


def _write(path: Path, document: Document) -> None:
    write_file(path, json.dumps(document, separators=(",", ":")).encode())


def _next_run(config: Config, name: str, now: datetime) -> datetime | None:
    from mirrorsync.app.timetable import next_update  # noqa: PLC0415  for reports

    return next_update(config, name, now)
