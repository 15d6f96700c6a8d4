"""`mirrorsync errata`: what an erratum says, and which errata trees have taken."""

from datetime import datetime

import click

from mirrorsync.app.errata import applied_tree, dossiers
from mirrorsync.cli.context import Call, chosen_trees, complete_tree, each_tree, end_with, json_option, tree_arguments
from mirrorsync.cli.filters import complete_advisory
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.cli.telling import complain, now
from mirrorsync.errors import ExitCode
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.report.errata import applied_lines, applied_report, dossier_lines, dossiers_document
from mirrorsync.report.text import failure_lines


@click.group("errata")
def errata_commands() -> None:
    """Say what errata are about, and which of them trees have taken; asks no mirror."""


@errata_commands.command("show")
@click.argument("names", nargs=-1, required=True, metavar="ID...", shell_complete=complete_advisory)
@click.option("--tree", "trees", multiple=True, metavar="TREE", shell_complete=complete_tree, help="Of this tree alone; several: of these.")
@json_option
@click.pass_obj
def show_command(call: Call, names: tuple[str, ...], trees: tuple[str, ...], *, as_json: bool) -> None:
    """Say all that is known of an erratum, and what it is to each tree: pending, or applied, when and by which run.

    Ends with 2 where no tree ever had to do with one of them.
    """
    config = call.config()
    at = now()
    found = dossiers(config, chosen_trees(config, trees), names, at)
    unknown = [dossier.id for dossier in found if not dossier.involvements]
    if as_json:
        print_document(dossiers_document(found, at.date()))
    else:
        known = (dossier for dossier in found if dossier.involvements)
        for number, dossier in enumerate(known):
            print_lines([*([""] if number else []), *dossier_lines(dossier, at.date())])
        for name in unknown:
            complain(f"{name}: no tree has it pending or applied; `mirrorsync pending` names those that are")
    raise click.exceptions.Exit(int(ExitCode.USAGE if unknown else ExitCode.DONE))


@errata_commands.command("applied")
@tree_arguments
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Published on that day or later.  [default: all]")
@json_option
@click.pass_obj
def applied_command(call: Call, trees: tuple[str, ...], since: datetime | None, *, as_json: bool) -> None:
    """List the errata that trees have, newest first: when each was published, how long after its issue, and whether in time.

    By the journal. What a rollback took out again is left out.
    """
    config = call.config()
    day = since.date() if since else None
    outcomes = list(each_tree(chosen_trees(config, trees), lambda name: applied_tree(config, name, day)))
    if as_json:
        print_document(applied_report(outcomes))
    else:
        for outcome in outcomes:
            failed = isinstance(outcome, TreeFailure)
            print_lines(failure_lines(outcome) if isinstance(outcome, TreeFailure) else applied_lines(outcome), err=failed)
    end_with(outcome.exit_code for outcome in outcomes)
