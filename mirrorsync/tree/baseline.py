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


@dataclass(frozen=True, slots=True)
class Baseline:
    """generation: the tree's record, None where it was never published here or its record is lost.
    edits: what was changed by hand since.  lost: why a published tree's record cannot be used.
    """

    generation: Generation | None = None
    edits: tuple[Edit, ...] = ()
    lost: str | None = None

    @property
    def difference(self) -> str | None:
        """What is not as recorded, in a few words; None where all is."""
        return f"changed by hand: {edits_text(self.edits)}" if self.edits else self.lost


def read_baseline(tree: Tree, found: Sequence[FileRecord]) -> Baseline:
    """The tree's record, held against the files that were `found` in it."""
    try:
        generation = journal.current(tree)
        if generation is None:
            return Baseline(lost=_unstamped(tree))
        return Baseline(generation, hand_edits(journal.read_files(tree.journal, generation), found))
    except TreeError as error:
        return Baseline(lost=str(error))


def _unstamped(tree: Tree) -> str | None:
    """That a tree was published here and what lies there now is another. An adoption that was stopped is done again."""
    recorded = journal.numbers(tree.journal)
    if not recorded or journal.is_adoption(tree.journal, recorded[-1]):
        return None
    return f"it is not generation {recorded[-1]}, which the journal ends with, nor any other: {STAMP} is missing"


def require_unedited(tree: Tree, baseline: Baseline) -> None:
    """Raises TreeError where the tree is not what its record says."""
    if baseline.difference is None:
        return
    number = tree.stamp() or max(tree.kept_generations(), default=0)
    back = f"`mirrorsync rollback {tree.name} {number}` restores generation {number}, `mirrorsync update --adopt-changes` takes it as it is"
    raise TreeError(f"{tree.name}: {tree.path}: {baseline.difference}; {back}; nothing was done")
