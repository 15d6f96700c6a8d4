"""Which packages of which errata a tree lacks, what would take their places, and what becomes of each by the plan.

dnf's `updateinfo list` means the same by pending, of packages of one architecture; here it is the architecture line, as in plans.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.package import Package
from mirrorsync.model.pending import Prospect, Step
from mirrorsync.model.plan import Change, Held, Incoming, Outgoing, Plan, Removal
from mirrorsync.model.policy import Policy
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.architecture import SOURCES, installable, related
from mirrorsync.planning.errata import Index, index_of, lacking
from mirrorsync.planning.selection import Selection, select
from mirrorsync.planning.supersession import Family, family_of

_UNOFFERED = "no mirror offers it"
_MISFIT = "what is offered of it does not fit the tree"


@dataclass(frozen=True, slots=True)
class Lack:
    """told: by advisory id, the packages of it that the tree lacks.  untold: updates of which none of these advisories tells."""

    told: Mapping[str, tuple[Step, ...]]
    untold: tuple[Step, ...]


def lacks(plan: Plan, held: Catalogue, available: Sequence[Catalogue], policy: Policy, advisories: Mapping[str, Advisory]) -> Lack:
    """What the tree that `held` describes lacks, by the whole plan that was made of these; each tuple sorted by what comes."""
    return _Search(plan, held, available, policy, advisories).lack()


class _Search:
    """The steps that the plan tells of, by advisory, and those that it says nothing of."""

    def __init__(
        self, plan: Plan, held: Catalogue, available: Sequence[Catalogue], policy: Policy, advisories: Mapping[str, Advisory]
    ) -> None:
        self._plan = plan
        self._available = available
        self._policy = policy
        self._builds = _families(held.packages)
        self._index: Index = index_of(advisories.values())
        self._entries: tuple[Incoming | Held, ...] = (*plan.incoming, *plan.held)
        self._named: dict[str, list[Incoming | Held]] = defaultdict(list)
        for entry in self._entries:
            self._named[_nevra(entry).name].append(entry)

    def lack(self) -> Lack:
        told: dict[str, dict[tuple[str, ...], Step]] = defaultdict(dict)
        for name, step in self._found():
            told[name].setdefault(step.to.key, step)
        steps = {name: tuple(step for _, step in sorted(told[name].items())) for name in sorted(told)}
        known = {key for found in told.values() for key in found}
        rest = {step.to.key: step for step in map(self._step, self._entries) if step.to.key not in known}
        return Lack(steps, tuple(step for _, step in sorted(rest.items())))

    def _found(self) -> Iterator[tuple[str, Step]]:
        pending: set[str] = set()
        for entry in self._entries:
            if not _comes_along(entry):
                pending.update(entry.advisories)
        for family in sorted(self._builds, key=lambda family: (family[0], family[1] or "")):
            for nevra, name in lacking(self._builds[family], self._index):
                if not self._planned(nevra, name) and self._concerns(nevra, family):
                    pending.add(name)
                    yield name, self._unplanned(nevra, family)
        for entry in self._entries:
            step = self._step(entry)
            yield from ((name, step) for name in entry.advisories if name in pending)

    def _planned(self, nevra: NEVRA, advisory: str) -> bool:
        return any(advisory in entry.advisories and related(_nevra(entry).arch, nevra.arch) for entry in self._named.get(nevra.name, ()))

    def _concerns(self, nevra: NEVRA, family: Family) -> bool:
        """Whether the tree's machines can install it, and it is of the same module stream, as far as what is offered tells."""
        if not installable(nevra.arch, self._policy.arches):
            return False
        same = (package for package in self._offered.get(nevra.name, ()) if related(package.arch, nevra.arch))
        offered = [package for package in same if package.evr >= nevra.evr]
        known = [package for package in offered if package.evr == nevra.evr] or offered
        return not known or any(family_of(package) == family for package in known)

    def _unplanned(self, nevra: NEVRA, family: Family) -> Step:
        """What becomes of a package of which the plan says nothing."""
        build = _nearest(nevra, self._builds[family])
        if build is None:
            return Step(None, nevra, Prospect.HELD, _UNOFFERED)
        return self._leaving(build, nevra) or self._kept_out(build, nevra) or self._waiting(build) or self._at_a_loss(build, nevra)

    def _leaving(self, build: Package, nevra: NEVRA) -> Step | None:
        """It leaves for something else that comes and is not older than what is lacked, or obsoletes it."""
        leaving = self._outgoing.get(id(build), ())
        fitting = (entry for entry in leaving if entry.removal is Removal.OBSOLETED or entry.by.evr >= nevra.evr)
        return next((Step(build.nevra, entry.by) for entry in fitting), None)

    def _kept_out(self, build: Package, nevra: NEVRA) -> Step | None:
        """The configuration refuses what is newer, or keeps the build itself."""
        entries = self._selection.refused.get(build.name, ())
        newer = [entry for entry in entries if family_of(entry.package) == family_of(build) and _replaces(entry.package, build)]
        if newer:
            best = max(newer, key=lambda entry: (entry.package.evr, entry.package.arch == build.arch))
            return Step(build.nevra, best.package.nevra, Prospect.KEPT_OUT, best.reason)
        kept = self._kept.get(id(build))
        return Step(build.nevra, nevra, Prospect.KEPT_OUT, kept) if kept is not None else None

    def _waiting(self, build: Package) -> Step | None:
        """What obsoletes it is held back."""
        obsoleting = (entry for entry in self._obsoleting.get(build.name, ()) if any(_obsoletes(entry[0], build)))
        return next((Step(build.nevra, package.nevra, Prospect.HELD, reason) for package, reason in obsoleting), None)

    def _at_a_loss(self, build: Package, nevra: NEVRA) -> Step:
        fitting = [package for package in self._offered.get(build.name, ()) if family_of(package) == family_of(build)]
        newer = [package for package in fitting if _replaces(package, build) and package.evr >= nevra.evr]
        if not newer:
            return Step(build.nevra, nevra, Prospect.HELD, _UNOFFERED)
        best = max(newer, key=lambda package: (package.evr, package.arch == build.arch))
        return Step(build.nevra, best.nevra, Prospect.HELD, _MISFIT)

    def _step(self, entry: Incoming | Held) -> Step:
        nevra = _nevra(entry)
        build = _nearest(nevra, [package for package in self._by_name.get(nevra.name, ()) if package.evr < nevra.evr])
        before = build.nevra if build else self._obsoleted.get(nevra.key)
        return Step(before, nevra, Prospect.HELD, entry.reason) if isinstance(entry, Held) else Step(before, nevra)

    @cached_property
    def _outgoing(self) -> Mapping[int, Sequence[Outgoing]]:
        """What leaves, by the id of the package."""
        found: dict[int, list[Outgoing]] = defaultdict(list)
        for entry in self._plan.outgoing:
            found[id(entry.package)].append(entry)
        return found

    @cached_property
    def _kept(self) -> Mapping[int, str]:
        """Why the plan keeps packages, by the id of each; the first reason."""
        return {id(entry.package): entry.reason for entry in reversed(self._plan.kept)}

    @cached_property
    def _obsoleting(self) -> Mapping[str, Sequence[tuple[Package, str]]]:
        """What is held back, and why, by the names that it would obsolete; in the order of the mirrors."""
        waiting = {entry.nevra: entry.reason for entry in self._plan.held}
        found: dict[str, list[tuple[Package, str]]] = defaultdict(list)
        offered = (package for catalogue in self._available for package in catalogue.packages) if waiting else ()
        for package in offered:
            if package.obsoletes and package.nevra in waiting:
                for name in dict.fromkeys(dependency.name for dependency in package.obsoletes):
                    found[name].append((package, waiting[package.nevra]))
        return found

    @cached_property
    def _selection(self) -> Selection:
        return select(self._available, self._policy)

    @cached_property
    def _offered(self) -> Mapping[str, Sequence[Package]]:
        """Everything that the mirrors have, by name, be it let in or not."""
        return _by_name(package for catalogue in self._available for package in catalogue.packages)

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[Package]]:
        return _by_name(package for builds in self._builds.values() for package in builds)

    @cached_property
    def _obsoleted(self) -> Mapping[tuple[str, ...], NEVRA]:
        """A package that leaves because of each that obsoletes some."""
        leaving = (entry for entry in reversed(self._plan.outgoing) if entry.removal is Removal.OBSOLETED)
        return {entry.by.key: entry.package.nevra for entry in leaving}


