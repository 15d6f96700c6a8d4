"""Carrying a plan out: fetch, build, check, publish, and clear away what is no longer needed."""

import time
from dataclasses import replace

from mirrorsync.app.fetching import Obtained, obtain
from mirrorsync.app.planning import Inputs
from mirrorsync.app.run import Run
from mirrorsync.app.site import Site
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import UpdateOutcome
from mirrorsync.tree import generation as building
from mirrorsync.tree import journal, publication
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.contents import next_contents
from mirrorsync.tree.pool import Pool


def renew(site: Site, inputs: Inputs, outcome: UpdateOutcome, cache: TreeCache, run: Run) -> UpdateOutcome:
    """Carry `outcome.plan` out; what cannot be fetched is held.

    Raises MirrorsyncError; the tree is then the old one or the new one, whole.
    """
    began = time.monotonic()
    pool = Pool(site.tree.pool)
    obtained = obtain(site, inputs, outcome.plan, pool, run.progress)
    fetched = time.monotonic()
    number = None if obtained.plan.empty and not outcome.stale else _publish(site, inputs, obtained, pool, cache, run)
    return replace(
        outcome,
        plan=obtained.plan,
        generation=number,
        fetched=obtained.fetched,
        bytes_fetched=obtained.bytes_fetched,
        failed=obtained.failed,
        seconds=replace(outcome.seconds, fetching=fetched - began, publishing=time.monotonic() - fetched),
    )


def _publish(site: Site, inputs: Inputs, obtained: Obtained, pool: Pool, cache: TreeCache, run: Run) -> int:
    tree = site.tree
    if journal.recorded(tree) is None:
        publication.adopt(tree, Generation(journal.next_number(tree), run.now, publication.ADOPTION, inputs.holding.files))
    contents = next_contents(tree.layout, inputs.holding, obtained.plan, obtained.staged, now=run.now, grace=tree.grace)
    number = journal.next_number(tree)
    building.build(tree, number, contents, pool, cache, now=run.now, offered=inputs.offered)
    building.verify(tree, contents, obtained.plan, inputs.holding.catalogue.listed_names)
    publication.publish(tree, building.recorded(tree, number, contents, obtained.plan, cache, now=run.now, run=run.name))
    publication.collect(tree, run.now)
    pool.prune()
    pool.prune_incoming(run.now - tree.grace)
    return number
