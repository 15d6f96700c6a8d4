"""The site: every page there is, each after those that it leads to, the overview last."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.generation import Generation
from mirrorsync.model.standing import Standing
from mirrorsync.report.page import names, templating, treepages
from mirrorsync.report.page.book import Book, book_of, without_runs
from mirrorsync.report.page.chronicle import Chronicles, chronicles_of
from mirrorsync.report.page.dossiers import Dossier, dossiers_of
from mirrorsync.report.page.moves import moves_of
from mirrorsync.report.page.overview import overview_words
from mirrorsync.report.page.search import index_script

Page = tuple[str, bytes]
"""A path below the site's root, and what lies there."""

_ROWS = 500  # advisories on one page of their list


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the pages, which are the same wherever `key` is; '' for pages that are to be made each time."""

    key: str
    pages: Callable[[], Iterable[Page]]


@dataclass(frozen=True, slots=True)
class Linked:
    """What has a page of its own: advisories by id, packages by name, generations by tree and number."""

    errata: frozenset[str]
    packages: frozenset[str]
    generations: frozenset[tuple[str, int]]


def render(
    standings: Iterable[Standing], histories: Mapping[str, Sequence[Generation]], advisories: Mapping[str, Advisory], now: datetime
) -> Iterator[Page]:
    """Every file of the site as (path below its root, bytes), the same bytes for the same input.

    histories: generations by tree.  advisories: by id, what is known of those that trees took; of pending ones the standings know it.
    now: UTC.  Each page comes after what it leads to, but for pages that lead to each other.
    """
    for part in parts_of(standings, histories, advisories, now):
        yield from part.pages()


def parts_of(
    standings: Iterable[Standing], histories: Mapping[str, Sequence[Generation]], advisories: Mapping[str, Advisory], now: datetime
) -> tuple[Part, ...]:
    """The same in parts: what only another day, publication or erratum changes, and what every run does."""
    book = book_of(standings, histories, advisories, now)
    lasting = without_runs(book)
    key = hashlib.sha256(f"{templating.version()} {lasting!r}".encode(errors="surrogatepass")).hexdigest()
    return Part(key, partial(_details, lasting)), Part("", partial(_fronts, book))


def _details(book: Book) -> Iterator[Page]:
    dossiers, chronicles = dossiers_of(book), chronicles_of(book)
    words = _words(book, dossiers, chronicles)
    yield from ((name, templating.asset(name)) for name in (names.STYLE, names.SCRIPT, names.ICON))
    yield from _erratum_pages(dossiers, words)
    yield from _package_pages(chronicles, words)
    yield from _generation_pages(book, {dossier.id: dossier for dossier in dossiers}, words)
    yield from _lists(dossiers, chronicles, words)


def _fronts(book: Book) -> Iterator[Page]:
    dossiers, chronicles = dossiers_of(book), chronicles_of(book)
    words = _words(book, dossiers, chronicles)
    for standing in book.standings:
        yield from treepages.tree_pages(book, standing, words)
    yield names.SEARCH, index_script(book, dossiers, chronicles)
    shown = {"title": "Install trees", "part": "trees", "here": names.OVERVIEW, **overview_words(book)}
    yield names.OVERVIEW, templating.page("overview.html", names.OVERVIEW, **words, **shown)


def _words(book: Book, dossiers: Iterable[Dossier], chronicles: Chronicles) -> Mapping[str, Any]:
    """What every template is given."""
    return {"book": book, "linked": _linked(book, dossiers, chronicles), "limits": treepages.LIMITS}


def _linked(book: Book, dossiers: Iterable[Dossier], chronicles: Chronicles) -> Linked:
    generations = {(standing.tree, generation.number) for standing in book.standings for generation in book.history(standing.tree)}
    return Linked(frozenset(dossier.id for dossier in dossiers), frozenset(chronicles), frozenset(generations))


def _erratum_pages(dossiers: Iterable[Dossier], words: Mapping[str, Any]) -> Iterator[Page]:
    for dossier in dossiers:
        path = names.erratum_page(dossier.id)
        shown = {"title": dossier.id, "part": "errata", "here": path, "dossier": dossier, "told": treepages.TOLD}
        yield path, templating.page("erratum.html", path, **words, **shown)


def _package_pages(chronicles: Chronicles, words: Mapping[str, Any]) -> Iterator[Page]:
    for name, chapters in chronicles.items():
        path = names.package_page(name)
        yield path, templating.page("package.html", path, title=name, part="packages", here=path, name=name, chapters=chapters, **words)


def _generation_pages(book: Book, dossiers: Mapping[str, Dossier], words: Mapping[str, Any]) -> Iterator[Page]:
    for standing in book.standings:
        history = book.history(standing.tree)
        numbers = [None, *(generation.number for generation in reversed(history)), None]
        beside = {number: (earlier, later) for earlier, number, later in zip(numbers, numbers[1:], numbers[2:], strict=False)}
        for generation in history:
            path = names.generation_page(standing.tree, generation.number)
            earlier, later = beside[generation.number]
            shown = {
                "title": f"{standing.tree}: generation {generation.number}",
                "part": "trees",
                "here": path,
                "tree": standing.tree,
                "generation": generation,
                "moves": moves_of(generation),
                "earlier": earlier,
                "later": later,
                "dossiers": [dossiers[name] for name in generation.advisories],
            }
            yield path, templating.page("generation.html", path, **words, **shown)


def _lists(dossiers: Sequence[Dossier], chronicles: Chronicles, words: Mapping[str, Any]) -> Iterator[Page]:
    """All advisories, in parts, and all packages."""
    parts = [dossiers[start : start + _ROWS] for start in range(0, len(dossiers), _ROWS)] or [()]
    for number, part in enumerate(parts, 1):
        path = names.errata_page(number)
        title = "Errata" if number == 1 else f"Errata, part {number}"
        shown = {"title": title, "part": "errata", "here": path, "dossiers": part, "total": len(dossiers)}
        yield path, templating.page("errata.html", path, parts=len(parts), part_number=number, **words, **shown)
    packages = [(name, any(chapter.expected for chapter in chapters)) for name, chapters in chronicles.items()]
    path = names.PACKAGES
    yield path, templating.page("packages.html", path, title="Packages", part="packages", here=path, packages=packages, **words)
