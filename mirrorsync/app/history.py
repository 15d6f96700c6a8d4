"""A tree's generations by its journal: what each changed, and what lies between two; read waiting for nobody."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mirrorsync.app.chain import record_finding
from mirrorsync.app.site import Site
from mirrorsync.errors import TreeError, UsageError
from mirrorsync.model.comparison import Comparison
from mirrorsync.model.edit import Edit, EditKind
from mirrorsync.model.finding import Finding
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import DiffOutcome, HistoryOutcome
from mirrorsync.planning.edits import hand_edits
from mirrorsync.planning.history import compare
from mirrorsync.tree import journal
from mirrorsync.tree.restoration import listed_nevras
from mirrorsync.tree.site import Tree
from mirrorsync.tree.ways import check_path


def tree_history(site: Site, limit: int) -> HistoryOutcome:
    """The newest `limit` generations. Raises TreeError where there is no tree."""
    tree = site.tree
    check_path(tree)
    records, lost = _records(tree, reversed(_published(tree)[-limit:]))
    return HistoryOutcome(tree.name, tuple(records.values()), tuple(lost.values()))


def tree_diff(site: Site, older: int, newer: int) -> DiffOutcome:
    """What generation `newer` has that `older` has not. Raises UsageError for one there never was."""
    tree = site.tree
    numbers = _published(tree)
    for number in (older, newer):
        if number not in numbers:
            raise UsageError(f"{tree.name}: the journal has no generation {number}; it has {_span(numbers)}")
    records, lost = _records(tree, [number for number in numbers if number <= max(older, newer)])
    files = _other_files(tree, records[older], records[newer]) if {older, newer} <= records.keys() else None
    comparison = compare(tree.name, records, older, newer, files)
    findings = tuple(lost[number] for number in comparison.unknown if number in lost)
    return DiffOutcome(_by_indexes(tree, comparison) if findings else comparison, findings)


def _published(tree: Tree) -> range:
    """The generations that the journal has, or should have, records of."""
    numbers, last = journal.published(tree), tree.last()
    return range(_first(tree, numbers), last + 1)


def _first(tree: Tree, numbers: Sequence[int]) -> int:
    """The oldest of them, or where that says that it follows another, the first there can have been."""
    try:
        return 1 if not numbers or journal.read_record(tree.journal, numbers[0]).previous else numbers[0]
    except TreeError:
        return numbers[0]


def _records(tree: Tree, numbers: Iterable[int]) -> tuple[dict[int, Generation], dict[int, Finding]]:
    """The records in this order, and what is wrong with those that cannot be read."""
    records: dict[int, Generation] = {}
    lost: dict[int, Finding] = {}
    for number in numbers:
        try:
            records[number] = journal.read_record(tree.journal, number)
        except TreeError as error:
            lost[number] = record_finding(tree, number, error)
    return records, lost


def _span(numbers: Sequence[int]) -> str:
    return f"{numbers[0]} to {numbers[-1]}" if numbers else "none"


def _by_indexes(tree: Tree, comparison: Comparison) -> Comparison:
    """With the packages that the generations themselves list, where both are kept, for not every record can be read."""
    before, after = (listed_nevras(tree, tree.generations / str(number)) for number in (comparison.older, comparison.newer))
    if not before or not after:
        return comparison
    return replace(comparison, added=tuple(sorted(after - before)), removed=tuple(sorted(before - after)))


def _other_files(tree: Tree, older: Generation, newer: Generation) -> list[Edit] | None:
    """What differs of files that are no indexes, and of packages their bytes; None where a list of files went with its generation."""
    try:
        lists = [journal.read_files(tree.journal, generation) for generation in (older, newer)]
    except TreeError:
        return None
    return [edit for edit in hand_edits(*lists) if not tree.shape.is_index(edit.path) and _is_news(tree, edit)]


def _is_news(tree: Tree, edit: Edit) -> bool:
    """Packages that came or went are told by name already."""
    return edit.kind is EditKind.REPLACED or not tree.shape.is_package(edit.path)
