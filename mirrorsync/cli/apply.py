"""`mirrorsync apply`."""

import json
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from mirrorsync.app.assembly import opened_sources, site_of
from mirrorsync.app.run import Run
from mirrorsync.app.update import update_tree
from mirrorsync.cli.context import (
    Call,
    Verbosity,
    caller,
    chosen_trees,
    each_tree,
    end_with,
    json_option,
)
from mirrorsync.cli.hooks import hooks_of, hooks_option, speaker
from mirrorsync.cli.telling import tell_others, told
from mirrorsync.cli.update import shown_updates
from mirrorsync.errors import PlanError
from mirrorsync.model.outcome import UpdateOutcome
from mirrorsync.planning.saved import SavedPlan, saved_from
from mirrorsync.report.progress import progress_on


@click.command("apply")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@hooks_option
@json_option
@click.pass_obj
def apply_command(call: Call, file: Path, *, unhooked: bool, as_json: bool) -> None:
    """Carry out just the plan in FILE, saved by `update --dry-run --save`, or nothing.

    Where the tree or its update mirrors have moved so that the plan would be another now, it says what moved and leaves
    all as it is; so it does where a package cannot be fetched or verified.
    """
    config = call.config()
    plans = {saved.plan.tree: saved for saved in _read(file)}
    progress = partial(progress_on, sys.stderr, quiet=as_json or call.verbosity is Verbosity.QUIET)
    by, hooks, say = caller(), hooks_of(config, unhooked=unhooked), speaker(call.verbosity)

    def act(name: str) -> UpdateOutcome:
        saved = plans[name]
        options = {"adopt_changes": saved.adopt_changes, "reapply": saved.reapply, "accept_upstream": saved.accept_upstream}
        run = Run(datetime.now(UTC), lambda: datetime.now(UTC), "apply", by, progress, hooks, say, wanted=saved.wanted, **options)
        with opened_sources(config, name, run) as sources:
            return update_tree(site_of(config, name), sources, run, saved)

    names = chosen_trees(config, tuple(plans)) if plans else ()
    outcomes = shown_updates(told(config, each_tree(names, act), "apply"), call.verbosity, as_json=as_json)
    tell_others(config, "apply")
    end_with(outcome.exit_code for outcome in outcomes)


def _read(file: Path) -> tuple[SavedPlan, ...]:
    try:
        return saved_from(json.loads(file.read_bytes()))
    except (ValueError, RecursionError, PlanError) as error:
        raise PlanError(f"{file}: not a saved plan: {error}; save one with `mirrorsync update --dry-run --save FILE`") from error