def _nevra(entry: Incoming | Held) -> NEVRA:
    return entry.package.nevra if isinstance(entry, Incoming) else entry.nevra


def _comes_along(entry: Incoming | Held) -> bool:
    """Whether it comes for another's sake: an erratum of it was not lacked before."""
    return isinstance(entry, Incoming) and entry.change is Change.BROUGHT


def _replaces(package: Package, build: Package) -> bool:
    return package.evr > build.evr and related(package.arch, build.arch)


def _obsoletes(package: Package, build: Package) -> Iterator[bool]:
    return (dependency.name == build.name and dependency.matches(build.evr) for dependency in package.obsoletes)


def _nearest(nevra: NEVRA, builds: Iterable[Package]) -> Package | None:
    """The build whose place it takes: of its own architecture, or else the newest of its line."""
    same = [package for package in builds if related(package.arch, nevra.arch)]
    return max(same, key=lambda package: (package.arch == nevra.arch, package.evr), default=None)


def _families(packages: Iterable[Package]) -> Mapping[Family, Sequence[Package]]:
    found: dict[Family, list[Package]] = defaultdict(list)
    for package in packages:
        if package.arch not in SOURCES:
            found[family_of(package)].append(package)
    return found


def _by_name(packages: Iterable[Package]) -> Mapping[str, Sequence[Package]]:
    found: dict[str, list[Package]] = defaultdict(list)
    for package in packages:
        found[package.name].append(package)
    return found
