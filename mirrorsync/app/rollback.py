"""The rollback: an older generation made the next one, published as any other, and its boot set staged."""

import os
from contextlib import ExitStack
from dataclasses import replace

from mirrorsync.app import hooks
from mirrorsync.app.boot import plan_boot_set, stage_boot_set, staged_anyway
from mirrorsync.app.readiness import require_publishable
from mirrorsync.app.run import Run
from mirrorsync.app.site import Site
from mirrorsync.app.space import require_space_for_links
from mirrorsync.files import make_directory
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import RollbackOutcome
from mirrorsync.planning.images import images_of
from mirrorsync.planning.provenance import first_comings
from mirrorsync.planning.record import still_barred
from mirrorsync.probes.indexed import mode_findings
from mirrorsync.stopping import unbroken
from mirrorsync.tree import journal, publication, restoration
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.inspection import Depth, Inspection
from mirrorsync.tree.pruning import clear, discard_surplus
from mirrorsync.tree.restoration import Recorded
from mirrorsync.tree.site import Tree
from mirrorsync.tree.ways import check_path


def rollback_tree(site: Site, number: int | None, run: Run) -> RollbackOutcome:
    """Bring generation `number` back, by default the one before.

    Raises MirrorsyncError; the tree is then the old one or the new one, whole.
    """
    tree = site.tree
    _require_place(tree)
    told = hooks.tell(tree, run)
    with publication.writing(tree), TreeCache(tree.cache) as cache, ExitStack() as ending:
        with staged_anyway(site):
            publication.recover(tree)
        goal, inspection = _goal(tree, number, cache)
        outcome = _outcome(tree, goal.generation.number)
        if not _in_place(tree, goal, inspection):
            _require_ready(site, goal, run)
            outcome = _published(tree, goal, outcome, run, inspection, ending)
        boot, failure = stage_boot_set(site)
        left = discard_surplus(tree, run.now)
    cleared = clear(tree, run.now)
    return replace(outcome, boot=boot, findings=(*outcome.findings, *failure, *left, *cleared, *told, *hooks.tell(tree, run)))


def _require_place(tree: Tree) -> None:
    """As `check_path`; a tree that is gone altogether is given an empty directory, which the rollback replaces."""
    if not os.path.lexists(tree.path) and tree.kept_generations():
        make_directory(tree.path)
    check_path(tree)


def plan_rollback(site: Site, number: int | None) -> RollbackOutcome:
    """What `rollback_tree` would do; nothing is written."""
    check_path(site.tree)
    with TreeCache(site.tree.cache) as cache:
        goal, _ = _goal(site.tree, number, cache)
    boot, failure = plan_boot_set(site, site.tree.generations / str(goal.generation.number))
    return replace(_outcome(site.tree, goal.generation.number), dry_run=True, boot=boot, findings=failure)


def _goal(tree: Tree, number: int | None, cache: TreeCache) -> tuple[Recorded, Inspection]:
    """The generation to go back to, found whole. Raises UsageError, TreeError."""
    inspection = Inspection(cache)
    goal = restoration.recorded(tree, restoration.goal_of(tree, number))
    restoration.require_whole(tree, goal, inspection)
    return goal, inspection


def _in_place(tree: Tree, goal: Recorded, inspection: Inspection) -> bool:
    """Whether the goal is what lies at the tree's path, unedited."""
    present = journal.recorded(tree)
    if present != goal.generation or inspection.edits(tree.path, goal.files, Depth.CHANGED):
        return False
    return not any(mode_findings(tree.path, [path for path in goal.listed if tree.shape.read_by_nodes(path)]))


def _require_ready(site: Site, goal: Recorded, run: Run) -> None:
    """Raises PublishError where the tree cannot be replaced where it lies, SpaceError where another farm of links does not fit."""
    require_space_for_links(site, site.tree.generations / str(goal.generation.number), goal.files, run.now)
    require_publishable(site)


def _outcome(tree: Tree, goal: int) -> RollbackOutcome:
    """What comes and goes: by the indexes of the generations themselves, whatever was done to the tree by hand."""
    before = restoration.listed_nevras(tree, tree.generations / str(tree.stamp()), [tree.path])
    after = restoration.listed_nevras(tree, tree.generations / str(goal))
    return RollbackOutcome(tree.name, goal, added=tuple(sorted(after - before)), removed=tuple(sorted(before - after)))


def _published(
    tree: Tree, goal: Recorded, outcome: RollbackOutcome, run: Run, inspection: Inspection, ending: ExitStack
) -> RollbackOutcome:
    """The outcome with what was published, or why nothing was. Once it is, signals wait until `ending` is left."""
    present, now = restoration.recorded_or_none(tree), run.clock()
    wanted = restoration.restoration(tree.shape, goal, present, now=now, grace=tree.grace)
    made = restoration.sound(tree, wanted, tree.stamp(), inspection)
    number, former = journal.next_number(tree), journal.newest(tree)
    records = {record.number: record for record in journal.readable(tree)}
    images, leaving = images_of(records, goal.generation.number), images_of(records, former.number if former else 0)
    restoration.rebuild(tree, number, goal.generation.number, made, tree.stamp())
    restoration.verify_restored(tree, goal.generation.number, made)
    generation = Generation(
        number,
        now,
        run.name,
        run.by,
        reason=f"back to generation {outcome.back_to}",
        back_to=outcome.back_to,
        added=outcome.added,
        removed=outcome.removed,
        returned=first_comings(journal.readable(tree), outcome.added),
        barred=still_barred(former, (*outcome.added, images), (*outcome.removed, *({leaving} - {images, ""}))),
        grace=made.grace,
    )
    announced = hooks.Publication(number, tree.stamp(), generation.added, generation.removed, back_to=generation.back_to)
    if withheld := hooks.ask(tree, run, announced):
        publication.recover(tree)
        return replace(outcome, withheld=withheld)
    ending.enter_context(unbroken())
    unfinished = publication.publish(tree, generation, made.files)
    return replace(outcome, generation=number, findings=(*outcome.findings, *unfinished))
