"""What the configuration has done by itself, and when that is next."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from mirrorsync.config.schema import Config, ScheduleConfig
from mirrorsync.model.schedule import NEVER, CronTime, Task, Timing
from mirrorsync.planning.schedule import next_run

_LATE = timedelta(hours=6)
_AT_ONCE = timedelta()
_LOCALTIME = Path("/etc/localtime")
_ZONES = Path("/usr/share/zoneinfo")


def timings(config: Config) -> tuple[Timing, ...]:
    """Every task that is scheduled, tree by tree in the order of their names, the digest last."""
    return tuple(_timings(config))


def _timings(config: Config) -> Iterator[Timing]:
    everywhere = config.schedule
    for name in sorted(config.trees):
        own = config.trees[name].schedule
        for task, cron in ((Task.UPDATE, own.update or everywhere.update), (Task.CHECK, own.check or everywhere.check)):
            yield from _timing(task, name, cron, own, everywhere)
    yield from _timing(Task.DIGEST, "", everywhere.digest, everywhere, everywhere)


def _timing(task: Task, tree: str, cron: CronTime | None, own: ScheduleConfig, everywhere: ScheduleConfig) -> Iterator[Timing]:
    if cron is None or cron == NEVER:
        return
    jitter = everywhere.jitter if own.jitter is None else own.jitter
    late = everywhere.late if own.late is None else own.late
    yield Timing(task, tree, cron, jitter or _AT_ONCE, _LATE if late is None else late)


def seed_of(config: Config) -> str:
    """What runs are spread by: another one on every machine, and the same whenever it is asked."""
    return f"{os.uname().nodename}\0{config.state}"


def local(now: datetime) -> datetime:
    """An instant in this machine's time zone, by which crons go."""
    return now.astimezone(_zone(os.environ.get("TZ", "").removeprefix(":")))


def _zone(name: str) -> tzinfo:
    """As the C library finds it, but for TZ in POSIX's own notation; UTC where nothing is set."""
    try:
        with (_ZONES / name if name else _LOCALTIME).open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC


def coming(config: Config, now: datetime) -> tuple[tuple[Timing, datetime], ...]:
    """Each task with the time (UTC) at which it next begins; asks nobody."""
    seed, here = seed_of(config), local(now)
    return tuple((timing, next_run(timing, seed, here).astimezone(UTC)) for timing in timings(config))


def next_update(config: Config, tree: str, now: datetime) -> datetime | None:
    """When a tree's next update begins (UTC), None where nobody scheduled one."""
    times = (moment for timing, moment in coming(config, now) if (timing.tree, timing.task) == (tree, Task.UPDATE))
    return next(times, None)
