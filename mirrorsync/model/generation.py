"""One published state of a tree: which files it has, and what made it differ from the one before."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of a generation: its path below the tree, size in bytes and SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class GraceCopy:
    """A file that stays on disk, unlisted, for installs that began before `since` (UTC)."""

    path: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Generation:
    """What the journal keeps of generation `number`.

    published: UTC.  run: which command made it.  files: all of them, indexes too, sorted by path.
    added, removed: NEVRAs as text.  previous: SHA-256 of the record before this one, '' for the first.
    """

    number: int
    published: datetime
    run: str
    files: tuple[FileRecord, ...]
    grace: tuple[GraceCopy, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    advisories: tuple[str, ...] = ()
    previous: str = ""

    @property
    def listed_and_other(self) -> tuple[FileRecord, ...]:
        """Its files without the grace copies."""
        copies = {copy.path for copy in self.grace}
        return tuple(record for record in self.files if record.path not in copies)
