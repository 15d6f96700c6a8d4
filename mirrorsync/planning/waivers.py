"""Which waiver lets an erratum be late, and what is to be told of waivers that have ended or are for nothing."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fnmatch import fnmatchcase

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.pending import PendingErratum, Step, Waiver, WaiverRule
from mirrorsync.planning.filters import present_name


def waiver_of(advisory: Advisory, steps: Iterable[Step], rules: Iterable[WaiverRule], today: date) -> Waiver | None:
    """The waiver that holds today, which it does to the end of its last day; of several the one that holds longest."""
    steps = tuple(steps)
    found = [rule.waiver for rule in rules if rule.waiver.until >= today and _covers(rule, advisory, steps)]
    return max(found, key=lambda waiver: waiver.until, default=None)


def waiver_findings(tree: str, errata: Sequence[PendingErratum], rules: Iterable[WaiverRule], today: date) -> Iterator[Finding]:
    """A note for each waiver that has ended, and for each that no pending erratum of the tree needs."""
    for rule in rules:
        covered = [erratum.advisory.id for erratum in errata if _covers(rule, erratum.advisory, erratum.steps)]
        if rule.waiver.until < today:
            still = f", and {_listed(covered)} still pending" if covered else ""
            what = f"the waiver for {_called(rule)} ended with {rule.waiver.until}{still}"
            yield Finding(Severity.NOTE, "waiver-ended", tree, what, "give it a later day, with the reason, or remove it")
        elif not covered:
            what = f"the waiver for {_called(rule)} is for nothing that is pending here"
            yield Finding(Severity.NOTE, "waiver-unused", tree, what, "remove it, or name in its `trees` those that it is for")


def _covers(rule: WaiverRule, advisory: Advisory, steps: Sequence[Step]) -> bool:
    """An erratum is applied whole: one package that has to wait is enough for all of it."""
    if rule.advisory:
        return advisory.id == rule.advisory
    if rule.cve:
        return present_name(rule.cve) in map(present_name, advisory.cves)
    return any(fnmatchcase(step.to.name, rule.package) for step in steps)


def _called(rule: WaiverRule) -> str:
    return rule.advisory or rule.cve or f"packages {rule.package!r}"


def _listed(names: Sequence[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more are"
