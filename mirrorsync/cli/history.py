"""`mirrorsync history` and `mirrorsync diff`."""

import click

from mirrorsync.app.assembly import site_of
from mirrorsync.app.history import tree_diff, tree_history
from mirrorsync.cli.context import Call, chosen_trees, each_tree, end_with, json_option, tree_arguments
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.errors import ExitCode
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.report.documents import diff_document, history_document
from mirrorsync.report.text import diff_lines, failure_lines, history_lines


@click.command("history")
@tree_arguments
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many generations of each tree.")
@json_option
@click.pass_obj
def history_command(call: Call, trees: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """List the generations that were published: when, by which run, packages in and out, errata."""
    config = call.config()
    names = chosen_trees(config, trees)
    outcomes = list(each_tree(names, lambda name: (name, tree_history(site_of(config, name), limit))))
    failures = [outcome for outcome in outcomes if isinstance(outcome, TreeFailure)]
    if as_json:
        print_document(history_document(outcomes))
    else:
        for outcome in outcomes:
            failed = isinstance(outcome, TreeFailure)
            print_lines(failure_lines(outcome) if isinstance(outcome, TreeFailure) else history_lines(*outcome), err=failed)
    end_with([ExitCode.DONE, *(failure.exit_code for failure in failures)])


@click.command("diff")
@click.argument("generations", nargs=-1, required=True, metavar="[TREE] OLDER NEWER")
@json_option
@click.pass_obj
def diff_command(call: Call, generations: tuple[str, ...], *, as_json: bool) -> None:
    """Say what generation NEWER of a tree has and OLDER has not, and the other way round.

    TREE may be left out where only one is configured. Generations that are no longer kept are compared too, by the
    journal: packages and errata; other files are where both are kept.
    """
    *named, older, newer = generations if len(generations) > 1 else ("", *generations)
    if not (older.isdecimal() and newer.isdecimal()) or len(named) > 1:
        raise click.UsageError("needs the numbers of two generations: mirrorsync diff [TREE] OLDER NEWER")
    config = call.config()
    trees = chosen_trees(config, named)
    if len(trees) > 1:
        raise click.UsageError(f"name the tree: {', '.join(trees)}")
    [outcome] = each_tree(trees, lambda name: tree_diff(site_of(config, name), int(older), int(newer)))
    if as_json:
        print_document(diff_document(outcome))
    else:
        failed = isinstance(outcome, TreeFailure)
        print_lines(failure_lines(outcome) if isinstance(outcome, TreeFailure) else diff_lines(outcome), err=failed)
    end_with([outcome.exit_code if isinstance(outcome, TreeFailure) else ExitCode.DONE])
