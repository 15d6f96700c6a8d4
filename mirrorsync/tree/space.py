"""What building and publishing a generation takes beside a tree: its folders, lists, indexes, and copies in place of links."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mirrorsync.errors import PublishError
from mirrorsync.files import closed_to_nodes
from mirrorsync.filesystem import kind_of
from mirrorsync.model.choices import Layout
from mirrorsync.model.generation import FileRecord
from mirrorsync.planning.space import Demand, Room, blocks_of
from mirrorsync.tree.indexes import index_files
from mirrorsync.tree.site import Tree
from mirrorsync.tree.usage import inode_of
from mirrorsync.tree.ways import Way, way_of

_NAME = 64  # bytes of a new package's file name
_ENTRY = 11  # bytes of a directory entry beside its name, rounded up to four (ext4)
_FILLED = 2  # directory blocks are half full at worst, as they are split
_LINE = 90  # bytes of a line in the journal's list beside the path: SHA-256, size, brackets
_INDEX_GROWTH = {Layout.REDHAT: 1.1, Layout.REPODATA: 1.5}  # comps and updateinfo are unpacked on the way, errata come with packages
_INDEXED = {Layout.REDHAT: 16_000, Layout.REPODATA: 8_000}  # bytes of one package in the indexes; RHEL 6 has 14,200 and 1,400
_INDEX_FILES = {Layout.REDHAT: 2, Layout.REPODATA: 10}
_RECORD = 1 << 16  # bytes of a generation's record and of its stamps
_FILES_OF_RECORD = 5  # record, list, two stamps, and what is written before one is in place
_FOLDERS = 12  # those beside a tree, and those that are made to see what the file system can do
_LARGEST_BLOCK = 1 << 16  # some network file systems tell the size of their transfers


@dataclass(frozen=True, slots=True)
class Farm:
    """A tree's directories, and the names in them that are not directories: what a farm of links of it takes."""

    bytes: int
    directories: int
    names: int


def room_at(path: Path) -> Room:
    """The file system of `path`, or of the nearest of its parents that is there."""
    place = next(parent for parent in (path, *path.parents) if parent.exists()).resolve()
    status, device = os.statvfs(place), place.stat().st_dev
    return Room(
        device=device,
        mount_point=str(_mount_point(place, device)),
        bytes=status.f_bavail * status.f_frsize,
        inodes=status.f_favail if status.f_files else None,
        size=status.f_blocks * status.f_frsize,
        block=min(status.f_frsize, _LARGEST_BLOCK),
        counts_names=kind_of(device) == "tmpfs",
    )


def _mount_point(place: Path, device: int) -> Path:
    same = [parent for parent in (place, *place.parents) if parent.stat().st_dev == device]
    return same[-1]


def farm_of(root: Path, block: int) -> Farm:
    """What a farm of links to the files below `root` takes."""
    size = directories = names = 0
    for folder, below, files in os.walk(root):
        entries = sum(len(os.fsencode(name)) + _ENTRY for name in (*below, *files))
        size += max(blocks_of([_FILLED * entries], block), inode_of(Path(folder).lstat()).bytes, block)
        directories += 1
        names += len(files)
    return Farm(size, directories, names)


def generation_demands(tree: Tree, files: Iterable[FileRecord], arriving: int, listed: int, room: Room, *, adopted: bool) -> list[Demand]:
    """What a generation of `files` and `arriving` more packages takes; `listed` packages are in its indexes.

    adopted: the tree has a generation already; else it is given one first.
    """
    place, block = str(tree.home), room.block
    farm = farm_of(tree.path, block)
    added = blocks_of([_FILLED * arriving * (_ENTRY + _NAME)], block)
    indexes, lists = _index_bytes(tree, arriving, listed), _INDEX_FILES[tree.layout] * len(tree.repositories)
    demands = [
        _folders(place, replace(farm, bytes=farm.bytes + added, names=farm.names + arriving), 1 if way_of(tree) is Way.LINK else 2),
        Demand(place, "indexes", blocks_of([indexes], block) + lists * block, lists, lists),
        _journal(place, files, arriving, block, records=1 if adopted else 2),
    ]
    if not adopted:
        demands.append(Demand(place, "folders for the tree as it is", farm.bytes, farm.directories, farm.names))
    if tree.genhdlist:
        demands.append(Demand(place, "genhdlist's folder", farm.bytes + blocks_of([indexes], block), 8, farm.names + arriving))
    return demands


def rebuilding_demands(tree: Tree, root: Path, files: Iterable[FileRecord], room: Room) -> list[Demand]:
    """What a generation takes that has the directories below `root` and these files, all of them links."""
    farms = 1 if way_of(tree) is Way.LINK else 2
    return [_folders(str(tree.home), farm_of(root, room.block), farms), _journal(str(tree.home), files, 0, room.block, records=1)]


def _folders(place: str, farm: Farm, farms: int) -> Demand:
    return Demand(place, "folders of the new generation", farms * farm.bytes, farms * farm.directories, farms * farm.names)


def _index_bytes(tree: Tree, arriving: int, listed: int) -> int:
    """From the present indexes, or where there are none from the number of packages."""
    present = _present_indexes(tree)
    return int(present * _INDEX_GROWTH[tree.layout]) + (arriving if present else listed) * _INDEXED[tree.layout]


def _present_indexes(tree: Tree) -> int:
    """The bytes of what an installer reads now, without the databases, which are not made anew; 0 where that cannot be known."""
    try:
        paths = [tree.path / name for name in index_files(tree.shape, tree.path) if ".sqlite" not in name]
    except PublishError:
        return 0
    return sum(path.stat().st_size for path in paths if path.is_file())


def _journal(place: str, files: Iterable[FileRecord], arriving: int, block: int, *, records: int) -> Demand:
    listing = sum(len(record.path) + _LINE for record in files) + arriving * (_LINE + _NAME)
    size = records * blocks_of([listing, _RECORD], block) + _FOLDERS * block
    return Demand(place, "journal and folders", size, records * _FILES_OF_RECORD + _FOLDERS)


def copies_demand(tree: Tree, packages: Iterable[str], room: Room) -> Demand:
    """The packages (by location) that get copies in a new generation: links to elsewhere, and what nodes could not read."""
    sizes = [path.stat().st_size for name in packages if closed_to_nodes(path := tree.path / name)]
    return Demand(str(tree.home), "copies of packages that nodes cannot read", blocks_of(sizes, room.block), len(sizes))
