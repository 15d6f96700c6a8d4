"""`mirrorsync history` and `mirrorsync diff`."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import click

from mirrorsync.app.assembly import site_of
from mirrorsync.app.history import tree_diff, tree_history
from mirrorsync.cli.context import Call, chosen_trees, each_tree, end_with, json_option, tree_arguments
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.model.outcome import DiffOutcome, HistoryOutcome, TreeFailure
from mirrorsync.report.documents import diff_document, history_document
from mirrorsync.report.text import diff_lines, failure_lines, finding_lines, history_lines

Told = TypeVar("Told", HistoryOutcome, DiffOutcome)


@click.command("history")
@tree_arguments
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many generations of each tree.")
@json_option
@click.pass_obj
def history_command(call: Call, trees: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """List the generations that were published: when, by which run, packages in and out, errata."""
    config = call.config()
    outcomes = list(each_tree(chosen_trees(config, trees), lambda name: tree_history(site_of(config, name), limit)))
    if as_json:
        print_document(history_document(outcomes))
    else:
        for outcome in outcomes:
            _print(outcome, history_lines)
    end_with(outcome.exit_code for outcome in outcomes)


def _print(outcome: Told | TreeFailure, lines: Callable[[Told], Iterable[str]]) -> None:
    """What is told to standard output; what cannot be, to standard error."""
    if isinstance(outcome, TreeFailure):
        print_lines(failure_lines(outcome), err=True)
    else:
        print_lines(lines(outcome))
        print_lines(finding_lines(outcome.findings), err=True)


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
        _print(outcome, lambda found: diff_lines(found.comparison))
    end_with([outcome.exit_code])
