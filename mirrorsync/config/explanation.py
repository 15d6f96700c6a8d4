"""What is wrong with one value and what to write instead, from pydantic's account of it."""

import difflib
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from mirrorsync.config.schema import Config
from mirrorsync.config.sources import Location

_NOT_A_TABLE = "is not a table; write its keys under a heading in square brackets"
_LINES = {
    "missing": "is missing; set it",
    "too_short": "is empty; name at least one",
    "model_type": _NOT_A_TABLE,
    "mapping_type": _NOT_A_TABLE,
    "dict_type": _NOT_A_TABLE,
    "tuple_type": "is not a list; put it in square brackets",
    "bool_type": "{value!r} is neither true nor false; write one of them without quotation marks",
    "int_type": "{value!r} is not a whole number; write one without quotation marks",
    "enum": "{value!r} is not one of its words; write {expected}",
    "greater_than_equal": "{value!r} is too small; write a number {expected}",
    "less_than_equal": "{value!r} is too large; write a number {expected}",
}


def explain(detail: ErrorDetails, where: Location) -> str:
    """`what; what to do` for one fault that the schema found at `where`."""
    kind, message = detail["type"], detail["msg"]
    if kind == "extra_forbidden":
        return f"is not a key here; {_suggestion(where)}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    line = _LINES.get(kind, "{value!r} cannot be used: it should be {expected}; correct it")
    return line.format(value=detail["input"], expected=message.removeprefix("Input should be "))


def _suggestion(where: Location) -> str:
    known = sorted(_keys_at(where[:-1]))
    word = str(where[-1])
    close = difflib.get_close_matches(word, known, n=1) or [key for key in known if len(word) > 1 and key.startswith(word)]
    if close:
        return f"did you mean {close[0]!r}?"
    return f"the keys here are {', '.join(known)}" if known else "remove it: there are no keys here yet"


def _keys_at(location: Location) -> tuple[str, ...]:
    """The keys that the table at `location` may have, by the schema."""
    model: type[BaseModel] | None = Config
    parts = (part for part in location if isinstance(part, str))
    for part in parts:
        field = model.model_fields.get(part) if model else None
        model = table_in(field.annotation) if field else None
        if field and get_origin(field.annotation) is Mapping:
            next(parts, None)  # the name that a person gave the table
    return tuple(model.model_fields) if model else ()


def table_in(annotation: Any) -> type[BaseModel] | None:
    """The table inside `Table | None`, `tuple[Table, ...]` or `Mapping[str, Table]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((table for argument in get_args(annotation) if (table := table_in(argument))), None)
