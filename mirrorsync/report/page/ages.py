"""The picture of what is pending: how old each erratum is, against the target of its urgency.

A lane for each urgency; across, the age in days on a logarithmic scale, as targets go from two days to a year. What is late is a
diamond, right of the target's mark; what is in time or has no target, a disc; what is waived, a ring.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from markupsafe import Markup

from mirrorsync.model.pending import PendingErratum, Urgency
from mirrorsync.report.page import svg
from mirrorsync.report.page.words import count_text, days_text

_LEFT, _RIGHT = 2.0, 97.5  # per cent: where the youngest and the oldest lie
_COLUMNS = 44  # stacks side by side, so that they touch nowhere on a telephone either
_HIGHEST = 9  # marks on each other; where there are more errata, a mark is for several
_SEVERAL = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_STEP = 10  # pixels from mark to mark
_HEADING, _ROOM, _AXIS = 24, 12, 26  # pixels
_DAYS = (0, 1, 2, 4, 7, 14, 30, 90, 180, 365, 730, 1825, 3650, 7300)
_NAMED = 4  # errata that a stack's tooltip names
_WORDS = {0: "today", 7: "1 wk", 14: "2 wk", 30: "1 mo", 90: "3 mo", 180: "6 mo", 365: "1 y", 730: "2 y"}
_MARKS = {
    "late": Markup('<path class="late" d="M-5 0L0-5 5 0 0 5Z"/>'),
    "waived": Markup('<circle class="waived" r="3.4"/>'),
    "timely": Markup('<circle class="timely" r="4"/>'),
    "untimed": Markup('<circle class="untimed" r="4"/>'),
}

Stack = tuple[float, Sequence[PendingErratum]]
"""Where, and which errata."""


def ages_picture(errata: Sequence[PendingErratum], today: date) -> Markup:
    """The errata whose age is known, in lanes; '' where there is none."""
    lanes: dict[Urgency, list[PendingErratum]] = defaultdict(list)
    for erratum in errata:
        if erratum.age is not None:
            lanes[erratum.urgency].append(erratum)
    if not lanes:
        return Markup()
    longest = longest_age(errata)
    drawn, top = [], 0.0
    for urgency in sorted(lanes, reverse=True):
        lane, height = _lane(urgency, lanes[urgency], longest, today)
        drawn.append(svg.element("g", lane, class_=f"lane {urgency.word}", transform=f"translate(0 {svg.number(top)})"))
        top += height
    axis = Markup().join(_axis(longest, top))
    title = "Age of pending errata against their targets"
    return svg.picture("ages", top + _AXIS, title, _description(lanes, today), axis, *drawn)


def age_meter(erratum: PendingErratum, longest: int, today: date) -> Markup:
    """The same for one erratum in a table's row, which says it in words too; '' where its age is not known."""
    if erratum.age is None:
        return Markup()
    bar = svg.element("rect", x="0", y="3", width=svg.percent(_share(erratum.age, longest) * 100), height="5", rx="1")
    target = _target(erratum)
    marks = [] if target is None else [svg.upright(_share(target, longest) * 100, 0, 11)]
    return svg.element("svg", bar, *marks, class_=f"meter {_kind(erratum, today)}", height="11", aria_hidden="true")


def longest_age(errata: Sequence[PendingErratum]) -> int:
    """The days that the scale of these errata goes to."""
    lengths = [length for erratum in errata for length in (erratum.age, _target(erratum)) if length is not None]
    return max([*lengths, 7])


def _lane(urgency: Urgency, errata: Sequence[PendingErratum], longest: int, today: date) -> tuple[Markup, float]:
    """One urgency's marks above their line, below a heading; and how high that is."""
    stacks = list(_stacks(errata, longest, today))
    each = next((count for count in _SEVERAL if all(_height(stack, count, today) <= _HIGHEST for stack in stacks)), _SEVERAL[-1])
    line = _HEADING + max(min(_height(stack, each, today), _HIGHEST) for stack in stacks) * _STEP
    heading = _heading(urgency, errata, today) + (f" · one mark: up to {each:,}" if each > 1 else "")
    parts = [svg.text(heading, 0, 14, class_="heading"), svg.across(0, 100, line, class_="line")]
    parts += [_deadline(days, longest, line) for days in sorted(_targets(errata))]
    parts += [_stack(stack, each, line, today) for stack in stacks]
    return Markup().join(parts), line + _ROOM


