"""Two generations of a tree held against each other."""

from dataclasses import dataclass

from mirrorsync.model.edit import Edit


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `newer` has and `older` has not, and the other way round.

    added, removed: NEVRAs as text, of what the indexes list.  errata_in, errata_out: advisory ids.
    files: what else differs, as a change of `older`; None where the list of one of them is no longer kept.
    unknown: the generations whose records would have more to tell, and are lost.
    """

    tree: str
    older: int
    newer: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    errata_in: tuple[str, ...]
    errata_out: tuple[str, ...]
    files: tuple[Edit, ...] | None
    unknown: tuple[int, ...] = ()
