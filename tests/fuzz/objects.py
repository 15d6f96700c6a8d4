"""Changes to JSON that leave it such: any value in it replaced, lost or moved."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1 << 64, 10**4000, 0.5, float("inf"), float("nan"), "", " ", "a", "\0", "\ud800", "é", "x" * 300),
    *("../x", "1:2-3", "a > 1", "(a if b)", "2012-02-30", "2012-01-01T00:00:00", "9" * 5000),
    *([], {}, [[]], [None], {"": None}, [1, 2, 3], ["a", 2]),
)  # fmt: skip
_DEEP = (900, 960, 990, 2000)


def _replaced(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Another value in the place of one."""
    return _edited(random, content, lambda holder, key: holder.__setitem__(key, random.choice(_VALUES)))


def _lost(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return _edited(random, content, lambda holder, key: holder.__delitem__(key))


def _moved(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """A value of the document in the place of another."""

    def move(holder: Any, key: Any) -> None:
        other, name = random.choice(_places(holder)) if _places(holder) else (holder, key)
        holder[key] = other[name]

    return _edited(random, content, move)


def _deep(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """A value many lists deep, as deep as a reader may be able to follow."""
    marker = "\x1adeep"
    changed = _edited(random, content, lambda holder, key: holder.__setitem__(key, marker))
    depth = random.choice(_DEEP) + random.randint(-20, 20)
    return changed.replace(json.dumps(marker).encode(), b"[" * depth + b"]" * depth)


def _edited(random: Random, content: bytes, edit: Any) -> bytes:
    """The document with one of its places edited; what is no JSON as it is."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return content
    places = _places(document)
    if not places:
        return json.dumps(random.choice(_VALUES)).encode()
    edit(*random.choice(places))
    try:
        return json.dumps(document).encode()
    except (ValueError, RecursionError):  # a document that holds itself, or is too deep now
        return content


def _places(document: Any) -> list[tuple[Any, Any]]:
    """(what holds it, its key or number) of every value in the document, not too deep."""
    found: list[tuple[Any, Any]] = []
    pending = [document]
    while pending and len(found) < 1000:
        holder = pending.pop()
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder))) if isinstance(holder, list) else []
        found += [(holder, key) for key in keys]
        pending += [holder[key] for key in keys]
    return found


CHANGES = (_replaced, _replaced, _replaced, _lost, _moved, _deep)
