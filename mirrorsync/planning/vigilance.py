"""Whether an update mirror has gone back in time, stands still, or has lost more than it should: the rules."""

from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.plan import Plan, Removal
from mirrorsync.model.view import Edition

AHEAD = timedelta(days=1)
"""What is dated later than that from now is not remembered as the newest: one wrong clock would make all that follows look old."""


def is_older(shown: Edition, last: Edition) -> bool:
    """Whether a repomd.xml is older than another.

    It is where its newest timestamp is earlier; where the two have the same, or one has none, where its revision is the smaller
    number. The same bytes are never older; what tells neither cannot be told.
    """
    if shown.sha256 == last.sha256:
        return False
    if shown.timestamp is not None and last.timestamp is not None and shown.timestamp != last.timestamp:
        return shown.timestamp < last.timestamp
    return shown.revision is not None and last.revision is not None and shown.revision < last.revision


def is_dated_ahead(edition: Edition, now: datetime) -> bool:
    """Whether its newest timestamp lies in the future."""
    return edition.timestamp is not None and edition.timestamp > (now + AHEAD).timestamp()


def to_remember(edition: Edition | None, last: Edition | None, now: datetime) -> Edition | None:
    """What the next one is held against. One that is dated ahead leaves the date that was remembered, and that it was signed."""
    if edition is None or not is_dated_ahead(edition, now):
        return edition
    if last is None:
        return replace(edition, timestamp=None, revision=None)
    return replace(last, signed=last.signed or edition.signed)


def told(edition: Edition) -> str:
    """What a repomd.xml says of its own time, for messages."""
    words = [_day(edition.timestamp)] if edition.timestamp is not None else []
    words += [f"revision {edition.revision}"] if edition.revision is not None else []
    return ", ".join(words) or "no date"


def has_shrunk(packages: int, before: int, limit: int) -> bool:
    """Whether an upstream offers more than `limit` per cent fewer packages than before, or none although it had some."""
    return before > 0 and (packages == 0 or 100 * (before - packages) > limit * before)


def newest_of(catalogue: Catalogue, now: datetime) -> int | None:
    """When the newest thing that an upstream shows was made, seconds since the epoch: its metadata, or else its packages."""
    edition = catalogue.edition
    if edition is None or edition.timestamp is None or is_dated_ahead(edition, now):
        return newest_package(catalogue, now)
    return edition.timestamp


def newest_package(catalogue: Catalogue, now: datetime) -> int | None:
    """When the newest package was built; what claims to come from the future does not count."""
    latest = (now + AHEAD).timestamp()
    return max((package.built for package in catalogue.packages if 0 < package.built <= latest), default=None)


def age(made: int | None, now: datetime, stale_after: timedelta | None) -> timedelta | None:
    """How old something is where that is more than it may be, else None."""
    if made is None or stale_after is None or now.timestamp() - made <= stale_after.total_seconds():
        return None
    return timedelta(seconds=now.timestamp() - made)


def lag(catalogue: Catalogue, now: datetime, stale_after: timedelta | None) -> timedelta | None:
    """By how much the newest advisory is older than the newest package, where that is more than it may be, else None.

    What claims to come from the future does not count, as with packages.
    """
    latest = (now + AHEAD).astimezone(UTC).date()
    days = [day for advisory in catalogue.advisories for day in (advisory.issued, advisory.updated) if day and day <= latest]
    built = newest_package(catalogue, now)
    if stale_after is None or built is None or not days:
        return None
    behind = timedelta(seconds=built - _noon(max(days)).timestamp())
    return behind if behind > stale_after else None


def bare_removals(plan: Plan, held: Container[str]) -> Mapping[str, int]:
    """How many names each upstream's packages take out of the tree more than they put in their place: by its origin.

    held: the names that the tree has; what comes as a newer build of one of them takes no other's place.
    """
    origins = {entry.package.nevra: entry.origin for entry in plan.incoming}
    staying = {entry.package.name for entry in plan.incoming}
    out: dict[str, set[str]] = defaultdict(set)
    instead: dict[str, set[str]] = defaultdict(set)
    for entry in plan.outgoing:
        if entry.removal is Removal.OBSOLETED and entry.by in origins and entry.package.name not in staying:
            out[origins[entry.by]].add(entry.package.name)
            if entry.by.name not in held:
                instead[origins[entry.by]].add(entry.by.name)
    return {origin: len(names) - len(instead[origin]) for origin, names in sorted(out.items())}


def is_mass_removal(removed: int, names: int, limit: int) -> bool:
    """Whether that is more than `limit` per cent of the names that the tree has."""
    return 100 * removed > limit * names


def names_of(catalogue: Catalogue) -> frozenset[str]:
    """The names that the packages have."""
    return frozenset(package.name for package in catalogue.packages)


def _day(timestamp: int) -> str:
    try:
        return datetime.fromtimestamp(timestamp, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return f"second {timestamp}"


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
