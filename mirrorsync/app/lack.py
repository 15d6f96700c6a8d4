"""What a tree lacks, as a reading of it and its mirrors found, and as what was kept of one says it on another day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from mirrorsync.app.library import LIBRARY, Library
from mirrorsync.app.site import Site
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.outcome import UpdateOutcome
from mirrorsync.model.pending import PendingErratum, PendingOutcome, Step
from mirrorsync.model.plan import Plan
from mirrorsync.planning.pending import Terms, aged, pending_errata, remaining
from mirrorsync.planning.pending_document import pending_from
from mirrorsync.planning.waivers import waiver_findings


def lacked(site: Site, plan: Plan, held: Catalogue, available: Sequence[Catalogue], now: datetime) -> PendingOutcome:
    """What the tree that `held` describes lacks, by the plan that was made of this, limited by nothing; its advisories are learnt."""
    outcome = _outcome(site, *pending_errata(plan, held, available, site.policy, _terms(site, now)), now)
    concerning = {erratum.advisory.id: erratum.advisory for erratum in outcome.errata} | {each.id: each for each in plan.advisories}
    Library(site.tree.state / LIBRARY).learn(concerning[name] for name in sorted(concerning))
    return outcome


def renewed(site: Site, document: Mapping[str, Any], now: datetime) -> PendingOutcome:
    """What a document of earlier says that the tree lacks, as of now. Raises PlanError."""
    errata, untold = pending_from(document)
    return as_of_now(site, errata, untold, now)


def as_of_now(site: Site, errata: Iterable[PendingErratum], untold: Iterable[Step], now: datetime) -> PendingOutcome:
    """What was pending, with the ages, targets and waivers of now."""
    return _outcome(site, aged(errata, _terms(site, now)), tuple(untold), now)


def left_over(outcome: UpdateOutcome) -> UpdateOutcome:
    """The outcome with what is still pending once its plan was carried out, as far as it could be."""
    if outcome.pending is None:
        return outcome
    published = outcome.generation is not None
    errata, untold = remaining(outcome.pending.errata, outcome.pending.untold, outcome.plan, published=published)
    return replace(outcome, pending=replace(outcome.pending, errata=errata, untold=untold))


def _terms(site: Site, now: datetime) -> Terms:
    return Terms(now.date(), site.targets, site.waivers)


def _outcome(site: Site, errata: tuple[PendingErratum, ...], untold: tuple[Step, ...], now: datetime) -> PendingOutcome:
    findings = tuple(waiver_findings(site.tree.name, errata, site.waivers, now.date()))
    return PendingOutcome(site.tree.name, now, errata, untold, findings)
