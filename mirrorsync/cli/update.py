"""`mirrorsync update`."""

import sys
from datetime import UTC, datetime
from functools import partial

import click

from mirrorsync.app.assembly import opened_sources, site_of
from mirrorsync.app.run import Run
from mirrorsync.app.update import plan_tree, update_tree
from mirrorsync.cli.context import (
    Call,
    Verbosity,
    chosen_trees,
    each_tree,
    end_with,
    json_option,
    tree_arguments,
)
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.errors import ExitCode
from mirrorsync.model.outcome import TreeFailure, UpdateOutcome
from mirrorsync.report.documents import update_document
from mirrorsync.report.progress import progress_on
from mirrorsync.report.text import failure_lines, update_lines


@click.command("update")
@tree_arguments
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done and why, entry by entry, and touch nothing.")
@json_option
@click.pass_obj
def update_command(call: Call, trees: tuple[str, ...], *, dry_run: bool, as_json: bool) -> None:
    """Bring install trees up to date with their update mirrors.

    Superseded packages are replaced, the installer's indexes rebuilt, everything is verified, and the tree is
    published in one step; then the boot images are staged. Ends with 3 where something is held back.
    """
    config = call.config()
    now = datetime.now(UTC)
    progress = partial(progress_on, sys.stderr, quiet=as_json or call.verbosity is Verbosity.QUIET)

    def act(name: str) -> UpdateOutcome:
        site = site_of(config, name)
        with opened_sources(config, name) as sources:
            return plan_tree(site, sources) if dry_run else update_tree(site, sources, Run(now, "update", progress))

    outcomes: list[UpdateOutcome | TreeFailure] = []
    for outcome in each_tree(chosen_trees(config, trees), act):
        outcomes.append(outcome)
        if not as_json:
            _print(outcome, call.verbosity)
    if as_json:
        print_document(update_document(outcomes))
    end_with(outcome.exit_code for outcome in outcomes)


def _print(outcome: UpdateOutcome | TreeFailure, verbosity: Verbosity) -> None:
    """Failures to standard error; with -q nothing else but what ended with another code than 0."""
    if verbosity is Verbosity.QUIET and outcome.exit_code is ExitCode.LOCKED:
        return  # another run is at it: nobody's attention is needed
    if isinstance(outcome, TreeFailure):
        print_lines(failure_lines(outcome), err=True)
    elif verbosity is not Verbosity.QUIET or outcome.exit_code is not ExitCode.DONE:
        print_lines(update_lines(outcome, verbose=verbosity is Verbosity.VERBOSE))
