"""What a tree is just now: read from its journal, waiting for nobody."""

from mirrorsync.app.boot import compare_boot_set
from mirrorsync.app.site import Site
from mirrorsync.app.vouching import not_signed
from mirrorsync.errors import TreeError
from mirrorsync.locks import lock_holder
from mirrorsync.model.generation import FileRecord, Generation
from mirrorsync.model.outcome import StatusOutcome
from mirrorsync.tree import journal
from mirrorsync.tree.layout import is_package
from mirrorsync.tree.site import Tree
from mirrorsync.tree.ways import check_path


def tree_status(site: Site) -> StatusOutcome:
    """A tree's state. Raises TreeError where there is no tree."""
    tree = site.tree
    check_path(tree)
    generation = journal.recorded(tree)
    files = _files(tree, generation)
    return StatusOutcome(
        tree=tree.name,
        path=str(tree.path),
        layout=tree.layout.value,
        generation=tree.stamp(),
        published=generation.published if generation else None,
        packages=sum(1 for record in files if is_package(tree.layout, record.path)),
        bytes=sum(record.size for record in files),
        grace_copies=len(generation.grace) if generation else 0,
        kept_generations=tree.kept_generations(),
        boot=compare_boot_set(site),
        running=lock_holder(tree.lock),
        findings=not_signed(site),
    )


def _files(tree: Tree, generation: Generation | None) -> tuple[FileRecord, ...]:
    """What the tree has without its grace copies; nothing where that is not known."""
    if generation is None:
        return ()
    copies = {copy.path for copy in generation.grace}
    try:
        return tuple(record for record in journal.read_files(tree.journal, generation) if record.path not in copies)
    except TreeError:
        return ()
