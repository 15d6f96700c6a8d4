"""The update: decide, renew the tree where there is anything to do, stage its boot set, and say what was done."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from mirrorsync.app import hooks
from mirrorsync.app.boot import plan_boot_set, stage_boot_set, staged_anyway
from mirrorsync.app.decision import Decision, decide
from mirrorsync.app.run import Run
from mirrorsync.app.site import Site, Source
from mirrorsync.app.steadiness import steady
from mirrorsync.app.surroundings import surroundings_findings
from mirrorsync.app.unsigned import not_signed
from mirrorsync.app.vigilance import remember
from mirrorsync.errors import PlanError
from mirrorsync.model.finding import Finding
from mirrorsync.model.outcome import Seconds, UpdateOutcome
from mirrorsync.planning.movement import moved
from mirrorsync.planning.saved import SavedPlan
from mirrorsync.tree import publication
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.pruning import clear, discard_surplus
from mirrorsync.tree.ways import check_path


def update_tree(site: Site, sources: Sequence[Source], run: Run, saved: SavedPlan | None = None) -> UpdateOutcome:
    """Bring one tree up to date; by the plan that was `saved`, where one is given, and by no other.

    Raises MirrorsyncError; the tree is then the old one or the new one, whole.
    """
    began = time.monotonic()
    check_path(site.tree)
    told = hooks.tell(site.tree, run)
    with publication.writing(site.tree), TreeCache(site.tree.cache) as cache, ExitStack() as ending:
        with staged_anyway(site):
            publication.recover(site.tree)
            decision = decide(site, sources, cache, run)
        if saved:
            _require_unmoved(saved, decision)
        remember(source.vigil for source in sources)
        outcome = replace(_outcome(site, decision), seconds=Seconds(planning=time.monotonic() - began))
        if decision.inputs and (decision.stale or not decision.plan.empty):
            from mirrorsync.app.lack import left_over  # noqa: PLC0415  as in decision: not for a run with nothing to do
            from mirrorsync.app.renewal import renew  # noqa: PLC0415  as above

            outcome = left_over(renew(site, decision.inputs, outcome, cache, run, ending, whole=saved is not None))
        boot, failure = stage_boot_set(site)
        left = discard_surplus(site.tree, run.now)
    if outcome.generation is not None or site.tree.discarded.is_dir():
        left = (*left, *clear(site.tree, run.now))
    told = (*told, *hooks.tell(site.tree, run))
    around = [finding for finding in surroundings_findings(site) if not (failure and finding.code.startswith("boot-"))]
    return _ended(replace(outcome, boot=boot, findings=(*outcome.findings, *failure, *left, *told, *around)), began)


def plan_tree(site: Site, sources: Sequence[Source], run: Run) -> UpdateOutcome:
    """What `update_tree` would do; nothing but caches is written."""
    began = time.monotonic()
    with TreeCache(site.tree.cache) as cache:
        decision = steady(site.tree, partial(decide, site, sources, cache, run))
    if not run.accept_upstream:
        remember(source.vigil for source in sources)  # else only an update lets the memory begin anew
    boot, failure = plan_boot_set(site)
    outcome = _outcome(site, decision)
    findings = (*outcome.findings, *failure, *_obstacles(site, decision, run))
    return _ended(replace(outcome, dry_run=True, boot=boot, findings=findings), began)


def _obstacles(site: Site, decision: Decision, run: Run) -> tuple[Finding, ...]:
    """What would keep the plan from being carried out."""
    if decision.inputs is None or (decision.plan.empty and not decision.stale):
        return ()
    from mirrorsync.app.readiness import obstacles  # noqa: PLC0415  as above

    return tuple(obstacles(site, decision.inputs.holding, decision.plan, run.now))


def _outcome(site: Site, decision: Decision) -> UpdateOutcome:
    findings = (*decision.findings, *not_signed(site))
    return UpdateOutcome(site.tree.name, decision.plan, decision.basis, findings=findings, stale=decision.stale, pending=decision.pending)


def _require_unmoved(saved: SavedPlan, decision: Decision) -> None:
    """Raises PlanError where the plan that would be made now is another than the saved one."""
    if changes := moved(saved.basis, saved.plan, decision.basis, decision.plan):
        remedy = "look at a new plan (`mirrorsync update --dry-run --save FILE`)"
        raise PlanError(f"{saved.plan.tree}: the saved plan does not hold any more: {'; '.join(changes)}; {remedy}; nothing was done")


def _ended(outcome: UpdateOutcome, began: float) -> UpdateOutcome:
    return replace(outcome, seconds=replace(outcome.seconds, total=time.monotonic() - began))
