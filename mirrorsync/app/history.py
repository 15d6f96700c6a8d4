"""A tree's generations by its journal: what each changed, and what lies between two; read waiting for nobody."""

from collections.abc import Sequence

from mirrorsync.app.site import Site
from mirrorsync.errors import TreeError, UsageError
from mirrorsync.model.comparison import Comparison
from mirrorsync.model.edit import Edit, EditKind
from mirrorsync.model.generation import Generation
from mirrorsync.planning.edits import hand_edits
from mirrorsync.planning.history import compare
from mirrorsync.tree import journal
from mirrorsync.tree.layout import is_index, is_package
from mirrorsync.tree.site import Tree
from mirrorsync.tree.ways import check_path


def tree_history(site: Site, limit: int) -> tuple[Generation, ...]:
    """The newest `limit` generations, newest first. Raises TreeError where there is no tree, or a record cannot be read."""
    tree = site.tree
    check_path(tree)
    numbers = journal.published(tree)[-limit:]
    return tuple(journal.read_record(tree.journal, number) for number in reversed(numbers))


def tree_diff(site: Site, older: int, newer: int) -> Comparison:
    """What generation `newer` has that `older` has not. Raises UsageError for one there never was, TreeError for a lost record."""
    tree = site.tree
    numbers = journal.published(tree)
    for number in (older, newer):
        if number not in numbers:
            raise UsageError(f"{tree.name}: the journal has no generation {number}; it has {_span(numbers)}")
    records = {number: journal.read_record(tree.journal, number) for number in numbers if number <= max(older, newer)}
    try:
        return compare(tree.name, records, older, newer, _other_files(tree, records[older], records[newer]))
    except KeyError as error:
        raise TreeError(f"{journal.record_path(tree.journal, error.args[0])}: is missing; restore it from a backup") from error


def _span(numbers: Sequence[int]) -> str:
    return f"{numbers[0]} to {numbers[-1]}" if numbers else "none"


def _other_files(tree: Tree, older: Generation, newer: Generation) -> list[Edit] | None:
    """What differs of files that are no indexes, and of packages their bytes; None where a list of files went with its generation."""
    try:
        lists = [journal.read_files(tree.journal, generation) for generation in (older, newer)]
    except TreeError:
        return None
    return [edit for edit in hand_edits(*lists) if not is_index(tree.layout, edit.path) and _is_news(tree, edit)]


def _is_news(tree: Tree, edit: Edit) -> bool:
    """Packages that came or went are told by name already."""
    return edit.kind is EditKind.REPLACED or not is_package(tree.layout, edit.path)
