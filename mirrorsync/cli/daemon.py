"""`mirrorsync daemon`."""

import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from mirrorsync.app.timetable import coming, local, timings
from mirrorsync.cli.context import Call, Verbosity, end_with, json_option
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.config.loading import locate
from mirrorsync.config.schema import Config
from mirrorsync.errors import ConfigError
from mirrorsync.locks import locked
from mirrorsync.model.schedule import Task
from mirrorsync.report.schedule import schedule_document, schedule_lines
from mirrorsync.scheduler.daemon import Daemon
from mirrorsync.scheduler.log import Log, Priority


@click.command("daemon")
@click.option("--list", "listing", is_flag=True, help="Only say what is scheduled, and when it is next.")
@click.option("--once", is_flag=True, help="Update every tree whose updates are scheduled now, and end.")
@click.option(
    "--log", "log_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write the log there instead of to standard error; it may be rotated.",
)  # fmt: skip
@json_option
@click.pass_obj
def daemon_command(call: Call, *, listing: bool, once: bool, log_file: Path | None, as_json: bool) -> None:
    """Run updates, checks and the digest at the times that the configuration has for them.

    Each run is a process of its own, as cron would start it. SIGHUP reads the configuration anew, SIGUSR1 updates every
    tree now, SIGTERM ends the daemon once its runs have ended, a second one at once.
    """
    if as_json and not listing:
        raise click.UsageError("--json is for --list; a daemon prints no document")
    config = call.config()
    _require_scheduled(config, once=once)
    if listing:
        _list(config, as_json=as_json)
        return
    file = Path(os.path.abspath(locate(call.config_file, call.environ)))  # noqa: PTH100  a link stays what it is
    least = Priority.WARNING if call.verbosity is Verbosity.QUIET else Priority.INFO
    with locked(config.state / "daemon" / "lock", f"{file}: its daemon"), closing(Log(log_file, call.environ, least)) as log:
        daemon = Daemon(file, config, log, call.environ, timed=not once)
        if once:
            daemon.update_all()
        daemon.run()
    end_with(daemon.codes if once else ())


def _require_scheduled(config: Config, *, once: bool) -> None:
    """Raises ConfigError where nothing is."""
    tasks = {timing.task for timing in timings(config)}
    if not tasks or (once and Task.UPDATE not in tasks):
        raise ConfigError(('nothing is scheduled; write in [schedule] when, as in update = "17 4 * * *"',))


def _list(config: Config, *, as_json: bool) -> None:
    entries = coming(config, datetime.now(UTC))
    if as_json:
        print_document(schedule_document(entries))
    else:
        print_lines(schedule_lines([(timing, local(moment)) for timing, moment in entries]))
