"""Which of the proposed moves can happen: whole errata, and nothing that breaks what worked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.package import Package
from mirrorsync.model.policy import NewPackages
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.architecture import installable, line, related
from mirrorsync.planning.closure import Brought, Gate
from mirrorsync.planning.errata import Index, absent, errata_of, index_of, together
from mirrorsync.planning.obsoletion import Situation, obsolete_itself
from mirrorsync.planning.proposal import Proposal
from mirrorsync.planning.supersession import Move, family_of, newer_beside


@dataclass(frozen=True, slots=True)
class Blocked:
    """A move that does not happen, and why."""

    move: Move
    reason: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """The moves that happen, what comes along for them, the moves that wait, and where to look up errata."""

    moves: tuple[Move, ...]
    brought: tuple[Brought, ...]
    blocked: tuple[Blocked, ...]
    errata: Index


def settle(proposal: Proposal, held: Sequence[Package], advisories: Mapping[str, Advisory], barred: Mapping[NEVRA, str]) -> Settlement:
    """Block what cannot be, each with all of its errata, until the rest breaks nothing.

    barred: packages that may not come in, each with the reason.
    """
    moves, situation = proposal.moves, proposal.situation
    index = index_of(advisories.values())
    docket = _Docket(moves, situation, index, barred)
    docket.open(advisories)
    incoming = [package for move in moves for package in move.incoming]
    leaving = [package for move in moves for package in move.leaving]
    gate = Gate(held, incoming, leaving, _Offers(situation), promote_epochs=situation.policy.promote_epochs)
    while True:
        active = docket.active()
        coming = [package for move in active for package in move.incoming]
        going = [package for move in active for package in move.leaving]
        closure = gate.check(coming, going, docket.objection)
        if not closure.faults:
            return Settlement(tuple(active), closure.brought, docket.blocked(), index)
        docket.block({id(fault.package): fault.reason for fault in reversed(closure.faults)})


class _Offers:
    """The mirrors' packages as the closure's stock."""

    def __init__(self, situation: Situation) -> None:
        self._selection = situation.selection

    def packages(self) -> Sequence[Package]:
        refused = (entry.package for name in sorted(self._selection.refused) for entry in self._selection.refused[name])
        return (*self._selection.newest(), *refused)

    def builds(self, package: Package) -> Sequence[Package]:
        family = self._selection.family(*family_of(package))
        return [build for build in family if build.evr == package.evr and line(build.arch) == line(package.arch)]


class _Docket:
    """The moves, in groups that happen together, and why some do not."""

    def __init__(self, moves: Sequence[Move], situation: Situation, index: Index, barred: Mapping[NEVRA, str]) -> None:
        self._moves = moves
        self._situation = situation
        self._barred = barred
        self._errata = {number: _errata(move, situation, index) for number, move in enumerate(moves)}
        self._groups = together(moves, self._errata)
        self._reasons: dict[int, str] = {}
        self._refused = {id(entry.package): entry.reason for entries in situation.selection.refused.values() for entry in entries}
        self._streams = {family[1] for family in situation.held}
        self._coming = _by_name(package for move in moves for package in move.incoming)
        self._obsolete = {family_of(entry.package) for move in moves for entry in move.obsoleted}
        lasting = (builds for family, builds in situation.held.items() if family not in self._obsolete)
        self._held = _by_name(package for builds in lasting for package in builds if not newer_beside(package, builds))
        self._by_family = {move.family: number for number, move in enumerate(moves) if move.incoming}

    def open(self, advisories: Mapping[str, Advisory]) -> None:
        """Block what is hindered from the start."""
        named = {name for names in self._errata.values() for name in names}
        known = {name: self._absent(advisories[name]) for name in sorted(named)}
        for number, move in enumerate(self._moves):
            lacking = (f"{name} also has {known[name]}, which no mirror has" for name in self._errata[number] if known[name])
            reason = next((text for text in (*self._bars(move), move.hindrance, *lacking) if text), "")
            if reason:
                self._reasons[number] = reason
        self._spread()

    def _bars(self, move: Move) -> Iterator[str]:
        """What bars it; which of several packages is said, of one it goes without saying."""
        for package in move.incoming:
            if (bar := self._barred.get(package.nevra)) is not None:
                yield bar if len(move.incoming) == 1 else f"{package.nevra}: {bar}"

    def active(self) -> list[Move]:
        """The moves that nothing speaks against so far."""
        return [move for number, move in enumerate(self._moves) if number not in self._reasons]

    def blocked(self) -> tuple[Blocked, ...]:
        """The others."""
        return tuple(Blocked(self._moves[number], self._reasons[number]) for number in sorted(self._reasons))

    def block(self, faults: Mapping[int, str]) -> None:
        """Block the active moves that have one of these packages (by id) come in or leave."""
        for number, move in enumerate(self._moves):
            if number not in self._reasons:
                reason = next((faults[id(package)] for package in (*move.incoming, *move.leaving) if id(package) in faults), "")
                if reason:
                    self._reasons[number] = reason
        self._spread()

    def objection(self, package: Package) -> str:
        """Why a package may not be brought along; '' where it may."""
        known = family_of(package) in self._situation.held
        return self._ruled_out(package) or (self._misfit(package) if known else self._stranger(package))

    def _ruled_out(self, package: Package) -> str:
        family = family_of(package)
        if package.nevra in self._barred:
            return f"is barred: {self._barred[package.nevra]}"
        if id(package) in self._refused:
            return f"is {self._refused[id(package)]}"
        if family in self._obsolete:
            return "is obsoleted by another package"
        if self._by_family.get(family) in self._reasons:
            return "is held back"
        return "is older than another that a mirror has" if newer_beside(package, self._situation.selection.family(*family)) else ""

    def _misfit(self, package: Package) -> str:
        """Why another build of a held name does not fit beside those that the tree will have: another version for the same machines."""
        number = self._by_family.get(family_of(package))
        beside = (*self._situation.held[family_of(package)], *(self._moves[number].incoming if number is not None else ()))
        staying = [other for other in beside if not newer_beside(other, beside)]
        near = next((other for other in staying if related(other.arch, package.arch) and other.evr != package.evr), None)
        if near is not None:
            return f"is not newer than {near.nevra}" if near.evr > package.evr else f"would replace {near.nevra} on some machines only"
        return "is in the tree already" if package.nevra in {other.nevra for other in staying} else ""

    def _stranger(self, package: Package) -> str:
        if package.name not in self._situation.names and self._situation.policy.new_packages is NewPackages.NONE:
            return "is new to the tree, and new packages are not taken"
        if package.module is not None and package.module not in self._streams:
            return f"is of module stream {package.module}, which the tree does not have"
        return "is obsoleted by another package" if obsolete_itself(self._situation, package, self._obsolete) else ""

    def _spread(self) -> None:
        """Let the rest of each blocked move's group wait for it."""
        causes: dict[int, int] = {}
        for number in sorted(self._reasons):
            causes.setdefault(self._groups[number], number)
        for number, move in enumerate(self._moves):
            cause = causes.get(self._groups[number])
            if cause is not None and number not in self._reasons and move.incoming:
                self._reasons[number] = f"waits for {self._bond(cause, number)}: {self._reasons[cause]}"

    def _bond(self, cause: int, number: int) -> str:
        shared = sorted(set(self._errata[cause]) & set(self._errata[number]))
        through = f", with which it belongs to {shared[0]}" if shared else ""
        return f"{self._moves[cause].incoming[0].nevra}{through}"

    def _absent(self, advisory: Advisory) -> NEVRA | None:
        names = sorted({nevra.name for nevra in advisory.packages})
        coming = [package for name in names for package in self._coming.get(name, ())]
        held = [package for name in names for package in self._held.get(name, ())]
        staying = [
            package
            for package in held
            if not any(family_of(other) == family_of(package) and newer_beside(package, [other]) for other in coming)
        ]
        return absent(advisory, [*staying, *coming], self._known)

    def _known(self, nevra: NEVRA) -> bool:
        """Whether the package, or a newer one, is at hand or kept out on purpose; what no machine can install is nobody's want."""
        if not installable(nevra.arch, self._situation.policy.arches):
            return True
        selection = self._situation.selection
        refused = (entry.package for entry in selection.refused.get(nevra.name, ()))
        found = (*selection.offered.get(nevra.name, ()), *refused)
        return any(related(package.arch, nevra.arch) and package.evr >= nevra.evr for package in found)


def _errata(move: Move, situation: Situation, index: Index) -> tuple[str, ...]:
    held = situation.held.get(move.family, ())
    return tuple(sorted({name for package in move.incoming for name in errata_of(package, held, index)}))


def _by_name(packages: Iterable[Package]) -> Mapping[str, Sequence[Package]]:
    found: dict[str, list[Package]] = defaultdict(list)
    for package in packages:
        found[package.nevra.name].append(package)
    return found
