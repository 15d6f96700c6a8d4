"""What became of each package over the generations, and what is to come: of those that ever changed or are pending."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mirrorsync.model.generation import Generation
from mirrorsync.model.pending import Step
from mirrorsync.model.standing import Standing
from mirrorsync.report.page.book import Book
from mirrorsync.report.page.moves import Move, moves_of, moves_of_steps, package_named


@dataclass(frozen=True, slots=True)
class Event:
    """A generation that changed packages of the name. advisories: those that these packages came by."""

    generation: Generation
    moves: tuple[Move, ...]
    advisories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What is pending of the name. advisory: '' where none tells of it."""

    advisory: str
    moves: tuple[Move, ...]


@dataclass(slots=True)
class Chapter:
    """One tree's part of a package's chronicle; events are newest first. Grown while the history is read, and then left."""

    tree: str
    events: list[Event] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)


Chronicles = Mapping[str, tuple[Chapter, ...]]
"""Chapters by the package's name, sorted."""


def chronicles_of(book: Book) -> Chronicles:
    """Of every package that changed in a known generation or is pending somewhere."""
    found: dict[str, dict[str, Chapter]] = defaultdict(dict)
    for standing in book.standings:
        tree = standing.tree
        for generation in book.history(tree):
            for name, event in _events(generation):
                found[name].setdefault(tree, Chapter(tree)).events.append(event)
        for name, expected in _expectations(standing):
            found[name].setdefault(tree, Chapter(tree)).expected.append(expected)
    return {name: tuple(found[name].values()) for name in sorted(found)}


def _events(generation: Generation) -> Iterator[tuple[str, Event]]:
    advisories: dict[str, set[str]] = defaultdict(set)
    for received in generation.received:
        advisories[package_named(received.nevra).name].update(received.advisories)
    moves: dict[str, list[Move]] = defaultdict(list)
    for move in moves_of(generation):
        moves[move.name].append(move)
    for name, same in moves.items():
        yield name, Event(generation, tuple(same), tuple(sorted(advisories.get(name, ()))))


def _expectations(standing: Standing) -> Iterator[tuple[str, Expected]]:
    for erratum in standing.pending:
        yield from _expected(erratum.advisory.id, erratum.steps)
    yield from _expected("", standing.untold)


def _expected(advisory: str, steps: Iterable[Step]) -> Iterator[tuple[str, Expected]]:
    moves: dict[str, list[Move]] = defaultdict(list)
    for move in moves_of_steps(steps):
        moves[move.name].append(move)
    for name, same in moves.items():
        yield name, Expected(advisory, tuple(same))
