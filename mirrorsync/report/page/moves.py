"""Packages that changed alike in one line: the name, from which version to which, for which architectures."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mirrorsync.errors import PlanError
from mirrorsync.model.generation import Generation
from mirrorsync.model.pending import Prospect, Step
from mirrorsync.model.version import EVR, NEVRA


@dataclass(frozen=True, slots=True)
class Move:
    """Packages of one name that go from the versions `before` to those `after`; either may be (). prospect, reason: of a step."""

    name: str
    arches: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    prospect: Prospect = Prospect.COMES
    reason: str = ""


def moves_of(generation: Generation) -> tuple[Move, ...]:
    """What a generation changed, sorted by name."""
    before, after = _by_kind(generation.removed), _by_kind(generation.added)
    kinds = {kind: (before.get(kind, ()), after.get(kind, ()), Prospect.COMES, "") for kind in before.keys() | after.keys()}
    return _merged((name, arch, *what) for (name, arch), what in kinds.items())


def moves_of_steps(steps: Iterable[Step]) -> tuple[Move, ...]:
    """What pending steps would change, sorted by name."""
    return _merged((step.to.name, step.to.arch, _held_text(step), (str(step.to.evr),), step.prospect, step.reason) for step in steps)


def package_named(text: str) -> NEVRA:
    """The package that a record's text names; text that is no NEVRA is its name."""
    try:
        return NEVRA.parse(text)
    except PlanError:
        return NEVRA(text, EVR(None, "", ""), "")


def _held_text(step: Step) -> tuple[str, ...]:
    """The version that goes, with its name or architecture where that is another."""
    if step.held is None:
        return ()
    if step.held.name != step.to.name:
        return (str(step.held),)
    return (str(step.held.evr) if step.held.arch == step.to.arch else f"{step.held.evr}.{step.held.arch}",)


def _by_kind(texts: Iterable[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Versions by name and architecture, oldest first."""
    found: dict[tuple[str, str], list[EVR]] = defaultdict(list)
    for text in sorted(texts):
        package = package_named(text)
        found[package.name, package.arch].append(package.evr)
    return {kind: tuple(str(evr) for evr in sorted(versions)) for kind, versions in found.items()}


def _merged(rows: Iterable[tuple[str, str, tuple[str, ...], tuple[str, ...], Prospect, str]]) -> tuple[Move, ...]:
    """One move for all architectures of a name that change alike."""
    arches: dict[tuple[str, tuple[str, ...], tuple[str, ...], Prospect, str], set[str]] = defaultdict(set)
    for name, arch, before, after, prospect, reason in rows:
        arches[name, before, after, prospect, reason].add(arch)
    return tuple(Move(key[0], tuple(sorted(arches[key])), *key[1:]) for key in sorted(arches))
