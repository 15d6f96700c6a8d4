"""Carrying a plan out: fetch, build, check, publish, and clear away what is no longer needed."""

import time
from contextlib import ExitStack
from dataclasses import replace

from mirrorsync.app import hooks
from mirrorsync.app.fetching import Obtained, obtain
from mirrorsync.app.images import obtain_images
from mirrorsync.app.planning import Inputs
from mirrorsync.app.readiness import require_ready
from mirrorsync.app.run import Run
from mirrorsync.app.site import Site
from mirrorsync.boot.bootset import belonging
from mirrorsync.errors import PlanError, PublishError
from mirrorsync.model.finding import Severity
from mirrorsync.model.generation import ADOPTION, FileRecord, Generation, Inventory, Received
from mirrorsync.model.outcome import FailedFetch, UpdateOutcome
from mirrorsync.model.plan import NewImages, Plan
from mirrorsync.planning.filters import filter_text
from mirrorsync.planning.record import ByHand, update_record
from mirrorsync.stopping import unbroken
from mirrorsync.tree import generation as building
from mirrorsync.tree import journal, publication
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.contents import Arrival, Contents, next_contents
from mirrorsync.tree.pool import Pool
from mirrorsync.tree.restoration import listed_nevras
from mirrorsync.tree.site import Tree


def renew(
    site: Site, inputs: Inputs, outcome: UpdateOutcome, cache: TreeCache, run: Run, ending: ExitStack, *, whole: bool
) -> UpdateOutcome:
    """Carry `outcome.plan` out; what cannot be fetched is held, or where it is the `whole` plan that is wanted, nothing is done.

    Once it is being published, signals that would end the program wait until `ending` is left.
    Raises MirrorsyncError; the tree is then the old one or the new one, whole.
    """
    began = time.monotonic()
    require_ready(site, inputs.holding, outcome.plan, run.now)
    pool = Pool(site.tree.pool)
    obtained = _with_images(obtain(site, inputs, outcome.plan, pool, run), inputs, outcome.plan.images, pool, run)
    if whole and obtained.failed:
        what = "; ".join(failed.reason for failed in obtained.failed)
        raise PlanError(f"{site.tree.name}: the saved plan cannot be carried out whole: {what}; nothing was published")
    fetched = time.monotonic()
    idle = obtained.plan.empty and not outcome.stale
    renewed = outcome if idle else _published(site, inputs, obtained, cache, run, ending, outcome)
    return replace(
        renewed,
        plan=obtained.plan,
        fetched=obtained.fetched,
        bytes_fetched=obtained.bytes_fetched,
        failed=obtained.failed,
        seconds=replace(outcome.seconds, fetching=fetched - began, publishing=time.monotonic() - fetched),
    )


def _with_images(obtained: Obtained, inputs: Inputs, images: NewImages | None, pool: Pool, run: Run) -> Obtained:
    """The same with the boot images; where one of them fails, without any."""
    if images is None:
        return obtained
    try:
        got = obtain_images(inputs.sources, images, pool, run)
    except OSError as error:
        where = error.filename or images.origin
        raise PublishError(f"{where}: {error.strerror}; make room or mend the disk and run again: what has arrived is kept") from error
    if isinstance(got, FailedFetch):
        return replace(obtained, plan=replace(obtained.plan, images=None), failed=(*obtained.failed, got))
    size = obtained.bytes_fetched + sum(image.size for image in got)
    return replace(obtained, plan=replace(obtained.plan, images=images), images=got, bytes_fetched=size)


def _require_belonging(tree: Tree, plan: Plan) -> None:
    """Raises PublishError where new boot images are not of one build, or not what .treeinfo says: every byte of them is read."""
    findings = belonging(tree.building, tree.repositories, deep=True) if plan.images else ()
    for fault in (finding for finding in findings if finding.severity is Severity.ERROR):
        name = fault.where.removeprefix(f"{tree.building}/")
        raise PublishError(f"{tree.name}: the mirror's boot images do not belong together: {name}: {fault.what}; nothing was published")


