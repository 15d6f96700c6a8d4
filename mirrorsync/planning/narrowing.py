"""The part of an update that a filter means: whole errata, with those of the other moves that they cannot do without."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.filter import Filter
from mirrorsync.model.package import Package
from mirrorsync.planning.architecture import related
from mirrorsync.planning.closure import Brought, Closure, Gate
from mirrorsync.planning.errata import errata_of, lacking, together
from mirrorsync.planning.filters import means, means_package
from mirrorsync.planning.proposal import Proposal
from mirrorsync.planning.settlement import Settlement
from mirrorsync.planning.supersession import Move, family_of


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What is left of a proposal and its settlement. along: why moves happen that the filter does not mean, by the move's id."""

    proposal: Proposal
    settled: Settlement
    along: Mapping[int, str]


def narrow(
    proposal: Proposal, settled: Settlement, held: Sequence[Package], advisories: Mapping[str, Advisory], wanted: Filter
) -> Narrowed:
    """Of the moves that would happen, those that the filter means, what shares an advisory or a source with them, and what they need.

    Moves that wait, and packages that stay for a reason, are left where the filter means them.
    """
    meaning = _Meaning(proposal, settled, advisories, wanted)
    obsoleting = zip(settled.moves, _obsoleting(settled), strict=True)
    choice = _Choice(settled.moves, [(*meaning.errata(move), *bonds) for move, bonds in obsoleting])
    for number, move in enumerate(settled.moves):
        if meaning.means(move):
            choice.take(number, "")
    brought = _completed(choice, settled, held, promote_epochs=proposal.situation.policy.promote_epochs)
    kept = tuple(entry for entry in proposal.kept if meaning.means_kept(entry.package))
    blocked = tuple(entry for entry in settled.blocked if entry.move.incoming and meaning.means(entry.move))
    part = replace(settled, moves=tuple(choice.moves()), brought=brought, blocked=blocked)
    return Narrowed(replace(proposal, kept=kept), part, choice.along())


class _Meaning:
    """What the filter means, of moves and of held packages."""

    def __init__(self, proposal: Proposal, settled: Settlement, advisories: Mapping[str, Advisory], wanted: Filter) -> None:
        self._held = proposal.situation.held
        self._index = settled.errata
        self._advisories = advisories
        self._wanted = wanted

    def errata(self, move: Move) -> tuple[str, ...]:
        """The advisories that a move brings."""
        builds = self._held.get(move.family, ())
        return tuple(sorted({name for package in move.incoming for name in errata_of(package, builds, self._index)}))

    def means(self, move: Move) -> bool:
        """Whether it brings an erratum that is meant, or takes out what one of them would have made newer."""
        gone = [entry.package for entry in move.obsoleted]
        lacked = {name for package in gone for name in self._lacked(package)}
        return self._any({*self.errata(move), *lacked}, [*move.incoming, *gone])

    def means_kept(self, package: Package) -> bool:
        """Whether an erratum that is meant is newer than a package that stays."""
        return self._any(self._lacked(package), [package])

    def _lacked(self, package: Package) -> set[str]:
        builds = self._held.get(family_of(package), ())
        return {name for nevra, name in lacking(builds, self._index) if related(nevra.arch, package.arch)} if builds else set()

    def _any(self, names: set[str], packages: Sequence[Package]) -> bool:
        if not any(means_package(self._wanted, package.nevra) for package in packages):
            return False
        return not self._wanted.of_errata or any(means(self._wanted, self._advisories[name]) for name in names)


