"""The update: plan, fetch, build, check, publish, stage, and say what was done."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mirrorsync.app.boot import compare_boot_set, stage_boot_set
from mirrorsync.app.check import surroundings_findings
from mirrorsync.app.decision import Inputs, decide
from mirrorsync.app.fetching import Obtained, ShowProgress, obtain
from mirrorsync.app.site import Site, Source
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import UpdateOutcome
from mirrorsync.tree import generation as building
from mirrorsync.tree import journal, publication
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.contents import next_contents
from mirrorsync.tree.pool import Pool


@dataclass(frozen=True, slots=True)
class Run:
    """What is common to all trees of one call: when it began (UTC), what the journal calls it, and what shows its progress."""

    now: datetime
    name: str
    progress: ShowProgress


def update_tree(site: Site, sources: Sequence[Source], run: Run) -> UpdateOutcome:
    """Bring one tree up to date. Raises MirrorsyncError; the tree is then the old one or the new one, whole."""
    began = time.monotonic()
    with publication.writing(site.tree), TreeCache(site.tree.cache) as cache:
        publication.recover(site.tree)
        decision = decide(site, sources, cache)
        outcome = UpdateOutcome(site.tree.name, decision.plan, findings=decision.findings)
        if decision.inputs and not decision.plan.empty:
            outcome = _apply(site, decision.inputs, outcome, cache, run)
        boot, findings = stage_boot_set(site)
    findings = (*outcome.findings, *findings, *surroundings_findings(site))
    return replace(outcome, boot=boot, findings=findings, seconds=time.monotonic() - began)


def plan_tree(site: Site, sources: Sequence[Source]) -> UpdateOutcome:
    """What `update_tree` would do; nothing but caches is written."""
    began = time.monotonic()
    with TreeCache(site.tree.cache) as cache:
        decision = decide(site, sources, cache)
    outcome = UpdateOutcome(site.tree.name, decision.plan, dry_run=True, boot=compare_boot_set(site), findings=decision.findings)
    return replace(outcome, seconds=time.monotonic() - began)


def _apply(site: Site, inputs: Inputs, outcome: UpdateOutcome, cache: TreeCache, run: Run) -> UpdateOutcome:
    pool = Pool(site.tree.pool)
    obtained = obtain(site, inputs, outcome.plan, pool, run.progress)
    outcome = replace(
        outcome, plan=obtained.plan, fetched=len(obtained.staged), bytes_fetched=obtained.bytes_fetched, failed=obtained.failed
    )
    return outcome if obtained.plan.empty else replace(outcome, generation=_publish(site, inputs, obtained, pool, cache, run))


def _publish(site: Site, inputs: Inputs, obtained: Obtained, pool: Pool, cache: TreeCache, run: Run) -> int:
    tree = site.tree
    if tree.stamp() is None:
        publication.adopt(tree, Generation(_next_number(site), run.now, publication.ADOPTION, inputs.holding.files))
    contents = next_contents(tree.layout, inputs.holding, obtained.plan, obtained.staged, now=run.now, grace=tree.grace)
    number = _next_number(site)
    building.build(tree, number, contents, pool, cache, now=run.now, offered=inputs.offered)
    building.verify(tree, contents.listed)
    publication.publish(tree, building.recorded(tree, number, contents, obtained.plan, cache, now=run.now, run=run.name))
    publication.collect(tree, run.now)
    pool.prune()
    pool.prune_incoming(run.now - tree.grace)
    return number


def _next_number(site: Site) -> int:
    return max(journal.numbers(site.tree.journal), default=0) + 1
