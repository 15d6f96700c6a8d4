"""The whole decision: what an update would do to a tree, entry by entry, each with its reason."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.filter import EVERYTHING, Filter
from mirrorsync.model.package import Package
from mirrorsync.model.plan import Change, Held, Incoming, Kept, Outgoing, Plan, Removal
from mirrorsync.model.policy import Policy
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.advisories import merged
from mirrorsync.planning.architecture import related
from mirrorsync.planning.errata import errata_of
from mirrorsync.planning.narrowing import narrow
from mirrorsync.planning.proposal import Proposal, propose
from mirrorsync.planning.selection import select
from mirrorsync.planning.settlement import Settlement, settle
from mirrorsync.planning.supersession import Move, family_of

_KNOWN_DIRECTORIES = ("/etc/", "/usr/lib/sendmail")


def plan_update(
    tree: str,
    held: Catalogue,
    available: Sequence[Catalogue],
    policy: Policy,
    *,
    barred: Mapping[NEVRA, str] | None = None,
    wanted: Filter = EVERYTHING,
) -> Plan:
    """Decide what becomes of every package of the tree named `tree`, given what it holds and what the mirrors offer, the preferred first.

    barred: packages that may not come in although offered, with the reason (they could not be fetched, or verified);
    each holds its whole errata. Plan again with them, and what depends on them is held too.
    wanted: which part of the update it is to be; what it does not mean is not in the plan, unless the rest needs it.
    Applying the plan and planning again gives an empty one.
    """
    proposal = propose(held, select(available, policy), policy)
    advisories = merged(advisory for catalogue in available for advisory in catalogue.advisories)
    settled = settle(proposal, held.packages, advisories, barred or {})
    along: Mapping[int, str] = {}
    if not wanted.empty:
        part = narrow(proposal, settled, held.packages, advisories, wanted)
        proposal, settled, along = part.proposal, part.settled, part.along
    return _Writing(proposal, settled, advisories, along).plan(tree, held, available)


def required_paths(catalogues: Iterable[Catalogue]) -> frozenset[str]:
    """The paths that packages require and that primary.xml need not list: whoever reads files completes `Package.files` by these."""
    return frozenset(
        dependency.name
        for catalogue in catalogues
        for package in catalogue.packages
        for dependency in package.requires
        if dependency.name[:1] == "/" and not _in_primary(dependency.name)
    )


def _in_primary(path: str) -> bool:
    """The rule of createrepo's primary.xml: /etc, any directory whose name ends in bin, and sendmail."""
    return path.startswith(_KNOWN_DIRECTORIES) or "bin/" in path


@dataclass(frozen=True, slots=True)
class _Writing:
    """What the entries of a plan are written from. along: why moves happen that nobody asked for, by the move's id."""

    proposal: Proposal
    settled: Settlement
    advisories: Mapping[str, Advisory]
    along: Mapping[int, str]

    def plan(self, tree: str, held: Catalogue, available: Sequence[Catalogue]) -> Plan:
        incoming = sorted(self._incoming(available), key=lambda entry: entry.package.nevra.key)
        outgoing = sorted(self._outgoing(), key=lambda entry: (entry.package.nevra.key, entry.package.location))
        kept = self._kept({id(entry.package) for entry in outgoing})
        waiting = sorted(self._held(), key=lambda entry: entry.nevra.key)
        named = {name for entry in incoming for name in entry.advisories} | {name for entry in waiting for name in entry.advisories}
        return Plan(
            tree,
            tuple(incoming),
            tuple(outgoing),
            kept,
            tuple(waiting),
            len(held.packages) - len(outgoing) - len(kept),
            tuple(self.advisories[name] for name in sorted(named)),
        )

    def _incoming(self, available: Sequence[Catalogue]) -> Iterator[Incoming]:
        origins = _origins(available, [package for move in self.settled.moves for package in move.incoming])
        for move in self.settled.moves:
            for package in move.incoming:
                yield Incoming(package, origins[id(package)], move.change, self._reason(move, package), self._errata(package))
        brought = _origins(available, [entry.package for entry in self.settled.brought])
        for entry in self.settled.brought:
            yield Incoming(entry.package, brought[id(entry.package)], Change.BROUGHT, entry.reason, self._errata(entry.package))

    def _reason(self, move: Move, package: Package) -> str:
        along = self.along.get(id(move))
        return f"{self._own_reason(move, package)}; taken along: {along}" if along else self._own_reason(move, package)

    def _own_reason(self, move: Move, package: Package) -> str:
        if move.change is Change.NEW:
            return "new: the tree has no package of this name"
        if move.change is Change.OBSOLETING:
            gone = ", ".join(str(entry.package.nevra) for entry in move.obsoleted)
            return f"obsoletes {gone}" if gone else "obsoletes a package that stays because it is named"
        replaced = [other for other in self._of_family(package) if related(other.arch, package.arch)]
        nearest = max(replaced, key=lambda other: (other.arch == package.arch, other.evr), default=None)
        if nearest is None or nearest.evr < package.evr:
            return f"newer than {nearest.nevra}" if nearest else f"newer than the tree's {package.name}"
        return f"{nearest.nevra} for other machines"

    def _outgoing(self) -> Iterator[Outgoing]:
        obsoleted = {id(entry.package): entry for move in self.settled.moves for entry in move.obsoleted}
        for entry in obsoleted.values():
            yield Outgoing(entry.package, Removal.OBSOLETED, entry.by.nevra, f"obsoleted by {entry.by.nevra}")
        superseded = {id(package): package for move in self.settled.moves for package in move.superseded if id(package) not in obsoleted}
        coming = {move.family: move.incoming for move in self.settled.moves if move.incoming}
        for package in superseded.values():
            staying = [other for other in self._of_family(package) if id(other) not in superseded]
            fresh = coming.get(family_of(package), ())
            by = _successor(package, (*fresh, *staying))
            yield Outgoing(package, Removal.SUPERSEDED, by.nevra, f"older than {by.nevra}{'' if by in fresh else ', which the tree has'}")

    def _kept(self, gone: set[int]) -> tuple[Kept, ...]:
        useless = (entry for entry in self.settled.blocked if not entry.move.incoming)
        tidying = (Kept(package, entry.reason) for entry in useless for package in entry.move.superseded)
        first: dict[int, Kept] = {}
        for entry in (*self.proposal.kept, *tidying):
            if id(entry.package) not in gone:
                first.setdefault(id(entry.package), entry)
        return tuple(sorted(first.values(), key=lambda entry: (entry.package.nevra.key, entry.package.location)))

    def _held(self) -> Iterator[Held]:
        for entry in self.settled.blocked:
            for package in entry.move.incoming:
                yield Held(package.nevra, entry.reason, self._errata(package))

    def _errata(self, package: Package) -> tuple[str, ...]:
        return errata_of(package, self._of_family(package), self.settled.errata)

    def _of_family(self, package: Package) -> Sequence[Package]:
        return self.proposal.situation.held.get(family_of(package), ())


def _successor(package: Package, result: Iterable[Package]) -> Package:
    """The package of the changed tree that takes the place: of the same architecture, else of its line, else any newer one of the name."""
    newer = [other for other in result if other.evr > package.evr]
    return min(newer, key=lambda other: (other.arch != package.arch, not related(other.arch, package.arch), other.nevra.key))


def _origins(available: Sequence[Catalogue], packages: Iterable[Package]) -> Mapping[int, str]:
    """The catalogue each package comes from, by the package's id: values do not carry it."""
    wanted = {id(package) for package in packages}
    return {id(package): catalogue.origin for catalogue in reversed(available) for package in catalogue.packages if id(package) in wanted}
