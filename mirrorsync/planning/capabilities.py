"""Who provides what: libsolv's answers, asked for the few capabilities an update touches."""

from collections.abc import Callable, Iterable, Sequence

import solv

from mirrorsync.model.package import Dependency, Package
from mirrorsync.model.version import EVR

_RICH_WORDS = frozenset(("and", "or", "if", "else", "unless", "with", "without", "<", "<=", "=", ">=", ">"))
_RELATIONS = tuple(
    sum(relation for bit, relation in ((2, solv.REL_LT), (4, solv.REL_GT), (8, solv.REL_EQ)) if sense & bit) for sense in range(16)
)

Need = tuple[str, int, tuple[str, str, str] | None]
"""A dependency's spelling: a key to look it up by that costs less than the value itself."""

Spoken = tuple[Package, tuple[Dependency, ...]]
"""A package, and those of its capabilities that are asked about."""


def need_of(dependency: Dependency) -> Need:
    """The dependency as a key."""
    evr = dependency.evr
    if evr is None:
        return dependency.name, 0, None
    return dependency.name, int(dependency.sense), (evr.epoch or "", evr.version, evr.release)


def is_rich(dependency: Dependency) -> bool:
    """Whether it is a boolean dependency: `(a if b)`."""
    return dependency.name.startswith("(")


def named_in(dependency: Dependency) -> frozenset[str]:
    """The capability names a dependency speaks of: its own, or those within a rich one (names may hold parentheses themselves)."""
    if not is_rich(dependency):
        return frozenset((dependency.name,))
    words = (_balanced(word.lstrip("(")) for word in dependency.name.split())
    return frozenset(word for word in words if word and word not in _RICH_WORDS)


class Capabilities:
    """Some packages, and which of them provide a capability. It looks only at what it was told of by `learn`."""

    def __init__(self, packages: Sequence[Package], *, promote_epochs: bool) -> None:
        self._packages = packages
        self._named: dict[str, list[tuple[Package, Dependency | None]]] = {}
        self._answers: dict[Need, tuple[Package, ...]] = {}
        self._weighed: set[str] = set()
        self._entries: dict[int, Package] = {}
        self._pool = _pool(promote_epochs=promote_epochs)
        self._repo = self._pool.add_repo("packages")

    def learn(self, dependencies: Iterable[Dependency]) -> None:
        """Find out who provides what these speak of; costs one pass over all packages where a name is new."""
        names: set[str] = set()
        versioned: set[str] = set()
        for dependency in dependencies:
            if dependency.evr is not None:
                versioned.add(dependency.name)
            names |= named_in(dependency) if is_rich(dependency) else {dependency.name}
        self._index({name for name in names if name not in self._named})
        self._weigh(versioned - self._weighed)

    def of(self, dependency: Dependency) -> tuple[Package, ...]:
        """The packages that satisfy a plain dependency, in the order given."""
        key = need_of(dependency)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = self._search(dependency)
        return answer

    def speaking_of(self, dependency: Dependency, within: Callable[[Package], bool]) -> list[Spoken]:
        """Packages, among those `within` holds for, each with its capabilities that a rich dependency names, sorted."""
        found: dict[int, tuple[Package, list[Dependency]]] = {}
        for name in sorted(named_in(dependency)):
            for package, provided in self._named.get(name, ()):
                if within(package):
                    found.setdefault(id(package), (package, []))[1].append(provided or Dependency(name))
        return sorted(((package, tuple(provided)) for package, provided in found.values()), key=lambda entry: entry[0].nevra.key)

    def _index(self, names: set[str]) -> None:
        if not names:
            return
        named: dict[str, list[tuple[Package, Dependency | None]]] = {name: [] for name in names}
        for package in self._packages:
            for dependency in package.provides:
                if dependency.name in names:
                    named[dependency.name].append((package, dependency))
        paths = {name for name in names if name.startswith("/")}
        for package in self._packages if paths else ():
            for path in package.files:
                if path in paths:
                    named[path].append((package, None))
        self._named |= named

    def _weigh(self, names: set[str]) -> None:
        """Give libsolv every provider of these names, for it to compare versions."""
        for name in sorted(names):
            for package, provided in self._named[name]:
                solvable = self._repo.add_solvable()
                solvable.add_provides(_dep(self._pool, provided or Dependency(name)))
                self._entries[solvable.id] = package
        if names:
            self._weighed |= names
            self._pool.createwhatprovides()

    def _search(self, dependency: Dependency) -> tuple[Package, ...]:
        if dependency.evr is None or not dependency.sense:
            found = [package for package, _ in self._named[dependency.name]]
        else:
            found = [self._entries[solvable.id] for solvable in self._pool.whatprovides(_dep(self._pool, dependency))]
        return tuple({id(package): package for package in found}.values())


def settle_rich(requirement: Dependency, present: Sequence[Spoken], optional: Sequence[Spoken]) -> tuple[Package, ...] | None:
    """Which of the optional packages a rich requirement needs besides all those present; None where nothing helps.

    Of a requirement that libsolv cannot read nothing is known, so it needs nothing.
    """
    pool = _pool(promote_epochs=False)
    wanted = pool.parserpmrichdep(_text(requirement.name))
    if wanted is None:
        return ()
    repo = pool.add_repo("packages")
    # Each package under a name of its own: what they provide counts here, not which builds exclude each other on one machine.
    there = [_stub(pool, repo, f"present {number}", provided) for number, (_, provided) in enumerate(present)]
    offers = [_stub(pool, repo, f"optional {number}", provided) for number, (_, provided) in enumerate(optional)]
    asking = _stub(pool, repo, "asking", ())
    asking.add_requires(wanted)
    pool.createwhatprovides()
    solver = pool.Solver()
    if solver.solve([pool.Job(solv.Job.SOLVER_INSTALL | solv.Job.SOLVER_SOLVABLE, solvable.id) for solvable in (*there, asking)]):
        return None
    chosen = {solvable.id for solvable in solver.transaction().newsolvables()}
    return tuple(package for (package, _), solvable in zip(optional, offers, strict=True) if solvable.id in chosen)


def _text(text: str) -> str:
    """The text as libsolv takes it: bytes that are no UTF-8 spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _dep(pool: solv.Pool, dependency: Dependency) -> solv.Dep:
    """A plain dependency as one of libsolv's."""
    named = pool.Dep(_text(dependency.name))
    if dependency.evr is None or not dependency.sense:
        return named
    return named.Rel(_RELATIONS[dependency.sense & 15], pool.Dep(_text(_evr_text(dependency.evr))))


def _evr_text(evr: EVR) -> str:
    epoch = f"{evr.epoch}:" if evr.epoch else ""
    return f"{epoch}{evr.version}-{evr.release}" if evr.release else f"{epoch}{evr.version}"


def _pool(*, promote_epochs: bool) -> solv.Pool:
    pool = solv.Pool()
    pool.setdisttype(solv.Pool.DISTTYPE_RPM)
    pool.set_flag(solv.Pool.POOL_FLAG_PROMOTEEPOCH, int(promote_epochs))
    return pool


def _stub(pool: solv.Pool, repo: solv.Repo, name: str, provided: Iterable[Dependency]) -> solv.XSolvable:
    solvable = repo.add_solvable()
    solvable.name, solvable.evr, solvable.arch = name, "1", "noarch"
    for dependency in provided:
        solvable.add_provides(_dep(pool, dependency))
    return solvable


def _balanced(word: str) -> str:
    while word.endswith(")") and word.count(")") > word.count("("):
        word = word[:-1]
    return word
