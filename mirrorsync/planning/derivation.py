"""Advisories made from the packages' own changelogs, for the moves of a plan that no advisory tells of.

Such an advisory is called `changelog:` and the source package's name, so that all that is built of one source shares it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from mirrorsync.model.advisory import Advisory, AdvisoryType, Told
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.package import Package
from mirrorsync.model.plan import Plan
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.architecture import related
from mirrorsync.planning.changelogs import news

PREFIX = "changelog:"
_SUFFIXES = (".nosrc.rpm", ".src.rpm")
_CVE = re.compile(r"\b(?:CVE|CAN)-[0-9]{4}-[0-9]{4,}\b")
_MENDING = re.compile(r"\b(?:bugs?|crash|fix|mend|repair|segfault|segv)|#[0-9]{2,}", re.IGNORECASE)
_LONGEST_TITLE = 100
_LONGEST_DESCRIPTION = 1 << 14  # characters


@dataclass(frozen=True, slots=True)
class Untold:
    """The builds of one source that would come in, and of which no advisory tells.

    held, offered: a build that the tree has, and one of those that would take its place; the changelogs of all builds are the same.
    origin: the mirror's that offers that one.
    """

    id: str
    held: Package
    offered: Package
    origin: str
    packages: tuple[NEVRA, ...]


def untold(plan: Plan, held: Catalogue, available: Sequence[Catalogue]) -> tuple[Untold, ...]:
    """The moves, those that wait too, that need a derived advisory, sorted by its id; what is new to the tree makes none by itself."""
    by_id: dict[str, list[tuple[Package, str]]] = defaultdict(list)
    for package, origin in _without_advisory(plan, available):
        by_id[derived_id(package)].append((package, origin))
    builds = _by_name(held.packages) if by_id else {}
    return tuple(found for name in sorted(by_id) for found in _group(name, by_id[name], builds))


def derived_id(package: Package) -> str:
    """The id that all builds of its source have: `changelog:bash-2.05a-13.1`."""
    source = next((package.source.removesuffix(end) for end in _SUFFIXES if package.source.endswith(end)), "")
    return f"{PREFIX}{source or f'{package.name}-{package.evr.version}-{package.evr.release}'}"


def derived(move: Untold, before: Sequence[ChangelogEntry], after: Sequence[ChangelogEntry]) -> Advisory | None:
    """The advisory that the entries of `after` which are new to the tree come to; None where there are none.

    It is a security advisory where an entry names a CVE (or CAN), a bugfix where one speaks of a fix, a crash or a bug, else other.
    Issued is the day of the newest entry, when it was written: the distributor may have published later.
    """
    entries = news(before, after, move.held.evr)
    if not entries:
        return None
    text = "\n".join(entry.text for entry in entries)
    cves = tuple(sorted(set(_CVE.findall(text))))
    mending = AdvisoryType.BUGFIX if _MENDING.search(text) else AdvisoryType.OTHER
    return Advisory(
        id=move.id,
        type=AdvisoryType.SECURITY if cves else mending,
        title=_title(move.id, entries[0]),
        issued=_day(max(entry.time for entry in entries)),
        cves=cves,
        packages=move.packages,
        description="\n\n".join(map(_written, entries))[:_LONGEST_DESCRIPTION],
        told=Told.CHANGELOG,
    )


def with_derived(available: Sequence[Catalogue], moves: Iterable[Untold], made: Mapping[str, Advisory]) -> tuple[Catalogue, ...]:
    """The catalogues with the advisories `made` (by id) of the moves whose packages they offer."""
    own: dict[str, list[Advisory]] = defaultdict(list)
    for move in moves:
        if move.id in made:
            own[move.origin].append(made[move.id])
    return tuple(
        replace(catalogue, advisories=(*catalogue.advisories, *own[catalogue.origin])) if catalogue.origin in own else catalogue
        for catalogue in available
    )


def _without_advisory(plan: Plan, available: Sequence[Catalogue]) -> Iterator[tuple[Package, str]]:
    """The packages, coming or waiting, with the mirror that offers each."""
    yield from ((entry.package, entry.origin) for entry in plan.incoming if not entry.advisories)
    waiting = {entry.nevra for entry in plan.held if not entry.advisories}
    if not waiting:
        return
    for catalogue in available:
        for package in catalogue.packages:
            if package.nevra in waiting:
                waiting.remove(package.nevra)
                yield package, catalogue.origin


def _group(name: str, offered: Sequence[tuple[Package, str]], builds: Mapping[str, Sequence[Package]]) -> Iterator[Untold]:
    """One, where the tree has an older build of one of the packages; one that differs by its epoch alone changes nothing."""
    ordered = sorted(offered, key=lambda entry: entry[0].nevra.key)
    for package, origin in ordered:
        same = [other for other in builds.get(package.name, ()) if related(other.arch, package.arch)]
        older = [other for other in same if other.evr < package.evr]
        if older and package.evr.key[1:] not in {other.evr.key[1:] for other in same}:
            replaced = max(older, key=lambda other: (other.arch == package.arch, other.evr))
            yield Untold(name, replaced, package, origin, tuple(each.nevra for each, _ in ordered))
            return


def _by_name(packages: Iterable[Package]) -> Mapping[str, Sequence[Package]]:
    found: dict[str, list[Package]] = defaultdict(list)
    for package in packages:
        found[package.name].append(package)
    return found


def _title(name: str, newest: ChangelogEntry) -> str:
    """The first line of the newest entry, after what it is about."""
    line = next((line.strip(" -*\t") for line in newest.text.splitlines() if line.strip(" -*\t")), "rebuilt")
    return f"{name.removeprefix(PREFIX)}: {line if len(line) <= _LONGEST_TITLE else f'{line[:_LONGEST_TITLE]}…'}"


def _written(entry: ChangelogEntry) -> str:
    day = _day(entry.time)
    return f"* {day.isoformat() if day else 'on a day unknown'} {entry.author}\n{entry.text}"


def _day(time: int) -> date | None:
    try:
        return datetime.fromtimestamp(time, UTC).date() if time > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
