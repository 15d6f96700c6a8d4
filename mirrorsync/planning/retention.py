"""Which former generations may go: beyond those that are kept, and not before the grace of their last installs is over."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta


def expendable(
    present: Iterable[int], published: Mapping[int, datetime | None], *, current: int | None, keep: int, grace: timedelta, now: datetime
) -> tuple[int, ...]:
    """Those of the `present` generations that may go, oldest first: none where it is not known which is `current`.

    present: generations of which anything is still there.  published: when each recorded one was, None where its record
    cannot be read.  The grace of a generation begins when the next recorded one takes its place; one whose grace cannot be
    known to be over stays, and so do the newest `keep` of the former ones.
    """
    former = sorted({number for number in present if current is not None and number < current})
    beyond = former[: max(0, len(former) - keep)]
    return tuple(number for number in beyond if _over(_ended(number, published), grace, now))


def _ended(number: int, published: Mapping[int, datetime | None]) -> datetime | None:
    """When the generation was no longer the tree; None where that is not known."""
    followers = [later for later in published if later > number]
    return published[min(followers)] if followers else None


def _over(ended: datetime | None, grace: timedelta, now: datetime) -> bool:
    return ended is not None and now - ended >= grace
