"""The picture of a tree's history: a bar for each generation, up for the packages that came, down for those that went."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

from markupsafe import Markup

from mirrorsync.model.generation import ADOPTION, Generation
from mirrorsync.report.page import svg
from mirrorsync.report.page.words import count_text

DRAWN = 40
"""How many generations there is room for."""

_LEFT, _RIGHT = 2.5, 97.5  # per cent
_GAP = (_RIGHT - _LEFT) / DRAWN  # so that bars touch nowhere on a telephone either
_TOP, _UP, _DOWN, _AXIS = 34, 72, 44, 24  # pixels
_HALF = 2.6  # pixels, of a bar's width
_NUMBERED = 12  # bars that all have room for a number above


def timeline_picture(history: Sequence[Generation]) -> Markup:
    """The newest generations, oldest first from left to right, as far apart as in time where there is room; '' where there is none."""
    shown = sorted(history, key=lambda generation: generation.number)[-DRAWN:]
    if not shown:
        return Markup()
    most = max(1, *(max(len(generation.added), len(generation.removed)) for generation in shown))
    base = _TOP + _UP
    places = _places([generation.published for generation in shown])
    parts = [svg.across(0, 100, base, class_="line"), *_days(shown, places, base + _DOWN)]
    parts += [_bar(generation, x, base, most, last=generation is shown[-1]) for generation, x in zip(shown, places, strict=True)]
    parts += _numbers(shown, places, most, base)
    return svg.picture("timeline", base + _DOWN + _AXIS, "Generations over time", _description(shown), *parts)


def _bar(generation: Generation, x: float, base: float, most: int, *, last: bool) -> Markup:
    up, down = (_height(len(names), most, room) for names, room in ((generation.added, _UP), (generation.removed, _DOWN)))
    parts = [svg.element("title", _tooltip(generation))]
    if up:
        parts.append(_rect(-up, up, "came"))
    if down:
        parts.append(_rect(0, down, "went"))
    parts.append(_mark(generation))
    return svg.at(x, base, *parts, class_="bar last" if last else "bar")


def _rect(top: float, height: float, kind: str) -> Markup:
    return svg.element("rect", x=-_HALF, y=svg.number(top), width=2 * _HALF, height=svg.number(height), class_=kind)


def _mark(generation: Generation) -> Markup:
    """On the line: a triangle that points back for a rollback, a square for what was taken as found, else a disc."""
    if generation.back_to is not None:
        return Markup('<path class="rollback" d="M-6 0L4-5.5V5.5Z"/>')
    if generation.run == ADOPTION:
        return Markup('<rect class="adoption" x="-3.5" y="-3.5" width="7" height="7"/>')
    return Markup('<circle class="update" r="3"/>')


def _numbers(shown: Sequence[Generation], places: Sequence[float], most: int, base: float) -> Iterator[Markup]:
    """The generations' numbers above their bars: of all, or where they are many, of the last and every tenth."""
    for generation, x in zip(shown, places, strict=True):
        last = generation is shown[-1]
        if len(shown) <= _NUMBERED or last or (generation.number % 10 == 0 and x < _RIGHT - 2 * _GAP):
            y = base - _height(len(generation.added), most, _UP) - 8
            yield svg.text(str(generation.number), x, y, class_="number last" if last else "number", text_anchor="middle")


def _days(shown: Sequence[Generation], places: Sequence[float], bottom: float) -> Iterator[Markup]:
    """The first and the last day, and one between them where there is room."""
    yield svg.text(f"{shown[0].published:%Y-%m-%d}", 0, bottom + 16, class_="tick")
    between = [index for index, x in enumerate(places) if 38 < x < 62]  # noqa: PLR2004  per cent
    if between:
        index = between[len(between) // 2]
        yield svg.text(f"{shown[index].published:%Y-%m-%d}", places[index], bottom + 16, class_="tick", text_anchor="middle")
    if len(shown) > 1:
        yield svg.text(f"{shown[-1].published:%Y-%m-%d}", 100, bottom + 16, class_="tick", text_anchor="end")


def _places(times: Sequence[datetime]) -> list[float]:
    """Where each lies, in per cent: by its time, but never nearer to the one before than a bar takes."""
    span = (times[-1] - times[0]).total_seconds() or 1.0
    places = [_LEFT + max(0.0, (time - times[0]).total_seconds() / span) * (_RIGHT - _LEFT) for time in times]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + _GAP)
    limit = _RIGHT
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - _GAP
    return places


def _height(count: int, most: int, room: float) -> float:
    """By the square root, so that what changed one package shows beside what changed hundreds."""
    return math.sqrt(count / most) * (room - 6) + 5 if count else 0.0


def _tooltip(generation: Generation) -> str:
    errata = f", {count_text(len(generation.advisories), 'erratum', 'errata')}" if generation.advisories else ""
    counts = f"{count_text(len(generation.added), 'package')} in, {len(generation.removed)} out"
    return f"Generation {generation.number}, {generation.published:%Y-%m-%d %H:%M} UTC, {generation.run}: {counts}{errata}"


def _description(shown: Sequence[Generation]) -> str:
    came = sum(len(generation.added) for generation in shown)
    went = sum(len(generation.removed) for generation in shown)
    back = sum(1 for generation in shown if generation.back_to is not None)
    first, last = shown[0], shown[-1]
    counts = f"{count_text(came, 'package')} in, {went} out, {count_text(back, 'rollback')}"
    return (
        f"Generations {first.number} to {last.number}, published {first.published:%Y-%m-%d} to {last.published:%Y-%m-%d}: {counts}. "
        "A bar's height is the square root of its number of packages. The list below has each of them."
    )
