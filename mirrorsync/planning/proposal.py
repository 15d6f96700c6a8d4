"""Everything that an update could do to a tree, before anything speaks against it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.package import Package
from mirrorsync.model.plan import Kept
from mirrorsync.model.policy import NewPackages, Policy
from mirrorsync.planning.architecture import SOURCES, related
from mirrorsync.planning.obsoletion import Situation, claims_on, newcomers, obsoleting
from mirrorsync.planning.selection import Refused, Selection
from mirrorsync.planning.supersession import Family, Move, family_of, moves_of


@dataclass(frozen=True, slots=True)
class Proposal:
    """The moves, sorted by family, tidying before upgrading; held packages that stay for a reason of their own; what it was found from."""

    moves: tuple[Move, ...]
    kept: tuple[Kept, ...]
    situation: Situation


def propose(held: Catalogue, selection: Selection, policy: Policy) -> Proposal:
    """Find every upgrade, obsoletion, new package and superseded duplicate. Source packages in the tree are left alone."""
    families = _families(held.packages)
    tidying: list[Move] = []
    upgrades: dict[Family, Move] = {}
    kept: list[Kept] = []
    for family, packages in families.items():
        offered = selection.family(*family)
        refused = _refused(selection, family)
        for move in moves_of(packages, offered, refused, policy.arches):
            if move.incoming:
                upgrades[family] = move
            else:
                tidying.append(move)
        kept += _staying(packages, offered, refused, policy)
    names = frozenset(family[0] for family in families)
    claims = claims_on([*held.packages, *(package for packages in selection.offered.values() for package in packages)])
    situation = Situation(families, names, upgrades, selection, claims, policy, held.listed_names)
    decided = obsoleting(situation)
    moves = {**upgrades, **{move.family: move for move in decided.moves}}
    changing = [move for family, move in moves.items() if family not in decided.gone]
    if policy.new_packages is NewPackages.ALL:
        changing += newcomers(situation, changing, decided.gone)
    tidying = [move for move in tidying if move.family not in decided.gone]
    return Proposal(tuple(sorted((*tidying, *changing), key=_order)), (*decided.kept, *kept), situation)


def _refused(selection: Selection, family: Family) -> list[Refused]:
    entries = [entry for entry in selection.refused.get(family[0], ()) if entry.package.module == family[1]]
    return sorted(entries, key=lambda entry: entry.package.nevra.key)


def _families(packages: Iterable[Package]) -> Mapping[Family, Sequence[Package]]:
    found: dict[Family, list[Package]] = defaultdict(list)
    for package in packages:
        if package.nevra.arch not in SOURCES:
            found[family_of(package)].append(package)
    for family in found.values():
        if len(family) > 1:
            family.sort(key=lambda package: (package.nevra.key, package.location))
    return found


def _order(move: Move) -> tuple[str, str, bool]:
    return move.family[0], move.family[1] or "", bool(move.incoming)


def _staying(held: Sequence[Package], offered: Sequence[Package], refused: Sequence[Refused], policy: Policy) -> Iterable[Kept]:
    """Held packages that the policy, or another build under the same name, keeps from being replaced."""
    pin = policy.pins.get(held[0].nevra.name)
    for package in held:
        if pin is not None and package.evr > pin:
            yield Kept(package, f"pinned to {pin}, which is older: nothing is taken back")
        newer = [entry for entry in refused if entry.package.evr > package.evr and related(entry.package.arch, package.arch)]
        if newer:
            best = max(newer, key=lambda entry: entry.package.evr)
            yield Kept(package, f"{best.reason}; a mirror has {best.package.nevra}")
        for other in offered:
            if other.nevra.arch == package.nevra.arch and other.nevra.evr == package.nevra.evr and _rebuilt(package, other):
                yield Kept(package, "a mirror has other content under this name, version and release; remove the tree's file to take it")


def _rebuilt(held: Package, offered: Package) -> bool:
    """Whether two packages of one NEVRA differ: by the files' digests, or the headers' where those cannot be compared."""
    if held.digest is not None and offered.digest is not None and held.digest.algorithm == offered.digest.algorithm:
        return held.digest != offered.digest
    return held.header is not None and offered.header is not None and held.header != offered.header
