"""What the changed tree would lack that the present one has, what to bring along for it, and what therefore cannot happen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from mirrorsync.model.package import Dependency, Package
from mirrorsync.planning.architecture import related
from mirrorsync.planning.capabilities import Capabilities, Need, Spoken, is_rich, named_in, need_of, settle_rich
from mirrorsync.planning.supersession import Family, family_of

_OF_RPM_ITSELF = "rpmlib("

Objection = Callable[[Package], str]
"""Why a package may not be brought along ("is held back"); '' where it may."""


class Stock(Protocol):
    """What could be brought along."""

    def packages(self) -> Sequence[Package]:
        """The mirrors' newest packages; those that may not come in as well, to be named."""

    def builds(self, package: Package) -> Sequence[Package]:
        """The package and the other builds of its name, EVR and architecture line."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A package that comes along because another needs it."""

    package: Package
    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A package that may not come in, or not leave, and why. by: the one that would stay and lack something, None where it lacks itself."""

    package: Package
    reason: str
    by: Package | None = None


@dataclass(frozen=True, slots=True)
class Closure:
    """What a set of changes needs besides, and which of them cannot be."""

    brought: tuple[Brought, ...]
    faults: tuple[Fault, ...]


class Gate:
    """The requirements that an update could break, asked about for one set of its changes after another.

    Only new breakage counts: what was unresolvable before blocks nothing.
    """

    def __init__(
        self, held: Sequence[Package], incoming: Sequence[Package], leaving: Sequence[Package], stock: Stock, *, promote_epochs: bool
    ) -> None:
        self.held = held
        self.before = frozenset(map(id, held))
        self.endangered = _endangered(held, leaving)
        self.present = Capabilities((*held, *incoming), promote_epochs=promote_epochs)
        self.present.learn(dependency for package in incoming for dependency in package.requires)
        self.present.learn(dependency for dependency, _ in self.endangered)
        self.stock = stock
        self._promote_epochs = promote_epochs

    @cached_property
    def offered(self) -> Capabilities:
        """What the stock provides: looked at only where the tree and the update lack something."""
        return Capabilities(self.stock.packages(), promote_epochs=self._promote_epochs)

    @cached_property
    def families(self) -> dict[Family, list[Package]]:
        """The held packages by name and module stream."""
        found: dict[Family, list[Package]] = {}
        for package in self.held:
            found.setdefault(family_of(package), []).append(package)
        return found

    def check(self, incoming: Sequence[Package], leaving: Sequence[Package], objection: Objection) -> Closure:
        """What these changes need brought along, and which of them break something.

        A package that was brought along and cannot have what it needs itself is put aside, and the next best is tried.
        """
        useless: dict[int, str] = {}
        while True:
            attempt = _Attempt(self, incoming, leaving, useless, objection)
            attempt.run()
            if not attempt.useless:
                return Closure(tuple(attempt.brought), tuple(attempt.faults))
            useless = {**useless, **attempt.useless}


class _Attempt:
    """One try at closing a set of changes: what has come along so far, and what is wrong."""

    def __init__(
        self, gate: Gate, incoming: Sequence[Package], leaving: Sequence[Package], put_aside: Mapping[int, str], objection: Objection
    ) -> None:
        self._gate = gate
        self._incoming = incoming
        self._leaving = frozenset(map(id, leaving))
        self._alive = {*gate.before - self._leaving, *map(id, incoming)}
        self._put_aside = put_aside
        self._foreign_objection = objection
        self._settled: set[Need] = set()
        self.brought: list[Brought] = []
        self.faults: list[Fault] = []
        self.useless: dict[int, str] = {}

    def run(self) -> None:
        """Go through what the incoming need, what the leaving leave behind, then what those brought along need."""
        missing = [entry for entry in self._needs(self._incoming) if not self._unmet_before(*entry)]
        missing += self._bereft()
        while missing:
            self._gate.offered.learn(dependency for _, dependency in missing)
            start = len(self.brought)
            for package, dependency in missing:
                self._provide(package, dependency)
            fresh = [entry.package for entry in self.brought[start:]]
            self._gate.present.learn(dependency for package in fresh for dependency in package.requires)
            self._gate.offered.learn(dependency for package in fresh for dependency in package.requires)
            missing = list(self._needs(fresh))

    def _objection(self, package: Package) -> str:
        return self._put_aside.get(id(package), "") or self._foreign_objection(package)

    def _needs(self, packages: Iterable[Package]) -> Iterable[tuple[Package, Dependency]]:
        """What these packages require and the changed tree lacks."""
        for package in packages:
            for dependency in package.requires:
                if not dependency.name.startswith(_OF_RPM_ITSELF) and not self._met(dependency):
                    yield package, dependency

    def _bereft(self) -> Iterable[tuple[Package, Dependency]]:
        """What kept packages require and only leaving ones had."""
        for dependency, requirers in self._gate.endangered:
            if self._met(dependency):
                continue
            staying = min((package for package in requirers if id(package) not in self._leaving), key=_order, default=None)
            if staying is not None and self._met_before(dependency):
                yield staying, dependency

    def _met(self, dependency: Dependency) -> bool:
        need = need_of(dependency)
        if need in self._settled:
            return True
        met = self._met_by(dependency, self._alive)
        if met:
            self._settled.add(need)
        return met

    def _met_before(self, dependency: Dependency) -> bool:
        return self._met_by(dependency, self._gate.before)

    def _met_by(self, dependency: Dependency, packages: frozenset[int] | set[int]) -> bool:
        if is_rich(dependency):
            return settle_rich(dependency, self._speaking_of(dependency, packages), ()) is not None
        if any(id(package) in packages for package in self._gate.present.of(dependency)):
            return True
        return bool(self.brought) and any(id(package) in packages for package in self._gate.offered.of(dependency))

    def _speaking_of(self, dependency: Dependency, packages: frozenset[int] | set[int]) -> list[Spoken]:
        spoken = self._gate.present.speaking_of(dependency, lambda package: id(package) in packages)
        if self.brought:
            spoken += self._gate.offered.speaking_of(dependency, lambda package: id(package) in packages)
        return spoken

    def _unmet_before(self, package: Package, dependency: Dependency) -> bool:
        """Whether the build that this one replaces had the same want, at whatever version."""
        same = [
            requirement
            for other in self._gate.families.get(family_of(package), ())
            if related(other.arch, package.arch)
            for requirement in other.requires
            if requirement.name == dependency.name
        ]
        self._gate.present.learn(same)
        return any(not self._met_before(requirement) for requirement in same)

    def _provide(self, package: Package, dependency: Dependency) -> None:
        """Bring along the best provider of what the package lacks, or say what is wrong."""
        if self._met(dependency):
            return
        chosen = self._choose_rich(dependency) if is_rich(dependency) else self._choose(package, dependency)
        for provider in chosen:
            for build in self._gate.stock.builds(provider):
                if id(build) not in self._alive and not self._objection(build):
                    self._alive.add(id(build))
                    self.brought.append(Brought(build, f"{package.nevra} needs {dependency}"))
        if not chosen:
            self._blame(package, dependency)

    def _choose(self, package: Package, dependency: Dependency) -> list[Package]:
        able = [provider for provider in self._gate.offered.of(dependency) if not self._objection(provider)]
        return _by_preference(able, dependency.name, package.arch)[:1]

    def _choose_rich(self, dependency: Dependency) -> tuple[Package, ...]:
        optional = self._gate.offered.speaking_of(
            dependency, lambda package: id(package) not in self._alive and not self._objection(package)
        )
        return settle_rich(dependency, self._speaking_of(dependency, self._alive), optional) or ()

    def _blame(self, package: Package, dependency: Dependency) -> None:
        """Say whose coming or leaving is impossible: the requirer's, or that of the packages it would lose."""
        gap = self._gap(dependency)
        if any(entry.package is package for entry in self.brought):
            self.useless[id(package)] = f"needs {dependency}, {gap}"
        elif id(package) in self._gate.before:
            self.faults += [Fault(lost, f"{package.nevra} needs {dependency}, {gap}", package) for lost in self._losing(dependency)]
        else:
            self.faults.append(Fault(package, f"needs {dependency}, {gap}"))

    def _losing(self, dependency: Dependency) -> list[Package]:
        if is_rich(dependency):
            return [package for package, _ in self._gate.present.speaking_of(dependency, lambda package: id(package) in self._leaving)]
        return [package for package in self._gate.present.of(dependency) if id(package) in self._leaving]

    def _gap(self, dependency: Dependency) -> str:
        if not is_rich(dependency):
            for provider in _by_preference(self._gate.offered.of(dependency), dependency.name, ""):
                return f"which {provider.nevra} has, but that {self._objection(provider)}"
        return "which neither the tree nor the mirror has"


def _endangered(held: Iterable[Package], leaving: Sequence[Package]) -> list[tuple[Dependency, list[Package]]]:
    """What held packages require, by name, of the leaving ones: each requirement once, with its requirers."""
    names = {provided.name for package in leaving for provided in package.provides}
    names.update(path for package in leaving for path in package.files)
    found: dict[Need, tuple[Dependency, list[Package]]] = {}
    for package in held if names else ():
        for dependency in package.requires:
            if dependency.name in names or (dependency.name[:1] == "(" and not names.isdisjoint(named_in(dependency))):
                found.setdefault(need_of(dependency), (dependency, []))[1].append(package)
    return sorted(found.values(), key=lambda entry: repr(need_of(entry[0])))


def _order(package: Package) -> tuple[str, ...]:
    return package.nevra.key


def _by_preference(providers: Iterable[Package], name: str, arch: str) -> list[Package]:
    """Best first: the one named like the capability, then of the requirer's architecture line, then the newest."""
    ordered = sorted(providers, key=lambda package: package.nevra.key)
    ordered.sort(key=lambda package: package.evr, reverse=True)
    return sorted(ordered, key=lambda package: (package.name != name, not related(package.arch, arch)))
