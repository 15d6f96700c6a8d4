"""What files take of a file system: inodes and their blocks, and what is left there."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR

_SECTOR = 512  # what st_blocks counts, whatever the file system's blocks are

InodeKey = tuple[int, int]
"""Device and inode number."""


@dataclass(frozen=True, slots=True)
class Inode:
    """An inode: what it takes in bytes of blocks, and how many names it has; a directory has one."""

    key: InodeKey
    bytes: int
    names: int


@dataclass(slots=True)
class Census:
    """Names counted by the inode they belong to."""

    inodes: dict[InodeKey, Inode] = field(default_factory=dict)
    names: Counter[InodeKey] = field(default_factory=Counter)

    def count(self, inodes: Iterable[Inode]) -> None:
        """Count one name of each."""
        for inode in inodes:
            self.inodes[inode.key] = inode
            self.names[inode.key] += 1

    @property
    def freed(self) -> tuple[Inode, ...]:
        """The inodes that go when all names counted do: those that have no other name."""
        return tuple(inode for key, inode in self.inodes.items() if self.names[key] >= inode.names)


def inode_of(status: os.stat_result) -> Inode:
    """The inode that lstat(2) tells of."""
    names = 1 if S_ISDIR(status.st_mode) else status.st_nlink
    return Inode((status.st_dev, status.st_ino), status.st_blocks * _SECTOR, names)


def inodes_below(root: Path) -> Iterator[Inode]:
    """The inode of every name below `root`, its own first; nothing where it is not there, and what goes meanwhile is left out."""
    try:
        yield inode_of(root.lstat())
        with os.scandir(root) as entries:
            found = list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from inodes_below(Path(entry.path))
        else:
            yield from inodes_at([Path(entry.path)])


def inodes_at(paths: Iterable[Path]) -> Iterator[Inode]:
    """The inodes of those of the paths that are there."""
    for path in paths:
        try:
            yield inode_of(path.lstat())
        except FileNotFoundError:
            continue
