"""What lies between two generations, by the journal's records alone: they are kept for ever, their files are not."""

from collections.abc import Mapping, Sequence

from mirrorsync.model.comparison import Comparison
from mirrorsync.model.edit import Edit
from mirrorsync.model.generation import Generation


def compare(
    tree: str, records: Mapping[int, Generation], older: int, newer: int, files: Sequence[Edit] | None
) -> Comparison:
    """What generation `newer` has that `older` has not, and the other way round; in this order whichever was first.

    `records` are all up to the later of the two. Raises KeyError where one between them is missing.
    """
    first, last = sorted((older, newer))
    added, removed = _net([records[number] for number in range(first + 1, last + 1)])
    if older > newer:
        added, removed = removed, added
    before, after = _errata(records, older), _errata(records, newer)
    return Comparison(
        tree,
        older,
        newer,
        tuple(sorted(added)),
        tuple(sorted(removed)),
        tuple(sorted(after - before)),
        tuple(sorted(before - after)),
        None if files is None else tuple(files),
    )


def _net(records: Sequence[Generation]) -> tuple[set[str], set[str]]:
    """What came and what went over all of these together."""
    added: set[str] = set()
    removed: set[str] = set()
    for record in records:
        came, went = set(record.added), set(record.removed)
        added, removed = (added - went) | (came - removed), (removed - came) | (went - added)
    return added, removed


def _errata(records: Mapping[int, Generation], number: int) -> set[str]:
    """The advisories that updates had applied in a generation; a rollback goes back to those of the one it brought back."""
    applied: set[str] = set()
    while record := records.get(number):
        applied |= set(record.advisories)
        number = record.back_to if record.back_to and record.back_to < number else number - 1
    return applied
