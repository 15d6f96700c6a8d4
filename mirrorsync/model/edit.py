"""What somebody changed in a published tree by hand."""

from dataclasses import dataclass
from enum import StrEnum


class EditKind(StrEnum):
    """How a file differs from its record."""

    ADDED = "added"
    REMOVED = "removed"
    REPLACED = "changed"


@dataclass(frozen=True, slots=True)
class Edit:
    """One file, by its path below the tree."""

    kind: EditKind
    path: str
