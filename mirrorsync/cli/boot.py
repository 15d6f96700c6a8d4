"""`mirrorsync boot`: what nodes load before the installer."""

from collections.abc import Callable

import click

from mirrorsync.app.assembly import site_of
from mirrorsync.app.bootsets import boot_status, earlier_boot_set, stage_boot
from mirrorsync.app.site import Site
from mirrorsync.cli.context import Call, Verbosity, chosen_trees, complete_tree, each_tree, end_with, json_option, tree_arguments
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.errors import ExitCode, UsageError
from mirrorsync.model.booting import BootOutcome
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.report.booting import boot_document, boot_lines
from mirrorsync.report.text import failure_lines

_dry_run_option = click.option("-n", "--dry-run", is_flag=True, help="Say what would be staged, and touch nothing.")


@click.group("boot")
def boot_commands() -> None:
    """Say which boot set nodes load, and stage the tree's, or an earlier one."""


@boot_commands.command("status")
@tree_arguments
@json_option
@click.pass_obj
def status_command(call: Call, trees: tuple[str, ...], *, as_json: bool) -> None:
    """Say whether nodes load their tree's boot set, of which generations it is, and what is wrong in the boot directory.

    Ends with 4 where anything was found.
    """
    _act(call, trees, boot_status, as_json=as_json)


@boot_commands.command("stage")
@tree_arguments
@_dry_run_option
@json_option
@click.pass_obj
def stage_command(call: Call, trees: tuple[str, ...], *, dry_run: bool, as_json: bool) -> None:
    """Stage the boot sets of trees as updates do, asking no mirror."""
    _act(call, trees, lambda site: stage_boot(site, dry_run=dry_run), as_json=as_json)


@boot_commands.command("rollback")
@click.argument("tree", shell_complete=complete_tree)
@click.argument("number", type=click.IntRange(1), required=False)
@_dry_run_option
@json_option
@click.pass_obj
def rollback_command(call: Call, tree: str, number: int | None, *, dry_run: bool, as_json: bool) -> None:
    """Let nodes load the boot set of generation NUMBER of TREE, or the last one before the present that is another.

    The tree stays as it is, `check` says that the two are not of one generation, and the next update stages the tree's again:
    `mirrorsync rollback` brings both back.
    """

    def act(site: Site) -> BootOutcome:
        return stage_boot(site, earlier_boot_set(site) if number is None else number, dry_run=dry_run)

    _act(call, (tree,), act, as_json=as_json)


def _act(call: Call, trees: tuple[str, ...], action: Callable[[Site], BootOutcome], *, as_json: bool) -> None:
    """For those named, or for all from which anything is staged."""
    config = call.config()
    named = chosen_trees(config, trees)
    names = named if trees else tuple(name for name in named if config.trees[name].boot)
    if not names:
        raise UsageError("nothing is staged from any tree; add [trees.NAME.boot] with a directory")
    outcomes = list(each_tree(names, lambda name: action(site_of(config, name))))
    if as_json:
        print_document(boot_document(outcomes))
    else:
        for outcome in outcomes:
            if isinstance(outcome, TreeFailure):
                print_lines(failure_lines(outcome), err=True)
            elif call.verbosity is not Verbosity.QUIET or outcome.exit_code is not ExitCode.DONE:
                print_lines(boot_lines(outcome))
    end_with(outcome.exit_code for outcome in outcomes)
