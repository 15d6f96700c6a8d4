"""What a tree lacks, as of a day: rated by urgency, held against targets and waivers, the most urgent and then the oldest first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.pending import PendingErratum, Prospect, Step, Urgency, WaiverRule
from mirrorsync.model.plan import Plan
from mirrorsync.model.policy import Policy
from mirrorsync.planning.advisories import merged
from mirrorsync.planning.steps import lacks
from mirrorsync.planning.urgency import due_of, urgency_of
from mirrorsync.planning.waivers import waiver_of


@dataclass(frozen=True, slots=True)
class Terms:
    """What errata are rated by: the day, by when those of each urgency are to be published, and what may be late."""

    today: date
    targets: Mapping[Urgency, timedelta] = field(default_factory=dict)
    waivers: tuple[WaiverRule, ...] = ()


def pending_errata(
    plan: Plan, held: Catalogue, available: Sequence[Catalogue], policy: Policy, terms: Terms
) -> tuple[tuple[PendingErratum, ...], tuple[Step, ...]]:
    """The errata that the tree lacks, sorted, and the updates that none of them tells of, by name.

    An erratum is pending where the tree has an older build of one of its packages, for the same architecture line, or where the next
    update brings one that is new.  plan: made of `held` and `available`, by no filter; it says what becomes of each.
    """
    advisories = merged(advisory for catalogue in available for advisory in catalogue.advisories)
    lack = lacks(plan, held, available, policy, advisories)
    return sorted_errata(rated(advisories[name], steps, terms) for name, steps in lack.told.items()), lack.untold


def rated(advisory: Advisory, steps: Iterable[Step], terms: Terms) -> PendingErratum:
    """A pending erratum as it is seen on that day."""
    steps = tuple(steps)
    urgency = urgency_of(advisory)
    age = max(0, (terms.today - advisory.issued).days) if advisory.issued else None
    due = due_of(advisory, urgency, terms.targets)
    return PendingErratum(advisory, urgency, age, steps, due, waiver_of(advisory, steps, terms.waivers, terms.today))


def aged(errata: Iterable[PendingErratum], terms: Terms) -> tuple[PendingErratum, ...]:
    """The same errata as they are seen on another day, or by other targets and waivers."""
    return sorted_errata(rated(erratum.advisory, erratum.steps, terms) for erratum in errata)


def sorted_errata(errata: Iterable[PendingErratum]) -> tuple[PendingErratum, ...]:
    """The most urgent first, then the oldest, then by id; those without a date are the last of their urgency."""
    return tuple(sorted(errata, key=lambda erratum: (-erratum.urgency, erratum.advisory.issued or date.max, erratum.advisory.id)))


def remaining(
    errata: Iterable[PendingErratum], untold: Iterable[Step], plan: Plan, *, published: bool
) -> tuple[tuple[PendingErratum, ...], tuple[Step, ...]]:
    """What of these is still lacked once a plan was carried out, as far as it could be; what could not is held."""
    came = {entry.package.nevra.key for entry in plan.incoming} if published else set()
    held = {entry.nevra.key: entry.reason for entry in plan.held}

    def left(steps: Iterable[Step]) -> tuple[Step, ...]:
        waiting = (step for step in steps if step.to.key not in came)
        return tuple(replace(step, prospect=Prospect.HELD, reason=held[step.to.key]) if step.to.key in held else step for step in waiting)

    told = (replace(erratum, steps=left(erratum.steps)) for erratum in errata)
    return tuple(erratum for erratum in told if erratum.steps), left(untold)
