"""`mirrorsync audit`."""

from collections.abc import Sequence
from functools import partial

import click

from mirrorsync.app.assembly import keyring_of, site_of
from mirrorsync.app.audit import audit_tree
from mirrorsync.cli.context import Call, chosen_trees, each_tree, end_with, json_option
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.config.schema import Config
from mirrorsync.model.audit import AuditOutcome
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.report.audit import audit_lines
from mirrorsync.report.documents import audit_document
from mirrorsync.report.text import failure_lines

Outcome = AuditOutcome | TreeFailure


@click.command("audit")
@click.argument("words", nargs=-1, metavar="NEVRA|FILE|GLOB [TREE]...")
@click.option("--all", "all_packages", is_flag=True, help="Every package that the trees list; the arguments are trees.")
@json_option
@click.pass_obj
def audit_command(call: Call, words: tuple[str, ...], *, all_packages: bool, as_json: bool) -> None:
    """Say where a package came from, when, by which run, and who signed it: offline, from the journal.

    A FILE, in a tree or anywhere, is known by its SHA-256. Ends with 4 where something is not as recorded, or never was.
    """
    if not words and not all_packages:
        raise click.UsageError("name a package, a file or a glob, or say --all: mirrorsync audit NEVRA|FILE|GLOB [TREE]...")
    asked, trees = (None, words) if all_packages else (words[0], words[1:])
    config = call.config()
    outcomes = _telling([_audited(config, name, asked) for name in chosen_trees(config, trees)], named=bool(trees))
    if as_json:
        print_document(audit_document(outcomes))
    else:
        for outcome in outcomes:
            failed = isinstance(outcome, TreeFailure)
            print_lines(failure_lines(outcome) if isinstance(outcome, TreeFailure) else audit_lines(outcome), err=failed)
    end_with(outcome.exit_code for outcome in outcomes)


def _audited(config: Config, name: str, asked: str | None) -> Outcome:
    [outcome] = each_tree([name], lambda tree: audit_tree(site_of(config, tree), partial(keyring_of, config, tree), asked))
    return outcome


def _telling(outcomes: Sequence[Outcome], *, named: bool) -> list[Outcome]:
    """Without trees that know nothing of it, where another one does and none was named."""
    knowing = [outcome for outcome in outcomes if isinstance(outcome, TreeFailure) or outcome.known]
    return list(outcomes) if named or not any(isinstance(outcome, AuditOutcome) for outcome in knowing) else knowing
