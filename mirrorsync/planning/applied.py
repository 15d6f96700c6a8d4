"""Which errata came in with which generation, by the journal; and which a rollback has taken out again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import RollbackOutcome
from mirrorsync.model.pending import PendingErratum, Prospect, Step, Urgency
from mirrorsync.model.standing import AppliedErratum
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.history import lineage

REPORTED = timedelta(days=366)
"""How far back reports tell what was applied."""
MOST = 1000

Rate = Callable[[Advisory], tuple[Urgency, date | None]]
"""An advisory's urgency, and by when it is to be published."""


def applied_errata(
    records: Mapping[int, Generation],
    number: int | None,
    known: Iterable[AppliedErratum],
    told: Mapping[str, Advisory],
    rate: Rate,
    *,
    most: int | None = MOST,
) -> tuple[AppliedErratum, ...]:
    """The errata whose updates are in generation `number`, each with the generation that brought the last of it; newest first.

    records: by number; as far back as they go.  known: what was said of them before.  told: advisories by id.  most: None for all.
    """
    before = {(erratum.id, erratum.generation): erratum for erratum in known}
    found: dict[str, AppliedErratum] = {}
    for each in sorted(lineage(records, number or 0) & records.keys(), reverse=True):
        for name in records[each].advisories:
            found.setdefault(name, before.get((name, each)) or _applied(name, records[each], told.get(name), rate))
    newest = sorted(found.values(), key=lambda erratum: (-erratum.generation, -_urgency(erratum), erratum.id))
    return tuple(newest[:most])


def untold_ids(records: Mapping[int, Generation], known: Iterable[AppliedErratum]) -> tuple[str, ...]:
    """The ids in these records of which nothing was said before, sorted."""
    before = {(erratum.id, erratum.generation) for erratum in known}
    return tuple(sorted({name for record in records.values() for name in record.advisories if (name, record.number) not in before}))


def _applied(name: str, record: Generation, advisory: Advisory | None, rate: Rate) -> AppliedErratum:
    if advisory is None:
        return AppliedErratum(name, AdvisoryType.OTHER, Urgency.UNRATED.word, "", (), None, record.published, record.number)
    urgency, target = rate(advisory)
    facts = (advisory.type.value, urgency.word, advisory.title, advisory.cves, advisory.issued)
    return AppliedErratum(name, *facts, record.published, record.number, target)


def _urgency(erratum: AppliedErratum) -> Urgency:
    return next((urgency for urgency in Urgency if urgency.word == erratum.urgency), Urgency.UNRATED)


def taken_out(
    before: Iterable[AppliedErratum], now: Iterable[AppliedErratum], records: Mapping[int, Generation], number: int | None
) -> tuple[AppliedErratum, ...]:
    """What was applied and, by a rollback, is so no more in generation `number`: not what came so long ago that it is told no more."""
    left, line = {erratum.id for erratum in now}, lineage(records, number or 0)
    return tuple(erratum for erratum in before if erratum.id not in left and erratum.generation not in line)


def pending_again(
    gone: Sequence[AppliedErratum], outcome: RollbackOutcome, told: Mapping[str, Advisory], today: date
) -> Iterator[PendingErratum]:
    """Errata that a rollback took out, as far as it is known which packages they brought."""
    back = {_line(nevra): nevra for nevra in map(NEVRA.parse, outcome.added)}
    out = {nevra.key: nevra for nevra in map(NEVRA.parse, outcome.removed)}
    reason = f"the rollback to generation {outcome.back_to} took it out; `mirrorsync update --reapply` lets it in again"
    for erratum in gone:
        advisory = told.get(erratum.id)
        lost = [out[nevra.key] for nevra in advisory.packages if nevra.key in out] if advisory else []
        if advisory and lost:
            steps = tuple(Step(back.get(_line(nevra)), nevra, Prospect.KEPT_OUT, reason) for nevra in lost)
            age = max(0, (today - advisory.issued).days) if advisory.issued else None
            yield PendingErratum(advisory, _urgency(erratum), age, steps, erratum.target)


def _line(nevra: NEVRA) -> tuple[str, str]:
    return nevra.name, nevra.arch
