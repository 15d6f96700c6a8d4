"""What a .treeinfo says of a tree: its images, their checksums, and of which build they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite

from mirrorsync.model.package import Digest

Key = tuple[str, str]
"""A section's name and a key in it."""


@dataclass(frozen=True, slots=True)
class TreeInfo:
    """Paths below the tree's root, sorted.

    sums: what [checksums] says of images; repomd.xml, which every update changes, is left out.
    booted: kernels and initrds of all its [images-…].  stages: what [stage2] names.
    repositories: those of its variants and addons; "" is the tree itself.
    outside: what any of these, or a variant's packages, name that is no path in the tree; in no other field.
    stamps: what it says of release and time of the build, to the letter, each on one line.
    """

    sums: Mapping[str, Digest]
    booted: tuple[str, ...]
    stages: tuple[str, ...]
    repositories: tuple[str, ...]
    outside: tuple[str, ...]
    stamps: Mapping[Key, str]

    @property
    def timestamp(self) -> float | None:
        """When it was built, in seconds since the epoch; None where it does not say."""
        try:
            seconds = float(self.stamps.get(("general", "timestamp"), ""))
        except ValueError:
            return None
        return seconds if isfinite(seconds) else None

    @property
    def build(self) -> str:
        """Which build it is, for a person: "Rocky Linux 9.5 of 2024-11-17"."""
        family, version = (self.stamps.get(("general", key), "") for key in ("family", "version"))
        name = self.stamps.get(("general", "name")) or f"{family} {version}".strip() or "a build without a name"
        try:
            day = datetime.fromtimestamp(self.timestamp, UTC).date().isoformat() if self.timestamp is not None else "no date"
        except (ValueError, OverflowError, OSError):
            day = "no date"
        return f"{name:.100} of {day}"