def _stacks(errata: Sequence[PendingErratum], longest: int, today: date) -> Iterator[Stack]:
    """Errata of nearly one age on each other, those of one mark together, and none on the wrong side of its target."""
    columns: dict[tuple[int, bool], list[PendingErratum]] = defaultdict(list)
    for erratum in errata:
        past = erratum.due is not None and erratum.due < today
        columns[round(_share(erratum.age or 0, longest) * _COLUMNS), past].append(erratum)
    for _, same in sorted(columns.items()):
        yield sum(_x(erratum.age or 0, longest) for erratum in same) / len(same), sorted(same, key=lambda erratum: _kind(erratum, today))


def _height(stack: Stack, each: int, today: date) -> int:
    return sum(_marks(stack, each, today).values())


def _marks(stack: Stack, each: int, today: date) -> Mapping[str, int]:
    """How many marks of each kind, where one is for up to so many errata."""
    return {kind: -(-count // each) for kind, count in Counter(_kind(erratum, today) for erratum in stack[1]).items()}


def _stack(stack: Stack, each: int, line: float, today: date) -> Markup:
    x, errata = stack
    kinds = [kind for kind, count in _marks(stack, each, today).items() for _ in range(count)]
    marks = [
        svg.element("g", _MARKS[kind], transform=f"translate(0 {-_STEP * (place + 0.5):g})") for place, kind in enumerate(kinds[:_HIGHEST])
    ]
    return svg.at(x, line, svg.element("title", _tooltip(errata, today)), *marks, class_="stack")


def _deadline(days: int, longest: int, line: float) -> Markup:
    """The target's mark, and the field of what is late right of it."""
    x = _x(days + 0.5, longest)
    field = svg.element("rect", x=svg.percent(x), y=_HEADING - 4, width=svg.percent(100 - x), height=svg.number(line - _HEADING + 4))
    return svg.element("g", field, svg.upright(x, _HEADING - 4, line + 4), class_="target")


def _axis(longest: int, bottom: float) -> Iterator[Markup]:
    """Days at the bottom, with lines up through all lanes."""
    marks = [days for days in _DAYS if days <= longest]
    crowded = marks[-1] > _DAYS[8]
    for place, days in enumerate(marks):
        x = _x(days, longest)
        yield svg.upright(x, 20, bottom, class_="grid")
        if crowded and days in (1, 4, 14, 180, 3650):
            continue
        anchor = "start" if place == 0 else "end" if x > 94 else "middle"  # noqa: PLR2004  per cent
        yield svg.text(_WORDS.get(days) or days_text(days), x if place else 0, bottom + 16, class_="tick", text_anchor=anchor)


def _heading(urgency: Urgency, errata: Sequence[PendingErratum], today: date) -> str:
    targets = _targets(errata)
    late = sum(1 for erratum in errata if erratum.overdue(today))
    parts = [f"{urgency.word.capitalize()}: {len(errata):,}", *([f"{late:,} overdue"] if late else [])]
    return ", ".join(parts) + (f" · target {min(targets)} d" if len(targets) == 1 else "")


def _description(lanes: dict[Urgency, list[PendingErratum]], today: date) -> str:
    told = [
        f"{_heading(urgency, errata, today)}, the oldest {count_text(max(erratum.age or 0 for erratum in errata), 'day')} old"
        for urgency, errata in sorted(lanes.items(), reverse=True)
    ]
    return f"{'; '.join(told)}. The table below has each of them."


def _tooltip(errata: Sequence[PendingErratum], today: date) -> str:
    ids = ", ".join(erratum.advisory.id for erratum in errata[:_NAMED])
    more = f" and {len(errata) - _NAMED} more" if len(errata) > _NAMED else ""
    ages = sorted({erratum.age or 0 for erratum in errata})
    age = count_text(ages[0], "day") if len(ages) == 1 else f"{ages[0]} to {ages[-1]} days"
    kinds = ", ".join(dict.fromkeys(_SAID[_kind(erratum, today)] for erratum in errata))
    return f"{ids}{more}: {age} old, {kinds}"


_SAID = {"late": "overdue", "waived": "waived", "timely": "in time", "untimed": "no target"}


def _kind(erratum: PendingErratum, today: date) -> str:
    if erratum.due is None:
        return "untimed"
    return "late" if erratum.overdue(today) else "waived" if erratum.due < today else "timely"


def _targets(errata: Sequence[PendingErratum]) -> set[int]:
    return {days for erratum in errata if (days := _target(erratum)) is not None}


def _target(erratum: PendingErratum) -> int | None:
    """Days from its issue to when it is due."""
    issued = erratum.advisory.issued
    return (erratum.due - issued).days if erratum.due and issued else None


def _x(days: float, longest: int) -> float:
    return _LEFT + _share(days, longest) * (_RIGHT - _LEFT)


def _share(days: float, longest: int) -> float:
    """Where between today (0) and the longest (1) that lies."""
    return min(1.0, math.log1p(days) / math.log1p(longest))
