"""`mirrorsync prune`."""

from datetime import UTC, datetime

import click

from mirrorsync.app.assembly import site_of
from mirrorsync.app.pruning import prune_tree
from mirrorsync.cli.context import Call, Verbosity, chosen_trees, each_tree, end_with, json_option, tree_arguments
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.errors import ExitCode
from mirrorsync.model.outcome import PruneOutcome, TreeFailure
from mirrorsync.report.documents import prune_document
from mirrorsync.report.text import failure_lines, prune_lines


@click.command("prune")
@tree_arguments
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go and how much that frees, and touch nothing.")
@click.option("--keep", type=click.IntRange(0), metavar="N", help="How many former generations stay.  [default: as configured]")
@json_option
@click.pass_obj
def prune_command(call: Call, trees: tuple[str, ...], *, dry_run: bool, keep: int | None, as_json: bool) -> None:
    """Remove former generations and fetched files that no install needs any more.

    What the grace protects stays, however few generations are to be kept. Updates do the same when they have published.
    """
    config = call.config()
    now = datetime.now(UTC)
    names = chosen_trees(config, trees)
    outcomes = list(each_tree(names, lambda name: prune_tree(site_of(config, name), now, keep=keep, dry_run=dry_run)))
    if as_json:
        print_document(prune_document(outcomes))
    else:
        for outcome in outcomes:
            _print(outcome, call.verbosity)
    end_with(outcome.exit_code for outcome in outcomes)


def _print(outcome: PruneOutcome | TreeFailure, verbosity: Verbosity) -> None:
    """Failures to standard error; with -q nothing else but what ended with another code than 0."""
    if isinstance(outcome, TreeFailure):
        print_lines(failure_lines(outcome), err=True)
    elif verbosity is not Verbosity.QUIET or outcome.exit_code is not ExitCode.DONE:
        print_lines(prune_lines(outcome))
