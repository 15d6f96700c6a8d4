"""The times of crontab(5) read: lists, ranges, steps, names, and nicknames such as @daily."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from mirrorsync.errors import PlanError
from mirrorsync.model.schedule import CronTime

_SHAPE = "minute, hour, day, month and weekday, as in '17 4 * * *', or @daily and the like"
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_ELEMENT = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d{1,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    """What one of the five may hold: numbers from `first` to `last`, and names, which count from `names_from`."""

    name: str
    first: int
    last: int
    names: Sequence[str] = ()
    names_from: int = 0


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


def read_cron(text: str) -> CronTime:
    """The time that a text says, in words of crontab(5). Raises PlanError: `what; what to write`."""
    words = _NICKNAMES.get(text.strip().lower(), text).split()
    if words and words[0].startswith("@"):
        raise PlanError(f"{text!r} is no time of the clock; write {_SHAPE}")
    if len(words) != len(_FIELDS):
        raise PlanError(f"{text!r} is not a time of crontab(5): it has {len(words)} fields; write {_SHAPE}")
    minutes, hours, days, months, weekdays = (_numbers(field, word) for field, word in zip(_FIELDS, words, strict=True))
    any_day, any_weekday = words[2].startswith("*"), words[4].startswith("*")
    if any_weekday and not any(day <= _LONGEST_MONTHS.get(month, 31) for month in months for day in days):
        raise PlanError(f"{text!r} never comes: no such month has such a day; correct the day or the month")
    return CronTime(
        " ".join(text.split()),
        minutes,
        hours,
        days,
        months,
        tuple(sorted({number % 7 for number in weekdays})),
        either_day=not any_day and not any_weekday,
        by_the_clock=words[0].startswith("*") or words[1].startswith("*"),
    )


def _numbers(field: _Field, word: str) -> tuple[int, ...]:
    """Every number that a field lets in, sorted."""
    return tuple(sorted({number for element in word.split(",") for number in _element(field, element)}))


def _element(field: _Field, element: str) -> range:
    """One of a list: `*`, a number or a name, a range of them, and a step through `*` or a range."""
    match = _ELEMENT.fullmatch(element)
    if match is None or (match["first"] == "*" and match["last"]):
        _refuse(field, element, f"is not a {field.name}", "write a number, '*', a range or a list of these")
    if match["first"] == "*":
        return range(field.first, field.last + 1, _step(field, element, match["step"]))
    first = _number(field, match["first"])
    if match["last"] is None:
        if match["step"]:
            _refuse(field, element, "steps from one number, which crons take differently", f"write {first}-{field.last}/{match['step']}")
        return range(first, first + 1)
    last = _number(field, match["last"])
    if last < first:
        _refuse(field, element, "ends before it begins", "write two ranges, with a comma")
    return range(first, last + 1, _step(field, element, match["step"]))


def _step(field: _Field, element: str, step: str | None) -> int:
    if step is not None and int(step) == 0:
        _refuse(field, element, "makes no step", "write 1 or more after the '/'")
    return int(step or 1)


def _number(field: _Field, word: str) -> int:
    if word.lower() in field.names:
        return field.names.index(word.lower()) + field.names_from
    if not word.isdecimal():
        names = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
        _refuse(field, word, f"is not a {field.name}", f"write {field.first} to {field.last}{names}")
    if not field.first <= int(word) <= field.last:
        _refuse(field, word, f"is no {field.name} there is", f"write {field.first} to {field.last}")
    return int(word)


def _refuse(field: _Field, element: str, what: str, remedy: str) -> NoReturn:
    raise PlanError(f"{field.name} {element!r} {what}; {remedy}")
