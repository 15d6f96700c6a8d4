"""What lies between two generations, by the journal's records alone: they are kept for ever, their files are not."""

from collections.abc import Iterable, Mapping, Sequence

from mirrorsync.model.comparison import Comparison
from mirrorsync.model.edit import Edit
from mirrorsync.model.generation import Generation


def compare(tree: str, records: Mapping[int, Generation], older: int, newer: int, files: Sequence[Edit] | None) -> Comparison:
    """What generation `newer` has that `older` has not, and the other way round; in this order whichever was first.

    `records` are all up to the later of the two that can be read.
    """
    between = range(min(older, newer) + 1, max(older, newer) + 1)
    added, removed = _net([records[number] for number in between if number in records])
    if older > newer:
        added, removed = removed, added
    lines = [lineage(records, number) for number in (older, newer)]
    before, after = (_errata(records, line) for line in lines)
    telling = {older, newer, *between} | (lines[0] ^ lines[1])
    return Comparison(
        tree,
        older,
        newer,
        tuple(sorted(added)),
        tuple(sorted(removed)),
        tuple(sorted(after - before)),
        tuple(sorted(before - after)),
        None if files is None else tuple(files),
        tuple(sorted(telling - records.keys())),
    )


def _net(records: Sequence[Generation]) -> tuple[set[str], set[str]]:
    """What came and what went over all of these together."""
    added: set[str] = set()
    removed: set[str] = set()
    for record in records:
        came, went = set(record.added), set(record.removed)
        added, removed = (added - went) | (came - removed), (removed - came) | (went - added)
    return added, removed


def lineage(records: Mapping[int, Generation], number: int) -> set[int]:
    """The generations whose updates are in a generation; a rollback goes on from the one it brought back."""
    line = set()
    while number > 0:
        line.add(number)
        back_to = records[number].back_to if number in records else None
        number = back_to if back_to and back_to < number else number - 1
    return line


def _errata(records: Mapping[int, Generation], line: Iterable[int]) -> set[str]:
    """The advisories that updates had applied."""
    return {advisory for number in line if number in records for advisory in records[number].advisories}
