"""`mirrorsync pending`."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import click

from mirrorsync.app.assembly import opened_sources, site_of
from mirrorsync.app.pending import pending_offline, pending_tree
from mirrorsync.app.run import Run
from mirrorsync.cli.context import Call, Verbosity, caller, chosen_trees, each_tree, end_with, json_option, tree_arguments
from mirrorsync.cli.filters import filter_of, filter_options, print_unmet
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.config.schema import Config
from mirrorsync.errors import ExitCode
from mirrorsync.model.filter import Filter
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.model.pending import PendingOutcome
from mirrorsync.planning.filters import chosen_errata, chosen_untold, concerned
from mirrorsync.report.pending import pending_csv, pending_lines, pending_report, pending_summary
from mirrorsync.report.progress import progress_on
from mirrorsync.report.text import failure_lines, finding_lines


@click.command("pending")
@tree_arguments
@filter_options
@click.option("--offline", is_flag=True, help="Ask no mirror: say what the last run knew, with the ages of today.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a line of comma-separated values for each package.")
@json_option
@click.pass_obj
def pending_command(call: Call, /, trees: tuple[str, ...], *, offline: bool, as_csv: bool, as_json: bool, **options: Any) -> None:
    """Say which errata trees lack, the most urgent and then the oldest first, and what the next update does about them.

    Filters narrow each other. It waits for no other run, and changes nothing. Ends with 100 where anything that is
    meant is pending.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    wanted = filter_of(options)
    config = call.config()
    now = datetime.now(UTC)

    def act(name: str) -> PendingOutcome:
        return pending_offline(config, name, now) if offline else _looked_up(config, name, now)

    found = list(each_tree(chosen_trees(config, trees), act))
    if call.verbosity is not Verbosity.QUIET:
        _print_unmet(found, wanted)
    outcomes = [_part(outcome, wanted) for outcome in found]
    _print_failures(outcomes, quiet=as_json)
    if as_json:
        print_document(pending_report(outcomes, wanted, now.date()))
    elif as_csv:
        sys.stdout.write(pending_csv(outcomes, now.date()))
    else:
        _print(outcomes, now.date(), call.verbosity, offline=offline)
    end_with(outcome.exit_code for outcome in outcomes)


def _part(outcome: PendingOutcome | TreeFailure, wanted: Filter) -> PendingOutcome | TreeFailure:
    """What of it is meant."""
    if isinstance(outcome, TreeFailure):
        return outcome
    return replace(outcome, errata=chosen_errata(wanted, outcome.errata), untold=chosen_untold(wanted, outcome.untold))


def _print_unmet(outcomes: Sequence[PendingOutcome | TreeFailure], wanted: Filter) -> None:
    """Nothing where some tree could not be looked at."""
    seen = [outcome for outcome in outcomes if isinstance(outcome, PendingOutcome)]
    if len(seen) == len(outcomes):
        advisories = (erratum.advisory for outcome in seen for erratum in outcome.errata)
        print_unmet(wanted, advisories, (nevra for outcome in seen for nevra in concerned(outcome)))


def _looked_up(config: Config, name: str, now: datetime) -> PendingOutcome:
    """By a run that neither asks hooks nor tells anybody."""
    run = Run(now, lambda: datetime.now(UTC), "pending", caller(), partial(progress_on, sys.stderr, quiet=True))
    with opened_sources(config, name, run) as sources:
        return pending_tree(site_of(config, name), sources, run)


def _print_failures(outcomes: Iterable[PendingOutcome | TreeFailure], *, quiet: bool) -> None:
    for outcome in outcomes:
        if isinstance(outcome, TreeFailure) and not quiet:
            print_lines(failure_lines(outcome), err=True)


def _print(outcomes: Iterable[PendingOutcome | TreeFailure], today: date, verbosity: Verbosity, *, offline: bool) -> None:
    """With -q the counts alone, and those only where there are any."""
    for outcome in outcomes:
        if isinstance(outcome, TreeFailure):
            continue
        if verbosity is not Verbosity.QUIET:
            print_lines(pending_lines(outcome, today, whole=verbosity is Verbosity.VERBOSE))
            print_lines([f"  as the run of {outcome.at:%Y-%m-%d %H:%M} UTC left it"] if offline else [])
            print_lines(finding_lines(outcome.findings), err=True)
        elif outcome.exit_code is ExitCode.PENDING:
            print_lines([pending_summary(outcome, today)])
