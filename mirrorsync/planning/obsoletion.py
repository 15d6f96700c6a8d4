"""Which packages come in because they obsolete held ones, which held ones leave for that, and which are simply new."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mirrorsync.model.package import Dependency, Package
from mirrorsync.model.plan import Change, Kept
from mirrorsync.model.policy import NewPackages, Policy
from mirrorsync.planning.architecture import related
from mirrorsync.planning.selection import Selection
from mirrorsync.planning.supersession import Family, Move, Obsoletion, builds_for, family_of, merged, newer_beside


@dataclass(frozen=True, slots=True)
class Claim:
    """A package that says it obsoletes a name, or a range of its versions."""

    by: Package
    of: Dependency


@dataclass(frozen=True, slots=True)
class Situation:
    """What obsoletion is decided from. upgrades: the moves of held families, found before."""

    held: Mapping[Family, Sequence[Package]]
    names: frozenset[str]
    upgrades: Mapping[Family, Move]
    selection: Selection
    claims: Mapping[str, Sequence[Claim]]
    policy: Policy
    listed_names: frozenset[str]

    def future(self, family: Family) -> Sequence[Package]:
        """The builds of a held family that the tree would have after its upgrade."""
        upgrade = self.upgrades.get(family)
        if upgrade is None:
            return [package for package in self.held[family] if not newer_beside(package, self.held[family])]
        staying = [package for package in self.held[family] if not newer_beside(package, (*self.held[family], *upgrade.incoming))]
        return [*staying, *upgrade.incoming]


@dataclass(frozen=True, slots=True)
class Obsoleting:
    """The outcome.

    moves: upgrades that obsolete as well, and packages that come in because they do.
    gone: the families that leave.  kept: packages that stay although obsoleted.
    """

    moves: tuple[Move, ...]
    gone: frozenset[Family]
    kept: tuple[Kept, ...]


def claims_on(packages: Iterable[Package]) -> Mapping[str, Sequence[Claim]]:
    """Who obsoletes which name. A package does not obsolete its own name."""
    claims: dict[str, list[Claim]] = defaultdict(list)
    for package in packages:
        for dependency in package.obsoletes:
            if dependency.name != package.nevra.name:
                claims[dependency.name].append(Claim(package, dependency))
    return claims


def obsoleting(situation: Situation) -> Obsoleting:
    """Decide over every held family that something offered obsoletes and that nothing newer of its own name saves.

    What is obsoleted itself obsoletes nothing.
    """
    arrivals: dict[Family, list[Package]] = {}
    takeovers: dict[Family, list[Obsoletion]] = defaultdict(list)
    kept: list[Kept] = []
    gone: set[Family] = set()
    claimed = {family: _obsoleters(situation, family) for family in situation.held if family[0] in situation.claims}
    for family in sorted(claimed, key=_order):
        obsoleters = [package for package in claimed[family] if not claimed.get(family_of(package))]
        for package in obsoleters:
            arrivals.setdefault(family_of(package), []).append(package)
        if not obsoleters:
            continue
        if family[0] in situation.listed_names:
            reason = f"obsoleted by {obsoleters[0].nevra}, but comps or a kickstart file names it"
            kept += [Kept(package, reason) for package in situation.held[family]]
            continue
        gone.add(family)
        for package in situation.held[family]:
            by = min(obsoleters, key=lambda other, package=package: (not related(other.arch, package.arch), other.nevra.key))  # type: ignore[misc]
            takeovers[family_of(by)].append(Obsoletion(package, by))
    moves = tuple(_move(situation, family, arrivals[family], takeovers[family]) for family in sorted(arrivals, key=_order))
    return Obsoleting(moves, frozenset(gone), tuple(kept))


def newcomers(situation: Situation, taken: Iterable[Move], gone: Container[Family]) -> list[Move]:
    """Every offered name that the tree never had and that nothing obsoletes, as the machines want it; `gone` families leave the tree."""
    known = situation.names | {move.family[0] for move in taken}
    moves = []
    for name in sorted(situation.selection.offered):
        if name in known:
            continue
        for module in sorted({package.module or "" for package in situation.selection.offered[name]}):
            offered = situation.selection.family(name, module or None)
            builds = builds_for(offered, situation.policy.arches)
            if builds and not obsolete_itself(situation, builds[0], gone):
                moves.append(Move((name, module or None), Change.NEW, merged(builds)))
    return moves


def _order(family: Family) -> tuple[str, str]:
    return family[0], family[1] or ""


def _obsoleters(situation: Situation, family: Family) -> list[Package]:
    """Packages that would newly come in and obsolete the whole family as it would be, sorted."""
    name, module = family
    future = situation.future(family)
    found = [
        claim.by
        for claim in situation.claims[name]
        if claim.by.module == module
        and all(claim.of.matches(package.evr) for package in future)
        and _comes_in(situation, claim.by, situation.held[family])
        and not _said_before(situation, claim.by, situation.held[family])
    ]
    return sorted(found, key=lambda package: package.nevra.key)


def _comes_in(situation: Situation, package: Package, obsoleted: Sequence[Package]) -> bool:
    """Whether the package is an upgrade's, or a new name's build that the policy and the machines want."""
    upgrade = situation.upgrades.get(family_of(package))
    if upgrade is not None or package.name in situation.names:
        return upgrade is not None and package in upgrade.incoming
    if situation.policy.new_packages is NewPackages.NONE or obsolete_itself(situation, package):
        return False
    return package in _builds(situation, package, obsoleted)


def _builds(situation: Situation, package: Package, obsoleted: Sequence[Package]) -> tuple[Package, ...]:
    offered = situation.selection.family(*family_of(package))
    return builds_for(offered, situation.policy.arches, [other.arch for other in obsoleted])


def obsolete_itself(situation: Situation, package: Package, gone: Container[Family] = ()) -> bool:
    """Whether the newest build of another name, a mirror's or the tree's if not `gone` from it, would obsolete this package at once."""
    return any(
        claim.by.module == package.module
        and claim.of.matches(package.evr)
        and family_of(claim.by) not in gone
        and not newer_beside(claim.by, _builds_of(situation, claim.by))
        for claim in situation.claims.get(package.name, ())
    )


def _builds_of(situation: Situation, package: Package) -> Sequence[Package]:
    family = family_of(package)
    return (*situation.held.get(family, ()), *situation.selection.family(*family))


def _said_before(situation: Situation, package: Package, obsoleted: Sequence[Package]) -> bool:
    """Whether the tree has an older build that obsoletes the same: then it was decided when that came in."""
    builds = situation.held.get(family_of(package), ())
    predecessors = [build for build in builds if not newer_beside(build, builds)]
    return any(
        dependency.name == other.name and dependency.matches(other.evr)
        for predecessor in predecessors
        for dependency in predecessor.obsoletes
        for other in obsoleted
    )


def _move(situation: Situation, family: Family, obsoleters: Sequence[Package], takeovers: Sequence[Obsoletion]) -> Move:
    upgrade = situation.upgrades.get(family)
    if upgrade is not None:
        return replace(upgrade, obsoleted=tuple(takeovers))
    builds = _builds(situation, obsoleters[0], [entry.package for entry in takeovers])
    return Move(family, Change.OBSOLETING, merged((*builds, *obsoleters)), obsoleted=tuple(takeovers))
