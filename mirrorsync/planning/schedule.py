"""When a time of crontab(5) comes, by the clocks of a time zone, and what of it is due.

As cron does: where day and weekday are both restricted, one of them is enough. A time that clocks skip in spring comes as much later
as they were put forward, and one that they repeat in autumn comes once, unless its minute or hour is a `*`: that goes by the clock alone.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from mirrorsync.model.schedule import CronTime, Timing

_DAY = timedelta(days=1)
_LONGEST_PAUSE = 41 * 366  # days from one 29th of February that is a Sunday to the next, over a year 2100
_FRACTIONS = 1 << 32


def next_run(timing: Timing, seed: str, after: datetime) -> datetime:
    """When the task next begins after `after`, in its zone: at a time of its cron, and by up to its jitter later.

    How much later is drawn from the time itself and the `seed`, which differs from machine to machine: whoever asks is told the same.
    """
    now, zone = after.astimezone(UTC), after.tzinfo
    begun = _run_of(timing, seed, _last(timing.cron, now, zone), zone)
    following = begun if begun > now else _run_of(timing, seed, _next(timing.cron, now, zone), zone)
    return following.astimezone(zone)


def last_run(timing: Timing, seed: str, until: datetime) -> datetime:
    """When the task last was to begin, at the latest at `until`; in its zone."""
    now, zone = until.astimezone(UTC), until.tzinfo
    due = _last(timing.cron, now, zone)
    begun = _run_of(timing, seed, due, zone)
    former = begun if begun <= now else _run_of(timing, seed, _last(timing.cron, due - timedelta.resolution, zone), zone)
    return former.astimezone(zone)


def _run_of(timing: Timing, seed: str, due: datetime, zone: tzinfo | None) -> datetime:
    """A run is never so late that the next one would be due."""
    if not timing.jitter:
        return due
    room = min(timing.jitter, _next(timing.cron, due, zone) - due)
    drawn = hashlib.sha256(f"{seed}\0{timing.name}\0{due.isoformat()}".encode()).digest()
    return due + timedelta(seconds=int(room.total_seconds() * int.from_bytes(drawn[:4]) / _FRACTIONS))


# From here on instants are in UTC: of two in one zone Python compares what the clocks show, and an hour that they repeat comes out wrong.


def _next(cron: CronTime, after: datetime, zone: tzinfo | None) -> datetime:
    today = after.astimezone(zone).date()
    near = [moment for day in (today - _DAY, today, today + _DAY) for moment in _moments(cron, day, zone) if moment > after]
    return min(near) if near else next(min(moments) for day in _days(today + 2 * _DAY, _DAY) if (moments := [*_moments(cron, day, zone)]))


def _last(cron: CronTime, until: datetime, zone: tzinfo | None) -> datetime:
    today = until.astimezone(zone).date()
    near = [moment for day in (today - _DAY, today, today + _DAY) for moment in _moments(cron, day, zone) if moment <= until]
    return max(near) if near else next(max(moments) for day in _days(today - 2 * _DAY, -_DAY) if (moments := [*_moments(cron, day, zone)]))


def _days(first: date, step: timedelta) -> Iterator[date]:
    """As many as lie between the rarest times there are."""
    return (first + step * number for number in range(_LONGEST_PAUSE))


def _moments(cron: CronTime, day: date, zone: tzinfo | None) -> Iterator[datetime]:
    """The instants of a day of the calendar."""
    if not _on(cron, day):
        return
    for hour in cron.hours:
        for minute in cron.minutes:
            wall = datetime.combine(day, time(hour, minute), zone)
            first, second = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
            if first == second or not cron.by_the_clock:
                yield first
            elif first < second:  # clocks are put back over it: it comes twice
                yield from (first, second)


def _on(cron: CronTime, day: date) -> bool:
    """Whether it is a day of the month, or of the week, that the time names."""
    if day.month not in cron.months:
        return False
    of_month, of_week = day.day in cron.days, day.isoweekday() % 7 in cron.weekdays
    return of_month or of_week if cron.either_day else of_month and of_week
