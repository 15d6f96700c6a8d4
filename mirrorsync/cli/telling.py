"""What every command that works on trees does besides: keep how they stand now, and tell whom it concerns."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from mirrorsync.app.telling import deliver, delivery_line, recorded
from mirrorsync.cli.context import problems_of
from mirrorsync.cli.output import print_lines
from mirrorsync.config.schema import Config
from mirrorsync.errors import MirrorsyncError
from mirrorsync.model.standing import LOOK
from mirrorsync.planning.standing import Outcome

if TYPE_CHECKING:
    from mirrorsync.delivery.outbox import Attempt

T = TypeVar("T", bound=Outcome)


def told(config: Config, results: Iterable[T], name: str) -> Iterator[T]:
    """The results of runs of the command `name` as they come, each kept and queued to be told."""
    return recorded(config, results, name, now, complain)


def tell_others(config: Config, name: str) -> None:
    """Once the command `name` is done with all trees, tell whom it concerns; what refuses is said in one line, and changes nothing."""
    with _complaining("the page", name):
        _show(config)
    with _complaining("the outbox", name):
        if attempts := deliver(config, now):
            _say_undelivered(attempts)
    with _complaining("the metrics", name):
        _measure(config)


@contextmanager
def _complaining(what: str, name: str) -> Iterator[None]:
    """Anybody may look at trees; only their owner keeps and sends what he saw."""
    try:
        yield
    except (MirrorsyncError, OSError) as error:
        if not (name == LOOK and isinstance(error, PermissionError)):
            complain(f"{what}: {'; '.join(problems_of(error))}")


def _say_undelivered(attempts: Sequence["Attempt"]) -> None:
    if line := delivery_line(attempts):
        complain(line)


def _show(config: Config) -> None:
    """Make the configured page anew."""
    if config.report.html is not None:
        from mirrorsync.app.page import make_page  # noqa: PLC0415  loading it takes as long as a run with nothing to do may

        make_page(config, sorted(config.trees), config.report.html, now, anew=False)


def _measure(config: Config) -> None:
    """Write the configured metrics anew."""
    if config.report.prometheus is not None:
        from mirrorsync.app.metrics import write_metrics  # noqa: PLC0415  as above

        write_metrics(config, config.report.prometheus, now())


def complain(line: str) -> None:
    """Say a line on standard error."""
    print_lines([f"mirrorsync: {line}"], err=True)


def now() -> datetime:
    """What time it is (UTC)."""
    return datetime.now(UTC)
