"""What an available package replaces in the held ones: per name and architecture line, a name's lines in step or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from mirrorsync.model.package import Package
from mirrorsync.model.plan import Change
from mirrorsync.model.version import EVR
from mirrorsync.planning.architecture import NOARCH, line, related, wanted_lines
from mirrorsync.planning.selection import Refused

Family = tuple[str, str | None]
"""A package's name and module stream: what competes with each other."""


def family_of(package: Package) -> Family:
    """The name and module stream a package belongs to."""
    return package.nevra.name, package.module


@dataclass(frozen=True, slots=True)
class Obsoletion:
    """A held package that leaves because `by`, which the same move brings in, obsoletes it."""

    package: Package
    by: Package


@dataclass(frozen=True, slots=True)
class Move:
    """What changes together for one name: builds that come in, held packages that leave; all of it or nothing.

    hindrance: why it may not happen, '' while nothing speaks against it.
    """

    family: Family
    change: Change
    incoming: tuple[Package, ...] = ()
    superseded: tuple[Package, ...] = ()
    obsoleted: tuple[Obsoletion, ...] = ()
    hindrance: str = ""

    @property
    def leaving(self) -> tuple[Package, ...]:
        """Every held package that it takes out of the indexes."""
        return (*self.superseded, *(entry.package for entry in self.obsoleted))


def moves_of(held: Sequence[Package], offered: Sequence[Package], refused: Sequence[Refused], arches: Sequence[str]) -> list[Move]:
    """What becomes of one name, given its held packages, and the newest offered build of each architecture (one module stream, or none).

    At most two: held packages older than others of their line leave by themselves; the upgrade is a move of its own.
    Rules: held builds of one EVR are in step and go to the same newer EVR, so none of their architectures may be missing there
    (an old foo.i686 beside a new foo.i386 wins on every i686 node; a lone foo.x86_64 cannot be installed beside an older foo.i686).
    A newer noarch build replaces every architecture, and builds for every kind of machine replace a noarch one. Never a downgrade.
    A line that lacks an architecture which its EVR is offered for gets it: an erratum is applied over all its architectures.
    """
    if _settled(held, offered):
        return []
    stale = [package for package in held if newer_beside(package, held)]
    current = [package for package in held if package not in stale]
    concerning = _concerning(current, offered, arches)
    fleets = [(fleet, _destination(fleet, concerning)) for fleet in _in_step(current)]
    moves = [Move(family_of(held[0]), Change.UPGRADE, superseded=tuple(stale))] if stale else []
    incoming = merged([package for _, builds in fleets for package in builds])
    if incoming:
        hindrances = [_missing(fleet, builds, refused, arches) for fleet, builds in fleets if builds]
        leaving = tuple(package for package in held if newer_beside(package, incoming))
        moves.append(Move(family_of(held[0]), Change.UPGRADE, incoming, leaving, hindrance=next(filter(None, hindrances), "")))
    return moves


def builds_for(offered: Sequence[Package], arches: Sequence[str], also: Sequence[str] = ()) -> tuple[Package, ...]:
    """The builds of a name the tree does not have that its machines want: of each line they would choose, the newest.

    also: architectures whose lines are wanted too, where the name is built for them.
    """
    newest = [package for package in offered if not newer_beside(package, offered)]
    wanted = wanted_lines((package.arch for package in newest), arches) | {line(arch) for arch in also}
    return tuple(package for package in newest if line(package.arch) in wanted)


def newer_beside(package: Package, others: Sequence[Package]) -> bool:
    """Whether one of the others is a newer build for the same architecture line."""
    evr, arch = package.nevra.evr, package.nevra.arch
    return any(other is not package and other.nevra.evr > evr and related(other.nevra.arch, arch) for other in others)


def merged(packages: Sequence[Package]) -> tuple[Package, ...]:
    """The packages without repetitions, sorted."""
    found = {package.nevra.key: package for package in packages}
    return tuple(found[key] for key in sorted(found))


def _settled(held: Sequence[Package], offered: Sequence[Package]) -> bool:
    """Whether there is nothing to decide, as for most names: one EVR in the tree, and nothing offered that it has not or that is newer."""
    evr = held[0].nevra.evr
    if len(held) > 1 and any(package.nevra.evr != evr for package in held):
        return False
    arches = {package.nevra.arch for package in held}
    return all(package.nevra.evr < evr or (package.nevra.evr == evr and package.nevra.arch in arches) for package in offered)


def _in_step(current: Sequence[Package]) -> list[list[Package]]:
    """The builds by EVR: a name's architectures that have moved together so far."""
    fleets: list[list[Package]] = []
    for package in sorted(current, key=lambda package: package.nevra.key):
        for fleet in fleets:
            if fleet[0].evr == package.evr:
                fleet.append(package)
                break
        else:
            fleets.append([package])
    return fleets


def _concerning(current: Sequence[Package], offered: Sequence[Package], arches: Sequence[str]) -> list[Package]:
    """The offered builds of the lines that the tree has, without those that are older than something beside them.

    A noarch build, had or offered, concerns every line that the tree's machines would choose.
    """
    lines = {line(package.arch) for package in current} | {NOARCH}
    if any(package.arch == NOARCH for package in (*current, *offered)):
        lines |= wanted_lines((package.arch for package in offered), arches)
    fitting = [package for package in offered if line(package.arch) in lines]
    return [package for package in fitting if not newer_beside(package, (*current, *fitting))]


def _destination(fleet: Sequence[Package], offered: Sequence[Package]) -> list[Package]:
    """The builds that would take the fleet's place: the newest, all of one EVR; or those of its own EVR that its lines lack."""
    evr = fleet[0].evr
    usable = [package for package in offered if package.evr >= evr and any(related(package.arch, other.arch) for other in fleet)]
    target = max((package.evr for package in usable), default=evr)
    if target > evr:
        return [package for package in usable if package.evr == target]
    return [package for package in usable if all(other.arch not in (package.arch, NOARCH) for other in fleet) and package.arch != NOARCH]


def _missing(fleet: Sequence[Package], builds: Sequence[Package], refused: Sequence[Refused], arches: Sequence[str]) -> str:
    """Why the builds cannot replace the whole fleet: an architecture of it that they lack; '' where they can."""
    if builds[0].evr == fleet[0].evr:
        return ""
    built = {package.arch for package in builds}
    for package in fleet:
        if built & {package.arch, NOARCH} or (package.arch == NOARCH and _everywhere(builds, arches)):
            continue
        same_line = any(line(arch) == line(package.arch) for arch in built)
        reason = _refusal(package.arch, builds[0].evr, refused)
        if reason and not same_line:
            continue  # left alone on purpose, and no machine would choose it over the new builds
        gap = reason or "which no mirror has"
        return f"needs {package.name}-{builds[0].evr}.{package.arch} beside it, {gap}; {_harm(package, same_line=same_line)}"
    return ""


def _everywhere(builds: Sequence[Package], arches: Sequence[str]) -> bool:
    return all(wanted_lines((package.arch for package in builds), (arch,)) for arch in arches)


def _refusal(arch: str, evr: EVR, refused: Sequence[Refused]) -> str:
    return next((entry.reason for entry in refused if entry.package.arch == arch and entry.package.evr >= evr), "")


def _harm(package: Package, *, same_line: bool) -> str:
    if package.arch == NOARCH:
        return f"machines without a build would lose {package.nevra}"
    if same_line:
        return f"{package.nevra} would stay in use on {package.arch} machines"
    return f"{package.nevra} cannot be installed beside another version"
