"""One published state of a tree: which files it has, and what made it differ from the one before."""

from dataclasses import dataclass
from datetime import datetime

ADOPTION = "adoption"
"""The run that recorded a tree as it was found."""


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
class Inventory:
    """What a generation's list of files comes to: how many, their bytes, those of them that the one before had not, the list's SHA-256."""

    count: int = 0
    bytes: int = 0
    new_bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A package that an update mirror gave, and the file it became.

    signer: full fingerprint of the pinned key it was verified with; None where the mirror's signatures were not asked for.
    source: the URL that gave it, after mirror lists and without credentials; None where a lost note of the pool had it.
    announced: the kind of digest that the mirror's metadata had of it ("sha256"); None where it has no metadata.
    """

    nevra: str
    file: FileRecord
    signer: str | None
    source: str | None
    announced: str | None
    advisories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Returned:
    """A package that a rollback brought back, and the generation it first came in with: None where that record is lost."""

    nevra: str
    generation: int | None


@dataclass(frozen=True, slots=True)
class Generation:
    """What the journal keeps of generation `number` for ever; its list of files is kept apart, as long as its files are.

    published: UTC.  run: which command made it.  by: which process of whom.  reason: why it was made, for a person.
    back_to: the generation that a rollback brought back.  added, removed: NEVRAs as text.
    received: of those added, what update mirrors gave; what was put there by hand is `added` alone.  returned: what a rollback added.
    barred: NEVRAs, and identities of boot images, that rollbacks took out and that no update brings back by itself.
    images: the identity of the boot images that came in with it; '' where they stayed.
    previous: SHA-256 of the record before this one, '' for the first.
    """

    number: int
    published: datetime
    run: str
    by: str = ""
    reason: str = ""
    back_to: int | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    advisories: tuple[str, ...] = ()
    received: tuple[Received, ...] = ()
    returned: tuple[Returned, ...] = ()
    barred: tuple[str, ...] = ()
    images: str = ""
    grace: tuple[GraceCopy, ...] = ()
    inventory: Inventory = Inventory()
    previous: str = ""
