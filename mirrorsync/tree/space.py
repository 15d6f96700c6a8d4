"""What building and publishing a generation takes beside a tree: its folders, lists, indexes, and copies in place of links."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mirrorsync.model.choices import Layout
from mirrorsync.model.generation import FileRecord
from mirrorsync.planning.space import Demand, Room, blocks_of
from mirrorsync.tree.layout import BASE, REPODATA
from mirrorsync.tree.site import Tree
from mirrorsync.tree.usage import inode_of
from mirrorsync.tree.ways import Way, way_of

_NAME = 64  # bytes of a new package's file name
_ENTRY = 11  # bytes of a directory entry beside its name, rounded up to four (ext4)
_FILLED = 2  # directory blocks are half full at worst, as they are split
_LINE = 90  # bytes of a line in the journal's list beside the path: SHA-256, size, brackets
_RECORD = 1 << 16  # bytes of a generation's record and of its stamps
_FILES_OF_RECORD = 5  # record, list, two stamps, and what is written before one is in place
_FOLDERS = 12  # those beside a tree, and those that are made to see what the file system can do
_INDEX_GROWTH = 1.5  # comps and updateinfo are unpacked on the way, and errata come with packages
_INDEXED = 8192  # bytes of index of one package, in kernels' class
_OTHERS_READ = 0o004
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
        counts_names=_kind(device) == "tmpfs",
    )


def _mount_point(place: Path, device: int) -> Path:
    same = [parent for parent in (place, *place.parents) if parent.stat().st_dev == device]
    return same[-1]


def _kind(device: int) -> str:
    """What kind of file system it is, by mountinfo (proc(5)); '' where that has not the device, as btrfs's subvolumes."""
    number = f"{os.major(device)}:{os.minor(device)}"
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    kinds = (words[words.index("-") + 1] for line in lines if (words := line.split(" "))[2] == number)
    return next(kinds, "")


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
    indexes, index_files = _index_bytes(tree, arriving, listed), _index_files(tree)
    demands = [
        _folders(place, replace(farm, bytes=farm.bytes + added, names=farm.names + arriving), 1 if way_of(tree) is Way.LINK else 2),
        Demand(place, "indexes", blocks_of([indexes], block) + index_files * block, index_files, index_files),
        _journal(place, files, arriving, block, records=1 if adopted else 2),
    ]
    if not adopted:
        demands.append(Demand(place, "folders for the tree as it is", farm.bytes, farm.directories, farm.names))
    if tree.genhdlist:
        demands.append(Demand(place, "genhdlist's folder", farm.bytes + blocks_of([indexes], block), 8, farm.names + arriving))
    return demands


def _folders(place: str, farm: Farm, farms: int) -> Demand:
    return Demand(place, "folders of the new generation", farms * farm.bytes, farms * farm.directories, farms * farm.names)


def _index_bytes(tree: Tree, arriving: int, listed: int) -> int:
    """From the present indexes, or where there are none from the number of packages."""
    folder = tree.path / (REPODATA if tree.layout is Layout.REPODATA else BASE)
    names = ("hdlist", "hdlist2") if tree.layout is Layout.REDHAT else tuple(_metadata_files(folder))
    present = sum((folder / name).stat().st_size for name in names if (folder / name).is_file())
    return int(present * _INDEX_GROWTH) + (arriving if present else listed) * _INDEXED


def _metadata_files(folder: Path) -> list[str]:
    """Without the databases, which are not made anew."""
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if ".sqlite" not in path.name]


def _index_files(tree: Tree) -> int:
    return 2 if tree.layout is Layout.REDHAT else 10


def _journal(place: str, files: Iterable[FileRecord], arriving: int, block: int, *, records: int) -> Demand:
    listing = sum(len(record.path) + _LINE for record in files) + arriving * (_LINE + _NAME)
    size = records * blocks_of([listing, _RECORD], block) + _FOLDERS * block
    return Demand(place, "journal and folders", size, records * _FILES_OF_RECORD + _FOLDERS)


def copies_demand(tree: Tree, packages: Iterable[str], room: Room) -> Demand:
    """The packages (by location) that get copies in a new generation: links to elsewhere, and what nodes could not read."""
    sizes = [status.st_size for name in packages if (status := _to_be_copied(tree.path / name))]
    return Demand(str(tree.home), "copies of packages that nodes cannot read", blocks_of(sizes, room.block), len(sizes))


def _to_be_copied(path: Path) -> os.stat_result | None:
    if not path.is_file():
        return None
    status = path.stat()
    return status if path.is_symlink() or not status.st_mode & _OTHERS_READ else None