class _Choice:
    """Which moves are taken, and why those that the filter does not mean.

    bonds: for each move what it shares with others, errata above all; what shares one, or a source package, is taken together.
    """

    def __init__(self, moves: Sequence[Move], bonds: Sequence[tuple[str, ...]]) -> None:
        self._moves = moves
        self._bonds = bonds
        self._groups = together(moves, dict(enumerate(bonds)))
        self._taken: dict[int, str] = {}
        self._by_package = {id(package): number for number, move in enumerate(moves) for package in move.leaving}
        self._by_family = {move.family: number for number, move in enumerate(moves) if move.incoming}

    def take(self, number: int, reason: str) -> None:
        """Take a move, what belongs to it, and the tidying of the names: what is older than a build that leaves could seem the newest.

        reason: '' for one that is meant.
        """
        if self._taken.get(number) != "":
            self._taken[number] = reason
        for other, move in enumerate(self._moves):
            if self._groups[other] == self._groups[number] and move.incoming:
                self._taken.setdefault(other, self._bond(number, other))
        families = {move.family for move in self.moves()}
        self._taken |= {other: "" for other, move in enumerate(self._moves) if not move.incoming and move.family in families}

    def take_those_of(self, packages: Sequence[tuple[Package, str]]) -> bool:
        """Take the moves by which these packages, or other builds of them, come in or leave, each with the reason; whether any is new."""
        numbers = [(self._by_package.get(id(package), self._by_family.get(family_of(package))), reason) for package, reason in packages]
        fresh = [(number, reason) for number, reason in numbers if number is not None and number not in self._taken]
        for number, reason in fresh:
            self.take(number, reason)
        return bool(fresh)

    def take_all(self, reason: str) -> None:
        """Take everything."""
        for number in range(len(self._moves)):
            self._taken.setdefault(number, reason)

    def moves(self) -> list[Move]:
        """Those that are taken, in their order."""
        return [self._moves[number] for number in sorted(self._taken)]

    def along(self) -> Mapping[int, str]:
        """Why those are taken that the filter does not mean, by the move's id."""
        return {id(self._moves[number]): reason for number, reason in self._taken.items() if reason}

    def _bond(self, number: int, other: int) -> str:
        shared = sorted(set(self._bonds[number]) & set(self._bonds[other]))
        return f"belongs to {shared[0] if shared else self._moves[number].incoming[0].nevra}"


def _obsoleting(settled: Settlement) -> Iterator[tuple[str, ...]]:
    """For each move what it helps to obsolete: when one has taken that out, the others have nothing left to come in for."""
    gone: dict[str, list[Package]] = defaultdict(list)
    for entry in (entry for move in settled.moves for entry in move.obsoleted):
        gone[entry.package.name].append(entry.package)
    for move in settled.moves:
        claims = [dependency for package in move.incoming for dependency in package.obsoletes]
        found = {other.nevra for claim in claims for other in gone.get(claim.name, ()) if claim.matches(other.evr)}
        yield tuple(sorted(f"the end of {nevra}" for nevra in found))


class _Rest:
    """What the whole update brings in, as the closure's stock: nothing else comes along for a part of it."""

    def __init__(self, settled: Settlement) -> None:
        self._brought = [entry.package for entry in settled.brought]
        self._packages = [package for move in settled.moves for package in move.incoming]

    def packages(self) -> Sequence[Package]:
        return (*self._packages, *self._brought)

    def builds(self, package: Package) -> Sequence[Package]:
        same = [build for build in self._brought if build.name == package.name and build.evr == package.evr]
        return [package, *(build for build in same if build is not package and related(build.arch, package.arch))]


def _completed(choice: _Choice, settled: Settlement, held: Sequence[Package], *, promote_epochs: bool) -> tuple[Brought, ...]:
    """Take the moves too that those taken need, until nothing breaks that the whole update leaves whole; what comes along for them."""
    incoming = [package for move in settled.moves for package in move.incoming]
    leaving = [package for move in settled.moves for package in move.leaving]
    gate = Gate(held, incoming, leaving, _Rest(settled), promote_epochs=promote_epochs)
    while True:
        moves = choice.moves()
        coming, going = ([package for move in moves for package in each(move)] for each in (_incoming, _leaving))
        closure = gate.check(coming, going, lambda _: "")
        if choice.take_those_of(_causes(closure)):
            continue
        if not closure.faults:
            return closure.brought
        choice.take_all(f"without it {closure.faults[0].package.nevra} could not come: {closure.faults[0].reason}")
        return settled.brought


def _incoming(move: Move) -> tuple[Package, ...]:
    return move.incoming


def _leaving(move: Move) -> tuple[Package, ...]:
    return move.leaving


def _causes(closure: Closure) -> list[tuple[Package, str]]:
    """What has to come too because it is needed, or has to leave because it would lack something; with the reason."""
    needed = [(entry.package, entry.reason) for entry in closure.brought]
    gone = [(fault.by, f"{fault.reason.partition(', ')[0]}, which would be gone") for fault in closure.faults if fault.by is not None]
    return needed + gone
