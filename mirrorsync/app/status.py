"""What a tree is just now: read from its journal, waiting for nobody."""

from datetime import datetime

from mirrorsync.app.activity import activity
from mirrorsync.app.boot import compare_boot_set
from mirrorsync.app.present import own_files
from mirrorsync.app.site import Site
from mirrorsync.app.unsigned import not_signed
from mirrorsync.locks import lock_holder
from mirrorsync.model.outcome import StatusOutcome
from mirrorsync.tree import journal
from mirrorsync.tree.ways import check_path


def tree_status(site: Site, now: datetime) -> StatusOutcome:
    """A tree's state. Raises TreeError where there is no tree."""
    tree = site.tree
    check_path(tree)
    generation = journal.recorded(tree)
    files = own_files(tree, generation)
    return StatusOutcome(
        tree=tree.name,
        path=str(tree.path),
        layout=tree.layout.value,
        generation=tree.stamp(),
        published=generation.published if generation else None,
        packages=sum(1 for record in files if tree.shape.is_package(record.path)),
        bytes=sum(record.size for record in files),
        grace_copies=len(generation.grace) if generation else 0,
        kept_generations=tree.kept_generations(),
        boot=compare_boot_set(site),
        running=lock_holder(tree.lock),
        findings=not_signed(site),
        activity=activity(site, now),
    )
