"""`mirrorsync rollback`."""

import sys
from datetime import UTC, datetime
from functools import partial

import click

from mirrorsync.app.assembly import site_of
from mirrorsync.app.rollback import plan_rollback, rollback_tree
from mirrorsync.app.run import Run
from mirrorsync.cli.context import (
    Call,
    Verbosity,
    caller,
    chosen_trees,
    complete_tree,
    each_tree,
    end_with,
    json_option,
)
from mirrorsync.cli.hooks import hooks_of, hooks_option, speaker
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.cli.telling import tell_others, told
from mirrorsync.model.outcome import RollbackOutcome, TreeFailure
from mirrorsync.report.documents import rollback_document
from mirrorsync.report.progress import progress_on
from mirrorsync.report.text import failure_lines, rollback_lines


@click.command("rollback")
@click.argument("tree", shell_complete=complete_tree)
@click.argument("number", type=click.IntRange(1), required=False)
@click.option("-n", "--dry-run", is_flag=True, help="Say which packages would come back and which go, and touch nothing.")
@hooks_option
@json_option
@click.pass_obj
def rollback_command(call: Call, tree: str, number: int | None, *, dry_run: bool, unhooked: bool, as_json: bool) -> None:
    """Bring an earlier generation of TREE back: NUMBER, or the one before the present.

    It is published as a new generation, and the boot set goes with it. What it takes out no update brings back by
    itself: see `update --reapply`. With the present generation's number, what was changed by hand is undone.
    """
    config = call.config()
    progress = partial(progress_on, sys.stderr, quiet=True)
    hooks, say = hooks_of(config, unhooked=unhooked), speaker(call.verbosity)
    run = Run(datetime.now(UTC), lambda: datetime.now(UTC), "rollback", caller(), progress, hooks, say)

    def act(name: str) -> RollbackOutcome:
        site = site_of(config, name)
        return plan_rollback(site, number) if dry_run else rollback_tree(site, number, run)

    results = each_tree(chosen_trees(config, [tree]), act)
    [outcome] = results if dry_run else told(config, results, run.name)
    if as_json:
        print_document(rollback_document([outcome]))
    elif isinstance(outcome, TreeFailure):
        print_lines(failure_lines(outcome), err=True)
    elif call.verbosity is not Verbosity.QUIET or outcome.findings or outcome.withheld:
        print_lines(rollback_lines(outcome))
    if not dry_run:
        tell_others(config, run.name)
    end_with([outcome.exit_code])
