"""What lies at a tree's path, by its journal: nothing is asked of the tree but which generation it is."""

from mirrorsync.errors import TreeError
from mirrorsync.model.generation import FileRecord, Generation
from mirrorsync.model.standing import Standing
from mirrorsync.planning.standing import Present
from mirrorsync.tree import journal
from mirrorsync.tree.site import Tree


def present_of(tree: Tree, before: Standing | None) -> Present:
    """What the tree is now; as was said `before` of one that is still the same generation, or is not there."""
    place = (tree.name, str(tree.path), tree.layout.value)
    number = tree.stamp()
    if before and before.published and (before.generation == number or not tree.path.exists()):
        return Present(*place, before.generation, before.published, before.packages, before.bytes)
    generation = journal.recorded(tree)
    files = own_files(tree, generation)
    packages = sum(1 for record in files if tree.shape.is_package(record.path))
    return Present(*place, number, generation.published if generation else None, packages, sum(record.size for record in files))


def own_files(tree: Tree, generation: Generation | None) -> tuple[FileRecord, ...]:
    """What the tree has without its grace copies; nothing where that is not known."""
    if generation is None:
        return ()
    copies = {copy.path for copy in generation.grace}
    try:
        return tuple(record for record in journal.read_files(tree.journal, generation) if record.path not in copies)
    except TreeError:
        return ()
