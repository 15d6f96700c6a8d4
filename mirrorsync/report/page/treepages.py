"""A tree's own pages: its state, and where that does not hold them, all that is pending, was applied and was published."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from mirrorsync.model.advisory import Told
from mirrorsync.model.pending import Prospect
from mirrorsync.model.standing import Standing
from mirrorsync.planning.standing import failed
from mirrorsync.report.page import names, templating
from mirrorsync.report.page.ages import ages_picture, longest_age
from mirrorsync.report.page.book import Book
from mirrorsync.report.page.condition import condition_of
from mirrorsync.report.page.moves import Move, moves_of_steps
from mirrorsync.report.page.timeline import timeline_picture

_WORDS = 20

LIMITS = MappingProxyType(
    {
        "pending": 100,
        "untold": 100,
        "held": 100,
        "findings": 50,
        "applied": 25,
        "history": 20,
        "moves": 1000,
        "steps": 200,
        "cves": 200,
        "packages": 300,
        "references": 100,
        "events": 200,
    }
)
"""How many of each a page has at the most; it says how many more there are, and where."""

TOLD = MappingProxyType({Told.UPDATEINFO: "updateinfo", Told.TEXT: "an advisory text", Told.CHANGELOG: "the packages' changelogs"})


def tree_pages(book: Book, standing: Standing, words: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The tree's page, after the further ones that it leads to."""
    history, tree = book.history(standing.tree), standing.tree
    shown = {**words, "standing": standing, "history": history, "longest": longest_age(standing.pending), "part": "trees"}
    longer = (
        ("pending.html", names.pending_page(tree), f"{tree}: pending errata", len(standing.pending) > LIMITS["pending"]),
        ("applied.html", names.applied_page(tree), f"{tree}: applied errata", len(standing.applied) > LIMITS["applied"]),
        ("history.html", names.history_page(tree), f"{tree}: history", len(history) > LIMITS["history"]),
    )
    for template, path, title, wanted in longer:
        if wanted:
            yield path, templating.page(template, path, title=title, here=path, **shown)
    path = names.tree_page(tree)
    yield path, templating.page("tree.html", path, title=tree, here=path, **shown, **_tree_words(book, standing))


def _tree_words(book: Book, standing: Standing) -> dict[str, Any]:
    timed = [erratum.met for erratum in standing.applied if erratum.met is not None]
    return {
        "condition_now": condition_of(standing, book.today),
        "said": _said(standing),
        "ages": ages_picture(standing.pending, book.today),
        "ageless": sum(1 for erratum in standing.pending if erratum.age is None),
        "timeline": timeline_picture(book.history(standing.tree)),
        "held": held_moves(standing),
        "untold": [("", move) for move in moves_of_steps(standing.untold)],
        "timed": len(timed),
        "met": sum(timed),
    }


def _said(standing: Standing) -> tuple[str, ...]:
    """What the last update said, and the last check where it failed: what one finds is among the findings."""
    runs = [run for run in (standing.last_update, standing.last_check) if run and (failed(run) or not run.looked)]
    return tuple(word for run in runs for word in run.words)[:_WORDS]


def held_moves(standing: Standing) -> list[tuple[str, Move]]:
    """(advisory or '', what does not come with the next update), the most urgent first."""
    steps = [(erratum.advisory.id, erratum.steps) for erratum in standing.pending] + [("", standing.untold)]
    moves = ((name, move) for name, some in steps for move in moves_of_steps(some))
    return [(name, move) for name, move in moves if move.prospect is not Prospect.COMES]
