"""What a tree was published as, and whether it still is: nothing is built on what its record does not say."""

from collections.abc import Sequence
from dataclasses import dataclass

from mirrorsync.errors import TreeError
from mirrorsync.model.edit import Edit
from mirrorsync.model.generation import FileRecord, Generation
from mirrorsync.planning.edits import edits_text, hand_edits
from mirrorsync.tree import journal
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.site import Tree
from mirrorsync.tree.ways import Way, way_of


@dataclass(frozen=True, slots=True)
class Baseline:
    """generation: the tree's record, None where it was never published here or its record is lost.
    former: that, or else the newest record there is: what it bars holds on.
    edits: what was changed by hand since.  lost: why it cannot be told what a published tree should be.
    """

    generation: Generation | None = None
    former: Generation | None = None
    edits: tuple[Edit, ...] = ()
    lost: str | None = None

    @property
    def difference(self) -> str | None:
        """What is not as recorded, in a few words; None where all is."""
        return f"changed by hand: {edits_text(self.edits)}" if self.edits else self.lost


def read_baseline(tree: Tree, found: Sequence[FileRecord]) -> Baseline:
    """The tree's record, held against the files that were `found` in it."""
    former = journal.newest(tree)
    try:
        generation = journal.current(tree)
        if generation is None or tree.shown() is None:
            return Baseline(former=former, lost=_another(tree))
    except TreeError as error:
        return Baseline(former=former, lost=_said(error))
    try:
        return Baseline(generation, generation, hand_edits(journal.read_files(tree.journal, generation), found))
    except TreeError as error:
        return Baseline(generation, generation, lost=_said(error))


def _said(error: TreeError) -> str:
    """Without the remedy: the caller knows better."""
    return str(error).partition("; ")[0]


def _another(tree: Tree) -> str | None:
    """That a tree was published here and what lies there now is another. An adoption that was stopped is done again."""
    last, number = tree.last(), tree.stamp()
    if last == 0:
        return None
    shown = f"its {STAMP} says {number}" if number is not None else f"it has no {STAMP}"
    return f"changed by hand: generation {last} was published last, and {shown}"


def require_unedited(tree: Tree, baseline: Baseline) -> None:
    """Raises TreeError where the tree is not what its record says."""
    if baseline.difference is None:
        return
    adopting = "`mirrorsync update --adopt-changes` takes it as it is"
    raise TreeError(f"{tree.name}: {tree.path}: {baseline.difference}; {undoing(tree)}, {adopting}; nothing was done")


def undoing(tree: Tree) -> str:
    """What undoes a change by hand. A linked tree is the generation itself, and has no other copy."""
    last = tree.last()
    if way_of(tree) is Way.LINK and tree.shown() is not None:
        return f"`mirrorsync rollback {tree.name}` goes back to the generation before"
    return f"`mirrorsync rollback {tree.name} {last}` restores generation {last} where that is whole"
