"""`mirrorsync check`."""

from datetime import timedelta
from typing import NoReturn

import click

from mirrorsync.app.assembly import keyring_of, site_of
from mirrorsync.app.check import check_tree
from mirrorsync.cli.context import (
    Call,
    LengthOfTime,
    Verbosity,
    chosen_trees,
    each_tree,
    end_with,
    json_option,
    problems_of,
    tree_arguments,
)
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.cli.telling import now, tell_others, told
from mirrorsync.errors import ExitCode, MirrorsyncError
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.model.standing import LOOK
from mirrorsync.report.documents import check_document
from mirrorsync.report.text import check_lines, failure_lines


@click.command("check")
@tree_arguments
@click.option("--deep", is_flag=True, help="Read every file: digests and signatures too.")
@click.option("--nagios", is_flag=True, help="Say it as a plugin of Nagios or Icinga, with its exit codes: 0 to 3.")
@click.option(
    "--max-age", type=LengthOfTime(), default="2d", show_default=True, metavar="TIME",
    help="With --nagios: how long ago the last update that succeeded may be.",
)  # fmt: skip
@json_option
@click.pass_obj
def check_command(call: Call, trees: tuple[str, ...], *, deep: bool, nagios: bool, max_age: timedelta, as_json: bool) -> None:
    """Look at trees as a node would meet them: indexes, packages, modes, boot images, NFS export.

    Ends with 4 where anything was found.
    """
    if nagios and as_json:
        raise click.UsageError("--nagios and --json exclude each other")
    if nagios:
        _end_as_plugin(call, trees, max_age, deep=deep)
    config = call.config()
    names = chosen_trees(config, trees)
    results = each_tree(names, lambda name: check_tree(site_of(config, name), keyring_of(config, name), deep=deep))
    outcomes = list(told(config, results, LOOK))
    if as_json:
        print_document(check_document(outcomes))
    else:
        for outcome in outcomes:
            if isinstance(outcome, TreeFailure):
                print_lines(failure_lines(outcome), err=True)
            elif call.verbosity is not Verbosity.QUIET or outcome.exit_code is not ExitCode.DONE:
                print_lines(check_lines(outcome))
    tell_others(config, LOOK)
    end_with(outcome.exit_code for outcome in outcomes)


def _end_as_plugin(call: Call, trees: tuple[str, ...], max_age: timedelta, *, deep: bool) -> NoReturn:
    """What cannot be asked is UNKNOWN; nothing is recorded, and nobody told but who asks."""
    from mirrorsync.app.standing import present_standing  # noqa: PLC0415  for this option alone
    from mirrorsync.report.nagios import Checked, State, verdict_of  # noqa: PLC0415  as above

    try:
        config = call.config()
        names = chosen_trees(config, trees)
        outcomes = each_tree(names, lambda name: check_tree(site_of(config, name), keyring_of(config, name), deep=deep))
        found = [Checked(outcome, present_standing(config, outcome.tree, now())) for outcome in outcomes]
    except (MirrorsyncError, OSError) as error:
        print_lines([f"MIRRORSYNC UNKNOWN - {'; '.join(problems_of(error)).replace('|', '/')}"])
        raise click.exceptions.Exit(int(State.UNKNOWN)) from error
    verdict = verdict_of(found, now(), max_age)
    print_lines(verdict.lines)
    raise click.exceptions.Exit(int(verdict.state))
