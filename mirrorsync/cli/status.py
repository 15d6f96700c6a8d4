"""`mirrorsync status`."""

from datetime import UTC, datetime

import click

from mirrorsync.app.assembly import site_of
from mirrorsync.app.status import tree_status
from mirrorsync.cli.context import Call, chosen_trees, each_tree, end_with, json_option, tree_arguments
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.report.documents import status_document
from mirrorsync.report.text import failure_lines, status_lines


@click.command("status")
@tree_arguments
@json_option
@click.pass_obj
def status_command(call: Call, trees: tuple[str, ...], *, as_json: bool) -> None:
    """Say what trees are just now: generation, packages, boot set, whether a run is at work, and who seems to be installing."""
    config = call.config()
    outcomes = list(each_tree(chosen_trees(config, trees), lambda name: tree_status(site_of(config, name), datetime.now(UTC))))
    if as_json:
        print_document(status_document(outcomes))
    else:
        for outcome in outcomes:
            failed = isinstance(outcome, TreeFailure)
            print_lines(failure_lines(outcome) if isinstance(outcome, TreeFailure) else status_lines(outcome), err=failed)
    end_with(outcome.exit_code for outcome in outcomes)
