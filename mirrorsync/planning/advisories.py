"""One advisory for each id, whoever tells of it and however often: what wins, what is united, and what is a conflict.

docs/ERRATA.md states the rule for administrators.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from mirrorsync.model.advisory import Advisory, AdvisoryType, Told
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.urgency import urgency_of

_NUMBER = re.compile(r"[0-9]{1,9}")
_TRUST = {Told.UPDATEINFO: 2, Told.TEXT: 1, Told.CHANGELOG: 0}

_Standing = tuple[tuple[int, ...], date, date]


def merged(advisories: Iterable[Advisory]) -> dict[str, Advisory]:
    """Every advisory once, sorted by id; of those given first more is kept where nothing else tells them apart."""
    by_id: dict[str, list[Advisory]] = {}
    for advisory in advisories:
        by_id.setdefault(advisory.id, []).append(advisory)
    return {name: _united(by_id[name]) for name in sorted(by_id)}


def conflicts(told: Iterable[tuple[str, Sequence[Advisory]]]) -> tuple[Finding, ...]:
    """A note for each id of which two mirrors, (name, advisories), say different things, and neither says it later than the other."""
    by_id: dict[str, list[tuple[str, Advisory]]] = {}
    for origin, advisories in told:
        for advisory in advisories:
            by_id.setdefault(advisory.id, []).append((origin, advisory))
    shared = (by_id[name] for name in sorted(by_id) if len({origin for origin, _ in by_id[name]}) > 1)
    return tuple(finding for tellings in shared for finding in _conflict(tellings))


def _united(same: Sequence[Advisory]) -> Advisory:
    """What the latest says; what it leaves unsaid, from the next; packages, CVEs and references of all."""
    if len(same) == 1:
        return same[0]
    ranked = _ranked(same)
    latest = ranked[0]
    equal = _equals(ranked)
    return replace(
        latest,
        type=AdvisoryType.SECURITY if any(each.type is AdvisoryType.SECURITY for each in equal) else latest.type,
        severity=max(equal, key=lambda each: (urgency_of(each), bool(each.severity))).severity or _first(each.severity for each in ranked),
        title=_first(each.title for each in ranked),
        issued=latest.issued or next((each.issued for each in ranked if each.issued), None),
        updated=latest.updated or next((each.updated for each in ranked if each.updated), None),
        cves=tuple(sorted({cve for each in same for cve in each.cves})),
        packages=_packages(nevra for each in same for nevra in each.packages),
        reboot_suggested=any(each.reboot_suggested for each in same),
        description=_first(each.description for each in ranked),
        references=tuple(dict.fromkeys(reference for each in ranked for reference in each.references)),
        sums=_sums(ranked),
    )


def _ranked(same: Sequence[Advisory]) -> list[Advisory]:
    """The latest first: by revision where all of one kind count theirs, then by the day of the update and of the issue."""
    counted = _are_counted(same)
    return sorted(same, key=lambda each: (_standing(each, counted=counted), _TRUST[each.told]), reverse=True)


def _equals(ranked: Sequence[Advisory]) -> list[Advisory]:
    """Those that are no earlier than the first."""
    counted = _are_counted(ranked)
    return [each for each in ranked if _standing(each, counted=counted) == _standing(ranked[0], counted=counted)]


def _are_counted(same: Iterable[Advisory]) -> bool:
    """Whether the revisions can be compared: a text's is counted otherwise than updateinfo's, and none is not the first."""
    same = tuple(same)
    return len({each.told for each in same}) == 1 and all(_NUMBER.search(each.revision) for each in same)


def _standing(advisory: Advisory, *, counted: bool) -> _Standing:
    revision = tuple(int(digits) for digits in _NUMBER.findall(advisory.revision)) if counted else ()
    return revision, advisory.updated or advisory.issued or date.min, advisory.issued or date.min


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


def _packages(packages: Iterable[NEVRA]) -> tuple[NEVRA, ...]:
    """Each once, sorted; one without an epoch is another's that is the same but for having one."""
    by_key = {nevra.key: nevra for nevra in packages}
    told = {_without_epoch(nevra) for nevra in by_key.values() if nevra.evr.epoch not in (None, "", "0")}
    return tuple(nevra for _, nevra in sorted(by_key.items()) if nevra.evr.epoch is not None or _without_epoch(nevra) not in told)


def _without_epoch(nevra: NEVRA) -> tuple[str, str, str, str]:
    return nevra.name, nevra.evr.version, nevra.evr.release, nevra.arch


def _sums(ranked: Sequence[Advisory]) -> tuple[tuple[str, str], ...]:
    """Those of the latest; of a file that it does not name, the next one's."""
    found: dict[str, Sequence[tuple[str, str]]] = {}
    for advisory in ranked:
        own: dict[str, list[tuple[str, str]]] = {}
        for name, digest in advisory.sums:
            own.setdefault(name, []).append((name, digest))
        found = {**own, **found}
    return tuple(entry for name in sorted(found) for entry in found[name])


def _conflict(tellings: Sequence[tuple[str, Advisory]]) -> Iterator[Finding]:
    """What the latest of them differ in; or that they are different errata under one id."""
    origins: Mapping[int, str] = {id(advisory): origin for origin, advisory in tellings}
    latest = _equals(_ranked([advisory for _, advisory in tellings]))
    words = {(each.type, each.severity.lower()): each for each in reversed(latest)}
    if len({kind for kind, _ in words}) > 1 or len({severity for _, severity in words if severity}) > 1:
        said = "; ".join(f"{origins[id(each)]} calls it {_called(each)}" for each in reversed(words.values()))
        yield Finding(Severity.NOTE, "advisories-differ", latest[0].id, said, "the graver word counts; ask their owners which is right")
    (origin, first), *others = tellings
    for other, advisory in others:
        if _are_strangers(first, advisory):
            what = f"{origin} and {other} have different errata of this id: {first.title!r:.80} and {advisory.title!r:.80}"
            yield Finding(Severity.NOTE, "advisories-differ", first.id, what, "they are taken for one, applied together; tell their owners")
            return


def _are_strangers(left: Advisory, right: Advisory) -> bool:
    """Whether they have nothing in common but the id."""
    names = {nevra.name for nevra in left.packages} & {nevra.name for nevra in right.packages}
    return not names and left.title != right.title and left.issued != right.issued


def _called(advisory: Advisory) -> str:
    return f"{advisory.type.value} ({advisory.severity})" if advisory.severity else advisory.type.value
