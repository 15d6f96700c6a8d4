"""Whether what an update writes has room where it is written: bytes of blocks and inodes, file system by file system."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_RESERVED_BYTES = 16 << 20
_RESERVED_INODES = 64
_RESERVED_SHARE = 100  # one part in so many stays free, where that is less


@dataclass(frozen=True, slots=True)
class Demand:
    """What one purpose takes below `place`: bytes in whole blocks, inodes, and further names for inodes that are there."""

    place: str
    purpose: str
    bytes: int
    inodes: int
    names: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """What a file system has left for us: bytes, and inodes, None where it makes them as they are needed (btrfs).

    device: as stat(2) numbers it.  mount_point: what it is called by.  size: all its bytes.  block: the bytes that files are
    rounded up to.  counts_names: every name takes an inode of its own, of a hard link too (tmpfs).
    """

    device: int
    mount_point: str
    bytes: int
    inodes: int | None
    size: int
    block: int
    counts_names: bool = False


@dataclass(frozen=True, slots=True)
class Shortage:
    """A file system that has not what is demanded of it, a reserve included; the demands by size, the largest first."""

    room: Room
    bytes: int
    inodes: int
    demands: tuple[Demand, ...]

    @property
    def of_bytes(self) -> bool:
        """Whether it lacks bytes; else inodes."""
        return self.bytes > self.room.bytes

    @property
    def lacking(self) -> int:
        """How many bytes or else inodes it lacks."""
        return self.bytes - self.room.bytes if self.of_bytes else self.inodes - (self.room.inodes or 0)


def shortages(demands: Iterable[Demand], rooms: Mapping[str, Room]) -> tuple[Shortage, ...]:
    """The file systems on which the demands do not fit, by mount point. `rooms` has the file system of each demand's place."""
    by_device: dict[int, list[Demand]] = {}
    for demand in demands:
        if demand.bytes or demand.inodes or demand.names:
            by_device.setdefault(rooms[demand.place].device, []).append(demand)
    asked = [_asked(rooms[demands[0].place], demands) for demands in by_device.values()]
    return tuple(sorted((one for one in asked if not _fits(one)), key=lambda shortage: shortage.room.mount_point))


def blocks_of(sizes: Iterable[int], block: int) -> int:
    """The bytes that files of these sizes take in whole blocks."""
    return sum(-(-size // block) * block for size in sizes)


def inodes_of(demand: Demand, room: Room) -> int:
    """How many inodes of this file system the demand takes."""
    return demand.inodes + (demand.names if room.counts_names else 0)


def _asked(room: Room, demands: Sequence[Demand]) -> Shortage:
    """Everything that is demanded of one file system, with the reserve, whether or not it is short."""
    size = sum(demand.bytes for demand in demands) + min(_RESERVED_BYTES, room.size // _RESERVED_SHARE)
    inodes = sum(inodes_of(demand, room) for demand in demands) + min(_RESERVED_INODES, (room.inodes or 0) // _RESERVED_SHARE)
    ordered = sorted(demands, key=lambda demand: (-demand.bytes, -inodes_of(demand, room), demand.purpose))
    return Shortage(room, size, inodes, tuple(ordered))


def _fits(asked: Shortage) -> bool:
    return asked.bytes <= asked.room.bytes and (asked.room.inodes is None or asked.inodes <= asked.room.inodes)
