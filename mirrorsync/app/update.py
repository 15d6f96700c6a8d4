"""The update: decide, renew the tree where there is anything to do, stage its boot set, and say what was done."""

import time
from collections.abc import Sequence
from dataclasses import replace

from mirrorsync.app.boot import plan_boot_set, stage_boot_set
from mirrorsync.app.decision import decide
from mirrorsync.app.run import Run
from mirrorsync.app.site import Site, Source
from mirrorsync.app.surroundings import surroundings_findings
from mirrorsync.model.outcome import Seconds, UpdateOutcome
from mirrorsync.tree import publication
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.reading import check_path


def update_tree(site: Site, sources: Sequence[Source], run: Run) -> UpdateOutcome:
    """Bring one tree up to date. Raises MirrorsyncError; the tree is then the old one or the new one, whole."""
    began = time.monotonic()
    check_path(site.tree)
    with publication.writing(site.tree), TreeCache(site.tree.cache) as cache:
        publication.recover(site.tree)
        decision = decide(site, sources, cache)
        seconds = Seconds(planning=time.monotonic() - began)
        outcome = UpdateOutcome(site.tree.name, decision.plan, findings=decision.findings, stale=decision.stale, seconds=seconds)
        if decision.inputs and (decision.stale or not decision.plan.empty):
            from mirrorsync.app.renewal import renew  # noqa: PLC0415  as in decision: not for a run with nothing to do

            outcome = renew(site, decision.inputs, outcome, cache, run)
        boot, failure = stage_boot_set(site)
    around = [finding for finding in surroundings_findings(site) if not (failure and finding.code.startswith("boot-"))]
    return _ended(replace(outcome, boot=boot, findings=(*outcome.findings, *failure, *around)), began)


def plan_tree(site: Site, sources: Sequence[Source]) -> UpdateOutcome:
    """What `update_tree` would do; nothing but caches is written."""
    began = time.monotonic()
    with TreeCache(site.tree.cache) as cache:
        decision = decide(site, sources, cache)
    boot, failure = plan_boot_set(site)
    findings = (*decision.findings, *failure)
    return _ended(UpdateOutcome(site.tree.name, decision.plan, dry_run=True, boot=boot, stale=decision.stale, findings=findings), began)


def _ended(outcome: UpdateOutcome, began: float) -> UpdateOutcome:
    return replace(outcome, seconds=replace(outcome.seconds, total=time.monotonic() - began))
