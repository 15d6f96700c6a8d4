"""By when errata are to be published and which may be late, as the configuration has it now."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from fnmatch import fnmatchcase

from mirrorsync.config.schema import Config, WaiverConfig
from mirrorsync.model.pending import PendingErratum, Urgency, Waiver, WaiverRule
from mirrorsync.model.standing import Standing
from mirrorsync.planning.urgency import due_of
from mirrorsync.planning.waivers import waiver_of


def targets_of(config: Config) -> Mapping[Urgency, timedelta]:
    """From issue to publication, by urgency; those without a limit are left out."""
    limits = ((urgency, getattr(config.errata.targets, urgency.word)) for urgency in Urgency)
    return {urgency: limit for urgency, limit in limits if limit is not None}


def waivers_of(config: Config, name: str) -> tuple[WaiverRule, ...]:
    """Those that are for the tree `name`, in the order of the configuration; ended ones too."""
    return tuple(_rule(waiver) for waiver in config.errata.waivers if any(fnmatchcase(name, glob) for glob in waiver.trees))


def measured(config: Config, standing: Standing) -> Standing:
    """The same, held against targets and waivers as they are now: a standing outlives a change of them.

    Waivers that have ended are among these: `as_of` a day they are not.
    """
    targets, waivers = targets_of(config), waivers_of(config, standing.tree)

    def against(erratum: PendingErratum) -> PendingErratum:
        due = due_of(erratum.advisory, erratum.urgency, targets)
        return replace(erratum, due=due, waiver=waiver_of(erratum.advisory, erratum.steps, waivers, date.min))

    return replace(standing, pending=tuple(map(against, standing.pending)))


def _rule(waiver: WaiverConfig) -> WaiverRule:
    return WaiverRule(Waiver(waiver.reason, waiver.until), waiver.advisory or "", waiver.cve or "", waiver.package or "")
