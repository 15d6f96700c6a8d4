"""What one build's changelog has and another's has not."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from mirrorsync.errors import PlanError
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.version import EVR

MOST_ENTRIES = 100  # of a package: between two builds of one distribution there are a few
_MOST_TEXT = 1 << 13  # characters of one entry
_MOST_TEXTS = 1 << 15  # of all
_MOST_AUTHOR = 200
_DAY = 86_400  # seconds
_PLAIN = re.compile(r"[^0-9A-Za-z]+")
_EVR = re.compile(r"(?:>|\s-?)\s*((?:[0-9]+:)?[0-9][0-9A-Za-z.+_~^]*-[0-9A-Za-z.+_~^]+)\s*$")


def curtailed(entries: Iterable[ChangelogEntry]) -> tuple[ChangelogEntry, ...]:
    """As many of the entries, in their order, as are worth keeping, and as much of each."""
    kept: list[ChangelogEntry] = []
    room = _MOST_TEXTS
    for entry in islice(entries, MOST_ENTRIES):
        kept.append(replace(entry, author=entry.author[:_MOST_AUTHOR], text=entry.text[: min(_MOST_TEXT, room)]))
        room -= len(kept[-1].text)
        if room == 0:
            break
    return tuple(kept)


def news(before: Sequence[ChangelogEntry], after: Sequence[ChangelogEntry], held: EVR) -> tuple[ChangelogEntry, ...]:
    """The entries of `after` that a build of `held`, which has `before`, did not have; both the newest first.

    They are those above the first that both have. Where none is in both, as where another branch took over, they are those whose
    author's line names a newer EVR; where none of them names one, those that are younger than the youngest of `before`.
    """
    known = {_key(entry) for entry in before}
    for place, entry in enumerate(after):
        if _key(entry) in known:
            return tuple(after[:place])
    told = [(entry, _evr_in(entry.author)) for entry in after]
    if any(evr for _, evr in told):
        return tuple(entry for entry, evr in told if evr is not None and _comparable(evr, held) > _comparable(held, evr))
    youngest = max((entry.time for entry in before), default=0)
    return tuple(entry for entry in after if entry.time > youngest)


def _key(entry: ChangelogEntry) -> tuple[int, str]:
    """What is the same however it was written down: createrepo puts off entries of one day by seconds, and mends the encoding."""
    return entry.time // _DAY, _PLAIN.sub("", entry.text)


def _evr_in(author: str) -> EVR | None:
    match = _EVR.search(author)
    try:
        return EVR.parse(match[1]) if match else None
    except PlanError:
        return None


def _comparable(evr: EVR, other: EVR) -> EVR:
    """Without the epoch where the other has none: an author's line leaves it out more often than not."""
    return evr if other.epoch else replace(evr, epoch=None)
