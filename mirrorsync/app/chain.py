"""The journal's records, each held against the next, and the last against the tree's stamp."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mirrorsync.errors import TreeError
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.tree import journal
from mirrorsync.tree.site import Tree

_RESTORE = "restore it from a backup"


def chain_findings(tree: Tree, numbers: Sequence[int]) -> Iterator[Finding]:
    """Each record has the digest of the one before; the tree's stamp has the last one's."""
    previous = _beginning(tree, numbers)
    for before, number in zip([None, *numbers], [*numbers, tree.last() + 1], strict=True):
        if previous and (missing := number - 1 - (before or 0)):
            yield _gap(tree, number - missing, number - 1)
        if number not in numbers:
            break
        try:
            generation = journal.read_record(tree.journal, number)
        except TreeError as error:
            yield record_finding(tree, number, error)
            previous = ""
            continue
        if before == number - 1 and previous and generation.previous != previous:
            yield _changed(journal.record_path(tree.journal, before), f"is not the record that {number}.json follows")
        previous = journal.digest(tree.journal, number)
    shown, seal = tree.stamped()
    if shown is not None and shown in numbers and seal != journal.digest(tree.journal, shown):
        yield _changed(journal.record_path(tree.journal, shown), "is not the record that the tree was published with")


def _beginning(tree: Tree, numbers: Sequence[int]) -> str:
    """What the oldest record there is says it follows: '' where it is the first."""
    try:
        return journal.read_record(tree.journal, numbers[0]).previous if numbers else "lost"
    except TreeError:
        return ""


def _gap(tree: Tree, first: int, last: int) -> Finding:
    more = f" to {last}.json" if last > first else ""
    what = f"is missing{more}"
    return Finding(Severity.ERROR, "journal-lost", str(journal.record_path(tree.journal, first)), what, _RESTORE)


def record_finding(tree: Tree, number: int, error: TreeError) -> Finding:
    """That a record cannot be read."""
    path = journal.record_path(tree.journal, number)
    code = "journal-changed" if path.exists() else "journal-lost"
    return Finding(Severity.ERROR, code, str(path), str(error).removeprefix(f"{path}: ").partition("; ")[0], _RESTORE)


def _changed(path: Path, what: str) -> Finding:
    return Finding(Severity.ERROR, "journal-changed", str(path), what, "restore it from a backup; nothing it says can be relied on")
