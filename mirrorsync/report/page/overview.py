"""What the overview says: how many of what, what needs attention, a row for each tree, and what was published lately."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mirrorsync.model.finding import Severity
from mirrorsync.model.generation import Generation
from mirrorsync.model.pending import Urgency
from mirrorsync.model.standing import Standing
from mirrorsync.planning.standing import failing
from mirrorsync.report.page import svg
from mirrorsync.report.page.book import Book
from mirrorsync.report.page.condition import (
    UNINFORMED,
    Condition,
    Tone,
    by_urgency,
    condition_of,
    faults,
    overdue,
    result_text,
)
from mirrorsync.report.page.words import count_text

_NAMED = 5  # overdue errata of a tree
_FINDINGS = 3  # of a tree
_LATEST = 10  # generations

Figure = tuple[str, int, Tone]


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing of a tree that somebody should look at. errata: ids that it names; more: how many others there are."""

    tree: str
    tone: Tone
    word: str
    what: str
    errata: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A tree in the table of all. pending: errata by urgency, the most urgent first, without those of which there are none."""

    standing: Standing
    condition: Condition
    pending: dict[Urgency, int]
    overdue: int
    faults: int
    bar: Markup

    @property
    def untold(self) -> int:
        """Pending packages that no erratum tells of."""
        return len(self.standing.untold)

    @property
    def order(self) -> str:
        """What sorts trees by what they lack, the most urgent first."""
        return " ".join(f"{number:06}" for number in (*(self.pending.get(urgency, 0) for urgency in reversed(Urgency)), self.untold))


def overview_words(book: Book) -> dict[str, Any]:
    """All that the overview's template asks for."""
    most = max((len(standing.pending) for standing in book.standings), default=0)
    rows = [_row(book, standing, most) for standing in book.standings]
    matters = [matter for standing in book.standings for matter in _matters(book, standing)]
    return {
        "figures": _figures(rows),
        "matters": sorted(matters, key=lambda matter: list(Tone).index(matter.tone)),
        "rows": sorted(rows, key=lambda row: list(Tone).index(row.condition.tone)),
        "latest": _latest(book),
    }


def _row(book: Book, standing: Standing, most: int) -> Row:
    late, found = len(overdue(standing, book.today)), len(faults(standing))
    pending = {urgency: number for urgency, number in by_urgency(standing).items() if number}
    return Row(standing, condition_of(standing, book.today), pending, late, found, _bar(pending, most))


def _bar(pending: dict[Urgency, int], most: int) -> Markup:
    """What is pending by urgency, as long as it is beside the tree that lacks most; the cell says the same in words."""
    parts, left = [], 0.0
    for urgency, number in pending.items():
        width = 100 * number / most
        parts.append(svg.element("rect", x=svg.percent(left), y="0", width=svg.percent(width), height="8", class_=urgency.word))
        left += width
    return svg.element("svg", *parts, class_="shares", width="100%", height="8", aria_hidden="true") if parts else Markup()


def _figures(rows: list[Row]) -> tuple[Figure, ...]:
    """The numbers over all trees."""
    return (
        ("Trees", len(rows), Tone.PLAIN),
        ("Failed runs", sum(len(failing(row.standing)) for row in rows), Tone.BAD),
        ("Overdue errata", sum(row.overdue for row in rows), Tone.BAD),
        ("Critical", sum(row.pending.get(Urgency.CRITICAL, 0) for row in rows), Tone.WARNING),
        ("Pending errata", sum(len(row.standing.pending) for row in rows), Tone.NEWS),
        ("Findings", sum(row.faults for row in rows), Tone.WARNING),
    )


def _matters(book: Book, standing: Standing) -> Iterator[Matter]:
    tree = standing.tree
    for run in failing(standing):
        said = f": {run.words[0]}" if run.words else ""
        yield Matter(tree, Tone.BAD, "Failed", f"the last {run.name} {result_text(run)}{said}")
    if not (standing.informed or standing.generation is None):
        yield Matter(tree, Tone.WARNING, "Unknown", UNINFORMED)
    if late := overdue(standing, book.today):
        named = tuple(erratum.advisory.id for erratum in late[:_NAMED])
        what = f"{count_text(len(late), 'erratum', 'errata')} past the target"
        yield Matter(tree, Tone.BAD, "Overdue", what, named, len(late) - len(named))
    found = faults(standing)
    for finding in found[:_FINDINGS]:
        tone = Tone.BAD if finding.severity is Severity.ERROR else Tone.WARNING
        yield Matter(tree, tone, finding.severity.value.capitalize(), f"{finding.where}: {finding.what}")
    if len(found) > _FINDINGS:
        yield Matter(tree, Tone.WARNING, "Findings", f"{len(found) - _FINDINGS} more")


def _latest(book: Book) -> list[tuple[str, Generation]]:
    """The newest generations of all trees, newest first."""
    known = [(standing.tree, generation) for standing in book.standings for generation in book.history(standing.tree)[:_LATEST]]
    return sorted(known, key=lambda one: (one[1].published, one[1].number), reverse=True)[:_LATEST]