def _published(
    site: Site, inputs: Inputs, obtained: Obtained, cache: TreeCache, run: Run, ending: ExitStack, outcome: UpdateOutcome
) -> UpdateOutcome:
    """The outcome with what was published, or why nothing was."""
    tree, plan, stale = site.tree, obtained.plan, outcome.stale
    offered = inputs.offered  # before the tree is adopted: what a mirror says may be refused here
    building.require_unchanged(tree, inputs.seen, inputs.holding.files)
    if inputs.baseline.generation is None:
        _adopt(tree, inputs, run)
    now = run.clock()  # not the call's beginning: the grace counts from here
    images = tuple(Arrival(image.path, image.sha256, image.size) for image in obtained.images)
    contents = next_contents(tree.shape, inputs.holding, plan, obtained.staged, inputs.repositories, images, now=now, grace=tree.grace)
    number = journal.next_number(tree)
    building.build(tree, number, contents, Pool(tree.pool), cache, now=now, offered=offered)
    building.verify(tree, contents, plan, inputs.holding.catalogue.listed_names)
    _require_belonging(tree, plan)
    files = building.files_of(tree, contents, cache)
    generation = replace(
        update_record(number, plan, inputs.baseline.former, [*_limits(run), *([stale] if stale else [])], _by_hand(tree, inputs)),
        published=now,
        run=run.name,
        by=run.by,
        received=_received(obtained, contents),
        grace=building.unlisted(tree, contents.grace, tree.building),
        inventory=Inventory(new_bytes=building.new_bytes(files, inputs.holding.files)),
    )
    announced = hooks.Publication(number, tree.stamp(), generation.added, generation.removed, generation.advisories, plan)
    if withheld := hooks.ask(tree, run, announced):
        publication.recover(tree)
        return replace(outcome, withheld=withheld)
    building.require_unchanged(tree, inputs.seen, inputs.holding.files)
    ending.enter_context(unbroken())
    unfinished = publication.publish(tree, generation, files)
    return replace(outcome, generation=number, findings=(*outcome.findings, *unfinished))


def _limits(run: Run) -> list[str]:
    """What the update was limited to."""
    return [] if run.wanted.empty else [f"limited to {filter_text(run.wanted)}"]


def _received(obtained: Obtained, contents: Contents) -> tuple[Received, ...]:
    """Each package that came in: where it lies, who gave it and who signed it."""
    places = {package.nevra: package.location for package in contents.listed if package.location in contents.replaced}
    return tuple(
        Received(
            nevra=str(entry.package.nevra),
            file=FileRecord(places[entry.package.nevra], entry.package.size, fetched.sha256),
            signer=fetched.signer,
            source=fetched.source,
            announced=entry.package.digest.algorithm if entry.package.digest else None,
            advisories=tuple(sorted(entry.advisories)),
        )
        for entry in obtained.plan.incoming
        for fetched in (obtained.arrived[entry.package.nevra],)
    )


def _adopt(tree: Tree, inputs: Inputs, run: Run) -> None:
    """Record the tree as it was found; what was barred, and what stayed unlisted, goes on so."""
    former, holding = inputs.baseline.former, inputs.holding
    barred = former.barred if former else ()
    number, reason = journal.next_number(tree), "taken as it was found"
    found = Generation(number, run.now, ADOPTION, run.by, reason, barred=barred, grace=holding.grace)
    publication.adopt(tree, found, holding.files)


def _by_hand(tree: Tree, inputs: Inputs) -> ByHand:
    """What the adopted changes come to in packages: by what the generation listed that the tree was."""
    former = inputs.baseline.generation
    if former is None or not inputs.baseline.edits:
        return ByHand()
    before = listed_nevras(tree, tree.generations / str(former.number))
    after = frozenset(str(package.nevra) for package in inputs.holding.catalogue.packages)
    return ByHand(after - before, before - after) if before else ByHand()
