"""What an initrd says of itself: its build, and the kernels that it has modules of."""

from dataclasses import dataclass
from pathlib import Path

from mirrorsync.boot.members import members
from mirrorsync.boot.modules import LARGEST_PACKED, PACKED, packed_releases, release_of
from mirrorsync.boot.stamps import LARGEST_STAMP, STAMP, build_of

_SOUGHT = {STAMP: LARGEST_STAMP, PACKED: LARGEST_PACKED}


@dataclass(frozen=True, slots=True)
class Initrd:
    """build: None where it says nothing.  releases: of kernels; none where modules lie elsewhere, or the kernel needs none."""

    build: str | None
    releases: frozenset[str]


def read_initrd(path: Path) -> Initrd:
    """Read an initrd whole, in one pass. Raises BootError where it is damaged."""
    stamp, packed, releases = b"", b"", set[str]()
    for name, content in members(path, _SOUGHT):
        if name == STAMP:
            stamp = stamp or content
        elif name == PACKED:
            packed = content
        elif release := release_of(name):
            releases.add(release)
    if packed:
        releases |= packed_releases(packed)
    return Initrd(build_of(stamp), frozenset(releases))
