"""`mirrorsync check`."""

import click

from mirrorsync.app.assembly import keyring_of, site_of
from mirrorsync.app.check import check_tree
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
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.report.documents import check_document
from mirrorsync.report.text import check_lines, failure_lines


@click.command("check")
@tree_arguments
@click.option("--deep", is_flag=True, help="Read every file: digests and signatures too.")
@json_option
@click.pass_obj
def check_command(call: Call, trees: tuple[str, ...], *, deep: bool, as_json: bool) -> None:
    """Look at trees as a node would meet them: indexes, packages, modes, boot images, NFS export.

    Ends with 4 where anything was found.
    """
    config = call.config()
    names = chosen_trees(config, trees)
    outcomes = list(each_tree(names, lambda name: check_tree(site_of(config, name), keyring_of(config, name), deep=deep)))
    if as_json:
        print_document(check_document(outcomes))
    else:
        for outcome in outcomes:
            if isinstance(outcome, TreeFailure):
                print_lines(failure_lines(outcome), err=True)
            elif call.verbosity is not Verbosity.QUIET or outcome.exit_code is not ExitCode.DONE:
                print_lines(check_lines(outcome))
    end_with(outcome.exit_code for outcome in outcomes)
