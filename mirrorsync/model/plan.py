"""What an update would do to a tree, entry by entry, each with its reason."""

from dataclasses import dataclass
from enum import StrEnum

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.package import Digest, Package
from mirrorsync.model.version import NEVRA


class Change(StrEnum):
    """Why a package comes into the tree."""

    UPGRADE = "upgrade"
    OBSOLETING = "obsoleting"
    BROUGHT = "brought along"
    NEW = "new"


class Removal(StrEnum):
    """Why a package leaves the indexes."""

    SUPERSEDED = "superseded"
    OBSOLETED = "obsoleted"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A package to fetch from `origin` (its catalogue's) and to list."""

    package: Package
    origin: str
    change: Change
    reason: str
    advisories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A package to list no longer; `by` takes its place. Its file stays for the grace."""

    package: Package
    removal: Removal
    by: NEVRA
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A held package that something would have replaced, and why it stays."""

    package: Package
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """A package that is not applied although it could be newer, why, and the errata that wait with it."""

    nevra: NEVRA
    reason: str
    advisories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewImage:
    """A boot image to fetch: its path below the tree, and its digest as the mirror's .treeinfo has it."""

    path: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class NewImages:
    """Boot images of another build, which come together or not at all, from the mirror called `origin`.

    build: for a person.  stamps: (section, key, value) of what the tree's .treeinfo is to say of the build.
    """

    origin: str
    build: str
    files: tuple[NewImage, ...]
    stamps: tuple[tuple[str, str, str], ...] = ()

    @property
    def identity(self) -> str:
        """What the journal calls them: the same for the same files."""
        return f"images {' '.join(f'{image.path} {image.digest}' for image in self.files)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All entries, each tuple sorted by NEVRA key; `unchanged` counts the packages it says nothing of.

    advisories: those that the incoming and held entries name, sorted by id.
    images: None where the boot images stay.
    """

    tree: str
    incoming: tuple[Incoming, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    kept: tuple[Kept, ...] = ()
    held: tuple[Held, ...] = ()
    unchanged: int = 0
    advisories: tuple[Advisory, ...] = ()
    images: NewImages | None = None

    @property
    def empty(self) -> bool:
        """Whether applying it would leave indexes and boot images as they are."""
        return not self.incoming and not self.outgoing and self.images is None

    @property
    def bytes_to_fetch(self) -> int:
        """The sum of the incoming files' sizes."""
        return sum(entry.package.size for entry in self.incoming)
