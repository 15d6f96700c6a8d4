"""Which errata a change belongs to, and which changes therefore happen together or not at all."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.package import Package
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.architecture import related
from mirrorsync.planning.supersession import Move

Index = Mapping[str, Sequence[tuple[NEVRA, str]]]
"""The packages that advisories name, with the advisory's id, by package name."""


def index_of(advisories: Iterable[Advisory]) -> Index:
    """What the advisories say of which packages."""
    index: dict[str, list[tuple[NEVRA, str]]] = defaultdict(list)
    for advisory in advisories:
        for nevra in advisory.packages:
            index[nevra.name].append((nevra, advisory.id))
    return index


def lacking(builds: Sequence[Package], index: Index) -> Iterator[tuple[NEVRA, str]]:
    """The packages, each with its advisory's id, that are newer than these builds of one name for the same architecture line.

    One for a version and release that is among them is applied already, whatever the epoch, as in `errata_of`.
    """
    for nevra, advisory in index.get(builds[0].nevra.name, ()):
        same = [other.nevra.evr for other in builds if related(other.nevra.arch, nevra.arch)]
        if same and max(same) < nevra.evr and nevra.evr.key[1:] not in {evr.key[1:] for evr in same}:
            yield nevra, advisory


def errata_of(package: Package, held: Sequence[Package], index: Index) -> tuple[str, ...]:
    """The advisories that this package brings to its held builds: its own, and those newer than what it replaces and older than itself.

    One for a version and release that the tree has is applied already, whatever the epoch: updateinfo of RHEL 6 tells none, and a
    distributor who changes the epoch builds anew.
    """
    builds = [other.nevra.evr for other in held if related(other.nevra.arch, package.nevra.arch)]
    replaced = max(builds, default=None)
    had = {(evr.version, evr.release) for evr in builds}
    found = {
        advisory
        for nevra, advisory in index.get(package.nevra.name, ())
        if related(nevra.arch, package.nevra.arch) and _brought(nevra.evr, package.nevra.evr, replaced) and nevra.evr.key[1:] not in had
    }
    return tuple(sorted(found))


def _brought(evr: EVR, coming: EVR, replaced: EVR | None) -> bool:
    return evr == coming or (replaced is not None and replaced < evr < coming)


def together(moves: Sequence[Move], errata: Mapping[int, Sequence[str]]) -> list[int]:
    """For each move the number of its group: moves that share an advisory or a source package are one, through others too."""
    root = list(range(len(moves)))

    def find(number: int) -> int:
        while root[number] != number:
            root[number] = root[root[number]]
            number = root[number]
        return number

    first: dict[tuple[str, str], int] = {}
    for number, move in enumerate(moves):
        shared = [("advisory", advisory) for advisory in errata.get(number, ())]
        shared += [("source", package.source) for package in move.incoming if package.source]
        for key in shared:
            low, high = sorted((find(first.setdefault(key, number)), find(number)))
            root[high] = low
    return [find(number) for number in range(len(moves))]


def absent(advisory: Advisory, result: Sequence[Package], known: Callable[[NEVRA], bool]) -> NEVRA | None:
    """A package of the advisory that the tree would have an older build of, and that no mirror knows; None where there is none.

    result: what the changed tree would have of the names that the advisory tells of.
    """
    for nevra in sorted(advisory.packages, key=lambda nevra: nevra.key):
        builds = [package.nevra.evr for package in result if _same_line(package, nevra)]
        if builds and max(builds) < nevra.evr and not known(nevra):
            return nevra
    return None


def _same_line(package: Package, nevra: NEVRA) -> bool:
    return package.nevra.name == nevra.name and related(package.nevra.arch, nevra.arch)
