"""`mirrorsync report`."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mirrorsync.app.mail import LATELY, account_now, preview, report_mails
from mirrorsync.app.standing import present_standing
from mirrorsync.app.telling import deliver, delivery_line, outbox_of, undelivered
from mirrorsync.app.webhooks import digest_posts
from mirrorsync.cli.context import Call, Verbosity, chosen_trees, json_option, require_outside_trees, tree_arguments
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.cli.telling import complain, now
from mirrorsync.config.schema import Config
from mirrorsync.config.values import METRICS_SUFFIX
from mirrorsync.delivery.outbox import Entry
from mirrorsync.errors import ExitCode, UsageError
from mirrorsync.files import write_file
from mirrorsync.report.account import Scope
from mirrorsync.report.account_text import account_lines
from mirrorsync.report.documents import report_document
from mirrorsync.report.mail.letter import Cause
from mirrorsync.report.page.names import OVERVIEW
from mirrorsync.report.page.words import count_text
from mirrorsync.report.text import size_text

_SUFFIX = ".eml"


class _Folder(click.Path):
    """A folder that is named: click takes '', as a variable of a script may be, for the one that one is in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Fails for an empty name."""
        if value == "":
            self.fail("names no folder; write one, or leave the option out", param, ctx)
        return super().convert(value, param, ctx)


@click.command("report")
@tree_arguments
@click.option("--mail", "mailed", is_flag=True, help="Send it to the configured recipients now.")
@click.option("--digest", is_flag=True, help="Send the digest of the week to those who asked for it.")
@click.option("--flush", is_flag=True, help="Try at once to send what waits in the outbox.")
@click.option(
    "--preview", "previewed", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.eml",
    help="Write the message that --mail or --digest would send, and open no connection.",
)  # fmt: skip
@click.option(
    "--html", "folder", type=_Folder(path_type=Path, file_okay=False), metavar="DIR",
    help="Make the page of all trees, in a folder for it alone.",
)  # fmt: skip
@click.option(
    "--prometheus", "metrics", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.prom",
    help="Write metrics of all trees for Prometheus's textfile collector.",
)  # fmt: skip
@json_option
@click.pass_obj
def report_command(
    call: Call,
    /,
    trees: tuple[str, ...],
    *,
    previewed: Path | None,
    folder: Path | None,
    metrics: Path | None,
    as_json: bool,
    **sending: bool,
) -> None:
    """Say how trees stand: pending errata, what was applied and what is held, findings, runs.

    Asks nobody: it says what the last runs saw.
    """
    mailed, digest, flush = (sending[option] for option in ("mailed", "digest", "flush"))
    if mailed and digest:
        raise click.UsageError("--mail and --digest exclude each other")
    for option, file, other in (("--html", folder, metrics), ("--prometheus", metrics, folder)):
        if file and (mailed or digest or flush or previewed or as_json or other):
            raise click.UsageError(f"{option} goes with no other option")
    if (as_json and (mailed or digest or previewed)) or (flush and (as_json or previewed)):
        raise click.UsageError(f"{'--json' if as_json else '--preview'} sends nothing; call it by itself")
    config = call.config()
    names, cause = chosen_trees(config, trees), Cause.DIGEST if digest else Cause.CALL
    if folder:
        _make_page(call, config, names, folder)
    elif metrics:
        _write_metrics(config, metrics)
    elif previewed:
        _preview(config, names, cause, previewed)
    elif mailed or digest or flush:
        raise click.exceptions.Exit(int(_send(config, names, cause if mailed or digest else None)))
    elif as_json:
        at = now()
        standings = [present_standing(config, name, at) for name in names]
        print_document(report_document(standings, at.date(), undelivered(outbox_of(config), at)))
    else:
        _print(config, names)


def _print(config: Config, names: tuple[str, ...]) -> None:
    at = now()
    for name in names:
        print_lines([*account_lines(account_now(config, name, at, Scope(since=at - LATELY))), ""])
    print_lines(f"not delivered: {line}" for line in undelivered(outbox_of(config), at))


def _make_page(call: Call, config: Config, names: tuple[str, ...], folder: Path) -> None:
    from mirrorsync.app.page import make_page  # noqa: PLC0415  jinja2 and all that a page is made of

    written = make_page(config, names, folder.absolute(), now, anew=True)
    if call.verbosity is not Verbosity.QUIET:
        whole = f"{count_text(written.files, 'file')}, {size_text(written.bytes)}"
        print_lines([f"{written.folder / OVERVIEW}: {whole}; {written.changed:,} written, {written.removed:,} removed"])


def _write_metrics(config: Config, file: Path) -> None:
    from mirrorsync.app.metrics import write_metrics  # noqa: PLC0415  for those who ask for it

    if file.suffix != METRICS_SUFFIX:
        raise UsageError(f"{file}: the textfile collector reads files whose names end in {METRICS_SUFFIX}")
    require_outside_trees(config, file)
    write_metrics(config, file.absolute(), now())


def _preview(config: Config, names: tuple[str, ...], cause: Cause, file: Path) -> None:
    if file.suffix != _SUFFIX:
        raise UsageError(f"{file}: a message is written to a file whose name ends in {_SUFFIX}")
    require_outside_trees(config, file)
    write_file(file.resolve(), preview(config, names, cause, now(), undelivered(outbox_of(config), now())))


def _send(config: Config, names: tuple[str, ...], cause: Cause | None) -> ExitCode:
    """Queue the report, where there is a cause for one, and send all that waits. FAILURE where some of it could not be sent."""
    outbox, at = outbox_of(config), now()
    for entry in _reports(config, names, cause, at, undelivered(outbox, at)) if cause else ():
        outbox.add(entry)
    attempts = deliver(config, now, at_once=True)
    if line := delivery_line(attempts):
        complain(line)
        return ExitCode.FAILURE
    return ExitCode.DONE


def _reports(config: Config, names: tuple[str, ...], cause: Cause, at: datetime, waiting: tuple[str, ...]) -> Iterator[Entry]:
    """Mails, and posts where it is the digest. Raises ConfigError where nobody could be told."""
    posts = tuple(digest_posts(config, names, at)) if cause is Cause.DIGEST else ()
    if config.report.mail or not posts:
        yield from report_mails(config, names, cause, at, waiting)
    yield from posts
