"""How a tree stands after a run that published something, or the first that is recorded: with the errata of its journal."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from mirrorsync.app.library import LIBRARY, Library
from mirrorsync.app.targets import targets_of
from mirrorsync.config.schema import Config
from mirrorsync.errors import TreeError
from mirrorsync.model.advisory import Advisory
from mirrorsync.model.generation import ADOPTION, Generation
from mirrorsync.model.outcome import RollbackOutcome, UpdateOutcome
from mirrorsync.model.pending import PendingErratum, Urgency
from mirrorsync.model.standing import AppliedErratum, RunRecord, Standing
from mirrorsync.planning.applied import REPORTED, Rate, applied_errata, pending_again, taken_out, untold_ids
from mirrorsync.planning.standing import Outcome, Present, after
from mirrorsync.planning.urgency import due_of, urgency_of
from mirrorsync.tree import journal
from mirrorsync.tree.site import Tree

Told = Mapping[str, Advisory]
"""Advisories by id."""


def following(
    config: Config, tree: Tree, before: Standing | None, present: Present, outcome: Outcome, run: RunRecord
) -> tuple[Standing, tuple[Generation, ...], tuple[AppliedErratum, ...]]:
    """The standing then, the generations that were published since the one before, and the errata that were taken out. Only reads."""
    records = _records(tree, run.ended)
    known = before.applied if before else ()
    applied = _applied(config, tree, records, present.generation, known, _told_by(outcome))
    gone = taken_out(known, applied, records, present.generation)
    now = after(before, present, outcome, run, applied)
    if isinstance(outcome, RollbackOutcome):
        now = _with_what_went(tree, gone, now, outcome)
    return now, _published(records, before, present, run), gone


def _published(records: Mapping[int, Generation], before: Standing | None, present: Present, run: RunRecord) -> tuple[Generation, ...]:
    """Oldest first. A run that was killed once it had published told nobody; where nothing was ever recorded it is this run's alone."""
    since = before.generation or 0 if before else (run.generation or 0) - 1
    until = present.generation or 0 if before else run.generation or 0
    return tuple(records[number] for number in sorted(records) if since < number <= until and records[number].run != ADOPTION)


def applied_now(config: Config, tree: Tree, standing: Standing) -> tuple[AppliedErratum, ...]:
    """What a tree's journal and library alone tell of applied errata."""
    return _applied(config, tree, _records(tree, standing.at), standing.generation, (), {})


def whole_advisories(tree: Tree, pending: tuple[PendingErratum, ...]) -> tuple[PendingErratum, ...]:
    """Pending errata with all that their advisories say, as far as the library has it."""
    told = Library(tree.state / LIBRARY).all([erratum.advisory.id for erratum in pending]) if pending else {}
    return tuple(replace(erratum, advisory=told.get(erratum.advisory.id, erratum.advisory)) for erratum in pending)


def _applied(
    config: Config, tree: Tree, records: Mapping[int, Generation], number: int | None, known: tuple[AppliedErratum, ...], told: Told
) -> tuple[AppliedErratum, ...]:
    missing = [name for name in untold_ids(records, known) if name not in told]
    learnt = Library(tree.state / LIBRARY).all(missing) if missing else {}
    return applied_errata(records, number, known, {**learnt, **told}, rating(config))


def rating(config: Config) -> Rate:
    """How urgent advisories are, and by when they are to be published, as it is configured."""
    targets = targets_of(config)

    def rate(advisory: Advisory) -> tuple[Urgency, date | None]:
        urgency = urgency_of(advisory)
        return urgency, due_of(advisory, urgency, targets)

    return rate


def _with_what_went(tree: Tree, gone: tuple[AppliedErratum, ...], now: Standing, outcome: RollbackOutcome) -> Standing:
    """A rollback makes errata pending again."""
    again = pending_again(gone, outcome, Library(tree.state / LIBRARY).all([erratum.id for erratum in gone]), now.at.date())
    known = {erratum.advisory.id for erratum in now.pending}
    return replace(now, pending=(*now.pending, *(erratum for erratum in again if erratum.advisory.id not in known)))


def _records(tree: Tree, now: datetime) -> dict[int, Generation]:
    """The journal's records, as far back as reports go."""
    records: dict[int, Generation] = {}
    for number in reversed(journal.published(tree)):
        try:
            records[number] = journal.read_record(tree.journal, number)
        except TreeError:
            continue  # `check` tells of it
        if now - records[number].published > REPORTED:
            break
    return records


def _told_by(outcome: Outcome) -> Told:
    """The advisories of the plan that was carried out."""
    return {advisory.id: advisory for advisory in outcome.plan.advisories} if isinstance(outcome, UpdateOutcome) else {}
