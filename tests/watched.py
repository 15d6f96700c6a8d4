"""Updates in this process, at any time of day, and checks of the product that can be taken out of it."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mirrorsync.app.assembly import opened_sources, site_of
from mirrorsync.app.run import Run
from mirrorsync.app.update import plan_tree, update_tree
from mirrorsync.config.loading import load
from mirrorsync.errors import MirrorsyncError
from mirrorsync.model.finding import Severity
from mirrorsync.model.outcome import UpdateOutcome
from mirrorsync.report.progress import progress_on
from tests.commands import Mirrorsync

NOW = datetime.now(UTC).replace(microsecond=0)  # as the metadata that tests have made is of today
DAY = 86_400


def run_at(now: datetime, *, accepting: bool = False) -> Run:
    return Run(now, lambda: now, "update", "a test", partial(progress_on, sys.stderr, quiet=True), accept_upstream=accepting)


def updated(program: Mirrorsync, now: datetime = NOW, *, accepting: bool = False, dry: bool = False) -> UpdateOutcome:
    """The outcome of an update, or of a dry run, of the one configured tree. Raises MirrorsyncError."""
    config = load(program.config, {})
    [name] = config.trees
    run = run_at(now, accepting=accepting)
    with opened_sources(config, name, run) as sources:
        return (plan_tree if dry else update_tree)(site_of(config, name), sources, run)


def refusal(program: Mirrorsync, now: datetime = NOW) -> str:
    """The one line that an update of the tree ends with."""
    with pytest.raises(MirrorsyncError) as raised:
        updated(program, now)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def incoming(outcome: UpdateOutcome) -> list[str]:
    return [str(entry.package.nevra) for entry in outcome.plan.incoming]


def codes(outcome: UpdateOutcome) -> list[str]:
    """The codes of what an update found, without notes."""
    return [finding.code for finding in outcome.findings if finding.severity is not Severity.NOTE]


def taken_out(monkeypatch: pytest.MonkeyPatch, check: Callable[..., Any], otherwise: Callable[..., Any]) -> None:
    """Put `otherwise` wherever a module of mirrorsync has the check."""
    places = [
        (module, name)
        for module in [module for name, module in sorted(sys.modules.items()) if name.startswith("mirrorsync.")]
        for name, value in vars(module).items()
        if value is check
    ]
    assert places, f"no module has {check!r}"
    for module, name in places:
        monkeypatch.setattr(module, name, otherwise)


def remembered(state: Path) -> list[Path]:
    """The files of what mirrors showed."""
    return sorted(state.glob("trees/*/views/*.json"))
