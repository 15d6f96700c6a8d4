"""`mirrorsync update`."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import click

from mirrorsync.app.assembly import opened_sources, site_of
from mirrorsync.app.run import Run
from mirrorsync.app.update import plan_tree, update_tree
from mirrorsync.cli.context import (
    Call,
    Verbosity,
    caller,
    chosen_trees,
    each_tree,
    end_with,
    json_option,
    require_outside_trees,
    tree_arguments,
)
from mirrorsync.cli.filters import filter_of, filter_options, print_unmet
from mirrorsync.cli.hooks import hooks_of, hooks_option, speaker
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.cli.telling import tell_others, told
from mirrorsync.config.schema import Config
from mirrorsync.errors import ExitCode, UsageError
from mirrorsync.files import write_file
from mirrorsync.model.filter import Filter
from mirrorsync.model.outcome import TreeFailure, UpdateOutcome
from mirrorsync.planning.filters import concerned
from mirrorsync.planning.saved import SAVED_SCHEMA, SavedPlan, saved_document
from mirrorsync.report.documents import update_document
from mirrorsync.report.progress import progress_on
from mirrorsync.report.text import failure_lines, update_lines


@click.command("update")
@tree_arguments
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done and why, entry by entry, and touch nothing.")
@click.option("--adopt-changes", is_flag=True, help="Take a tree that was changed by hand as it is; else it is refused.")
@click.option(
    "--save", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="With --dry-run: keep the plan for `mirrorsync apply`."
)
@click.option("--reapply", is_flag=True, help="Let in again what a rollback took out.")
@click.option("--accept-upstream", is_flag=True, help="Take update mirrors as they are although they have gone back or shrunk.")
@filter_options
@hooks_option
@json_option
@click.pass_obj
def update_command(
    call: Call, /, trees: tuple[str, ...], *, dry_run: bool, save: Path | None, unhooked: bool, as_json: bool, **options: Any
) -> None:
    """Bring install trees up to date with their update mirrors.

    Superseded packages are replaced, the installer's indexes rebuilt, everything is verified, and the tree is
    published in one step; then the boot images are staged. Ends with 3 where something is held back.

    Filters (--security to --package) limit it to the errata and packages that they mean, each at the newest build that
    is offered, and to what these need; the rest stays as it is.
    """
    if save and not dry_run:
        raise click.UsageError("--save is for a plan that is not carried out: add --dry-run")
    config = call.config()
    if save:
        _require_savable(config, save)
    progress = partial(progress_on, sys.stderr, quiet=as_json or call.verbosity is Verbosity.QUIET)
    hooks, say = hooks_of(config, unhooked=unhooked), speaker(call.verbosity)
    wanted = filter_of(options)
    run = Run(datetime.now(UTC), lambda: datetime.now(UTC), "update", caller(), progress, hooks, say, wanted=wanted, **options)

    def act(name: str) -> UpdateOutcome:
        site = site_of(config, name)
        with opened_sources(config, name, run) as sources:
            return plan_tree(site, sources, run) if dry_run else update_tree(site, sources, run)

    results = each_tree(chosen_trees(config, trees), act)
    outcomes = shown_updates(results if dry_run else told(config, results, run.name), call.verbosity, as_json=as_json)
    if call.verbosity is not Verbosity.QUIET:
        _print_unmet(outcomes, wanted)
    if save:
        _save(outcomes, run, save)
    if not dry_run:
        tell_others(config, run.name)
    end_with(outcome.exit_code for outcome in outcomes)


def _print_unmet(outcomes: Sequence[UpdateOutcome | TreeFailure], wanted: Filter) -> None:
    """Nothing where some tree could not be looked at."""
    seen = [(outcome.plan, outcome.pending) for outcome in outcomes if isinstance(outcome, UpdateOutcome) and outcome.pending]
    if len(seen) == len(outcomes):
        left = (erratum.advisory for _, pending in seen for erratum in pending.errata)
        advisories = chain(left, (advisory for plan, _ in seen for advisory in plan.advisories))
        packages = [nevra for _, pending in seen for nevra in concerned(pending)]
        for plan, _ in seen:
            packages += [entry.package.nevra for entry in plan.incoming]
            packages += [entry.package.nevra for entry in plan.outgoing]
        print_unmet(wanted, advisories, packages)


def _require_savable(config: Config, file: Path) -> None:
    """Raises UsageError for a place where a plan would take the place of something else."""
    require_outside_trees(config, file)
    real = file.resolve()
    if real.exists() and not (real.is_file() and _is_saved_plan(real)):
        raise UsageError(f"{file}: is there already, and is no saved plan; name another file")


def _is_saved_plan(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_bytes())["schema"] == SAVED_SCHEMA)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _save(outcomes: Iterable[UpdateOutcome | TreeFailure], run: Run, file: Path) -> None:
    """The plans of all trees; nothing where one has none."""
    plans = []
    for outcome in outcomes:
        if isinstance(outcome, TreeFailure) or outcome.basis is None:
            print_lines([f"{file}: not saved: there is no plan for {outcome.tree}"], err=True)
            return
        options = (run.adopt_changes, run.reapply, run.accept_upstream, run.wanted)
        plans.append(SavedPlan(outcome.plan, outcome.basis, *options))
    write_file(file.resolve(), json.dumps(saved_document(plans), indent=1).encode())


def shown_updates(
    results: Iterable[UpdateOutcome | TreeFailure], verbosity: Verbosity, *, as_json: bool
) -> list[UpdateOutcome | TreeFailure]:
    """All results, each printed as it comes, or all as one document."""
    outcomes = []
    for outcome in results:
        outcomes.append(outcome)
        if not as_json:
            _print(outcome, verbosity)
    if as_json:
        print_document(update_document(outcomes))
    return outcomes


def _print(outcome: UpdateOutcome | TreeFailure, verbosity: Verbosity) -> None:
    """Failures to standard error; with -q nothing else but what ended with another code than 0."""
    if verbosity is Verbosity.QUIET and outcome.exit_code is ExitCode.LOCKED:
        return  # another run is at it: nobody's attention is needed
    if isinstance(outcome, TreeFailure):
        print_lines(failure_lines(outcome), err=True)
    elif verbosity is not Verbosity.QUIET or outcome.exit_code is not ExitCode.DONE:
        print_lines(update_lines(outcome, verbose=verbosity is Verbosity.VERBOSE))
