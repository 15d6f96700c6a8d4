"""A model disk: directories, files and links by inode number, read from a real disk or written to one."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ENTRY_TIME = 1_000_000_000  # seconds since 1970: what is written to a real disk gets one time
Entry = tuple[int, int, str | None]  # mode with its type, number of the content (0 for a directory), target of a link


@dataclass(slots=True)
class Contents:
    """Every content that was ever seen, each under one number; those of directories and links are 0, the empty one."""

    blobs: list[bytes] = field(default_factory=lambda: [b""])
    numbers: dict[bytes, int] = field(default_factory=lambda: {b"": 0})

    def number(self, blob: bytes) -> int:
        """The number of a content, given the first time it is asked for."""
        if blob not in self.numbers:
            self.numbers[blob] = len(self.blobs)
            self.blobs.append(blob)
        return self.numbers[blob]


@dataclass(slots=True)
class Disk:
    """roots: where each modelled folder lies, and its inode.  names: entries by directory.  contents: their numbers.

    modes: with the type.  targets: of links.
    """

    roots: Mapping[str, int]
    names: dict[int, dict[str, int]] = field(default_factory=dict)
    contents: dict[int, int] = field(default_factory=dict)
    modes: dict[int, int] = field(default_factory=dict)
    targets: dict[int, str] = field(default_factory=dict)

    def copy(self) -> "Disk":
        """A disk that changes by itself."""
        names = {inode: dict(entries) for inode, entries in self.names.items()}
        return Disk(self.roots, names, dict(self.contents), dict(self.modes), dict(self.targets))

    def place(self, path: str) -> tuple[int, str] | None:
        """(directory, name) of a path, links on the way followed; None outside the roots. The directory of a root is -1."""
        root = next((root for root in self.roots if path == root or path.startswith(f"{root}/")), None)
        if root is None:
            return None
        if path == root:
            return -1, root
        above, _, name = path.rpartition("/")
        directory = self.inode(above)
        if directory is None or directory not in self.names:
            raise FileNotFoundError(f"{path}: the model has no such directory")
        return directory, name

    def inode(self, path: str, links: int = 8) -> int | None:
        """What lies at a path, links followed; None where nothing does."""
        place = self.place(path)
        if place is None or place[0] == -1:
            return None if place is None else self.roots[place[1]]
        found = self.names[place[0]].get(place[1])
        if found in self.targets and links:
            return self.inode(os.path.normpath(os.path.join(os.path.dirname(path), self.targets[found])), links - 1)  # noqa: PTH118, PTH120
        return found

    def below(self, directory: int | None, prefix: str = "") -> Iterator[tuple[str, int]]:
        """(path, inode) of everything in a directory and further down."""
        for name, inode in self.names.get(directory, {}).items() if directory is not None else ():
            yield prefix + name, inode
            if inode in self.names:
                yield from self.below(inode, f"{prefix}{name}/")

    def entry(self, inode: int) -> Entry:
        """What can be seen of an inode."""
        return self.modes[inode], self.contents.get(inode, 0), self.targets.get(inode)

    def listing(self, directory: int | None) -> dict[str, Entry]:
        """Everything below a directory as it can be seen."""
        return {path: self.entry(inode) for path, inode in self.below(directory)}

    def seen(self) -> dict[str, Entry]:
        """Everything below the roots as it can be seen."""
        return {f"{root}/{path}": self.entry(inode) for root, top in self.roots.items() for path, inode in self.below(top)}


def read_disk(roots: list[Path], contents: Contents) -> Disk:
    """What lies in the folders `roots`; names of one file stay names of one file."""
    disk = Disk({str(root): root.stat().st_ino for root in roots})
    for root in roots:
        _read(root, disk, contents)
    return disk


def _read(path: Path, disk: Disk, contents: Contents) -> int:
    status = path.lstat()
    disk.modes[status.st_ino] = status.st_mode
    if stat.S_ISDIR(status.st_mode):
        disk.names[status.st_ino] = {child.name: _read(child, disk, contents) for child in sorted(path.iterdir())}
    elif stat.S_ISLNK(status.st_mode):
        disk.targets[status.st_ino] = str(path.readlink())
    elif status.st_ino not in disk.contents:
        disk.contents[status.st_ino] = contents.number(path.read_bytes())
    return status.st_ino


def write_disk(disk: Disk, blob_of: Mapping[int, bytes], moved: Mapping[str, Path]) -> None:
    """Make a model disk real, each root at the folder that `moved` names for it."""
    made: dict[int, Path] = {}
    for root, top in disk.roots.items():
        moved[root].mkdir(parents=True)
        moved[root].chmod(stat.S_IMODE(disk.modes[top]))
        for name, inode in disk.below(top):
            _write(moved[root] / name, inode, disk, blob_of, made)
    for inode, path in made.items():
        if inode not in disk.targets:
            path.chmod(stat.S_IMODE(disk.modes[inode]))
            os.utime(path, (ENTRY_TIME, ENTRY_TIME))


def _write(path: Path, inode: int, disk: Disk, blob_of: Mapping[int, bytes], made: dict[int, Path]) -> None:
    if inode in made:
        path.hardlink_to(made[inode])
        return
    if inode in disk.names:
        path.mkdir()
    elif inode in disk.targets:
        path.symlink_to(disk.targets[inode])
    else:
        path.write_bytes(blob_of[disk.contents.get(inode, 0)])
    made[inode] = path
