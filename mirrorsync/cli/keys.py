"""`mirrorsync keys`: whose signatures count, and who signed what."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import click

from mirrorsync.app.assembly import keyring_of, site_of
from mirrorsync.app.keys import import_keys, listed_keys, tree_signers
from mirrorsync.app.updates import all_updates
from mirrorsync.cli.context import Call, LengthOfTime, Verbosity, chosen_trees, each_tree, end_with, json_option, tree_arguments
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.errors import ExitCode
from mirrorsync.model.keys import KeysOutcome, SignersOutcome
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.report.keys import (
    import_lines,
    key_lines,
    keys_check_document,
    keys_import_document,
    keys_list_document,
    refusal_lines,
    signer_lines,
)
from mirrorsync.report.text import failure_lines

Told = TypeVar("Told", KeysOutcome, SignersOutcome)


@click.group("keys")
def keys_commands() -> None:
    """List the keys that packages may be signed with, make key files usable, and say who signed what."""


@keys_commands.command("list")
@tree_arguments
@json_option
@click.pass_obj
def list_command(call: Call, trees: tuple[str, ...], *, as_json: bool) -> None:
    """List the keys of each update mirror: fingerprint, kind, dates, revocation, subkeys, and whether it needs `legacy`."""
    config = call.config()
    names = chosen_trees(config, trees)
    outcomes = list(each_tree(names, lambda name: listed_keys(name, all_updates(config.trees[name]))))
    if as_json:
        print_document(keys_list_document(outcomes))
    else:
        _print(outcomes, key_lines)
    end_with(outcome.exit_code for outcome in outcomes)


@keys_commands.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR", help="Where to write them.")
@click.option("--fingerprint", "fingerprints", multiple=True, metavar="F", help="Only the key of this fingerprint; may be given again.")
@json_option
@click.pass_obj
def import_command(call: Call, files: tuple[Path, ...], folder: Path, fingerprints: tuple[str, ...], *, as_json: bool) -> None:
    """Write what rpm needs of each key in key files to a file of its own, tried with rpm itself.

    Prints the lines for the configuration. A revoked key is refused. Ends with 3 where one was refused, 1 where all were.
    """
    outcome = import_keys(files, folder, fingerprints, datetime.now(UTC))
    if as_json:
        print_document(keys_import_document(outcome))
    else:
        print_lines(refusal_lines(outcome), err=True)
        print_lines(() if call.verbosity is Verbosity.QUIET else import_lines(outcome))
    end_with([outcome.exit_code])


@keys_commands.command("check")
@tree_arguments
@click.option("--ahead", type=LengthOfTime(), default="90d", show_default=True, metavar="TIME", help="Tell keys that expire in this time.")
@json_option
@click.pass_obj
def check_command(call: Call, trees: tuple[str, ...], ahead: timedelta, *, as_json: bool) -> None:
    """Say who signed the packages of trees, and which of them are unsigned, of unknown keys, or signed weakly.

    Ends with 4 where anything was found.
    """
    config = call.config()

    def act(name: str) -> SignersOutcome:
        return tree_signers(site_of(config, name), keyring_of(config, name), datetime.now(UTC), ahead)

    outcomes = list(each_tree(chosen_trees(config, trees), act))
    if as_json:
        print_document(keys_check_document(outcomes))
    else:
        wanted = [outcome for outcome in outcomes if call.verbosity is not Verbosity.QUIET or outcome.exit_code is not ExitCode.DONE]
        _print(wanted, signer_lines)
    end_with(outcome.exit_code for outcome in outcomes)


def _print(outcomes: Iterable[Told | TreeFailure], lines: Callable[[Told], Iterable[str]]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, TreeFailure):
            print_lines(failure_lines(outcome), err=True)
        else:
            print_lines(lines(outcome))
