"""What every command that works on trees does besides: keep how they stand now, and tell whom it concerns."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from mirrorsync.app.telling import deliver, delivery_line, recorded
from mirrorsync.cli.context import problems_of
from mirrorsync.cli.output import print_lines
from mirrorsync.config.schema import Config
from mirrorsync.errors import MirrorsyncError
from mirrorsync.planning.standing import Outcome

T = TypeVar("T", bound=Outcome)


def told(config: Config, results: Iterable[T], name: str) -> Iterator[T]:
    """The results of runs of the command `name` as they come, each kept and queued to be told."""
    return recorded(config, results, name, now, complain)


def tell_others(config: Config) -> None:
    """Once the work on all trees is done, tell whom it concerns; what refuses is said in one line, and changes nothing."""
    _show(config)
    _send_queued(config)
    _measure(config)


def _send_queued(config: Config) -> None:
    try:
        line = delivery_line(attempts) if (attempts := deliver(config, now)) else None
    except OSError as error:
        line = f"the outbox: {error.filename}: {error.strerror}"
    if line:
        complain(line)


def _show(config: Config) -> None:
    """Make the configured page anew; what refuses is said in one line, and changes nothing."""
    if config.report.html is None:
        return
    from mirrorsync.app.page import make_page  # noqa: PLC0415  loading it takes as long as a run with nothing to do may

    try:
        make_page(config, sorted(config.trees), config.report.html, now)
    except (MirrorsyncError, OSError) as error:
        complain(f"the page: {'; '.join(problems_of(error))}")


def _measure(config: Config) -> None:
    """Write the configured metrics anew; what refuses is said in one line, and changes nothing."""
    if config.report.prometheus is None:
        return
    from mirrorsync.app.metrics import write_metrics  # noqa: PLC0415  loading it takes as long as a run with nothing to do may

    try:
        write_metrics(config, config.report.prometheus, now())
    except OSError as error:
        complain(f"the metrics: {'; '.join(problems_of(error))}")


def complain(line: str) -> None:
    """Say a line on standard error."""
    print_lines([f"mirrorsync: {line}"], err=True)


def now() -> datetime:
    """What time it is (UTC)."""
    return datetime.now(UTC)
