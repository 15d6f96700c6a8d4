"""ext2, the initrd's file system until RHEL 4: one file by its path.

Layout by the kernel's Documentation/filesystems/ext2.rst; files in extents (ext4) are refused, nobody has such an initrd.
"""

import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mirrorsync.boot.image import Reader
from mirrorsync.errors import BootError

MAGIC = b"\x53\xef"
MAGIC_AT = 1080  # bytes
_SUPERBLOCK_AT = 1024
_ROOT_INODE = 2
_DIRECT = 12
_EXTENTS = 0x80000
_LARGEST_DIRECTORY = 1 << 20
_SMALLEST_ENTRY = 8
_INODE_SIZES = range(128, 4097)  # bytes
_LARGEST_LOG_SIZE = 6  # blocks of 1 KiB << 6


@dataclass(frozen=True, slots=True)
class _Geometry:
    """What the superblock says; sizes in bytes."""

    block_size: int
    inode_size: int
    inodes_per_group: int
    groups_at: int


def find_file(read: Reader, path: bytes, *, limit: int) -> bytes | None:
    """The first `limit` bytes of a regular file, None where there is none. Raises BootError."""
    geometry = _geometry(read)
    *folders, name = path.split(b"/")
    inode = _inode(read, geometry, _ROOT_INODE)
    for folder in folders:
        found = _entry(read, geometry, inode, folder)
        if found is None or not stat.S_ISDIR(_mode(found)):
            return None
        inode = found
    file = _entry(read, geometry, inode, name)
    return None if file is None or not stat.S_ISREG(_mode(file)) else _content(read, geometry, file, limit)


def _geometry(read: Reader) -> _Geometry:
    raw = read(_SUPERBLOCK_AT, 1024)
    first_block, log_size = struct.unpack_from("<II", raw, 20)
    (per_group,) = struct.unpack_from("<I", raw, 40)
    (revision,) = struct.unpack_from("<I", raw, 76)
    (inode_size,) = struct.unpack_from("<H", raw, 88)
    if raw[56:58] != MAGIC:
        raise BootError("it is not an ext2 image")
    if log_size > _LARGEST_LOG_SIZE or not per_group or (revision and inode_size not in _INODE_SIZES):
        raise BootError("it is damaged: its superblock makes no sense")
    block_size = 1024 << log_size
    return _Geometry(block_size, inode_size if revision else 128, per_group, (first_block + 1) * block_size)


def _entry(read: Reader, geometry: _Geometry, directory: bytes, name: bytes) -> bytes | None:
    """The inode of a directory's entry, None where it has no such entry."""
    content = _content(read, geometry, directory, _LARGEST_DIRECTORY)
    for start in range(0, len(content), geometry.block_size):
        for entry, number in _entries(content[start : start + geometry.block_size]):
            if entry == name:
                return _inode(read, geometry, number)
    return None


def _mode(inode: bytes) -> int:
    return int.from_bytes(inode[:2], "little")


def _content(read: Reader, geometry: _Geometry, inode: bytes, limit: int) -> bytes:
    (size,) = struct.unpack_from("<I", inode, 4)
    (flags,) = struct.unpack_from("<I", inode, 32)
    if flags & _EXTENTS:
        raise BootError("it keeps its files in extents, as no installer's initrd does")
    size = min(size, limit)
    blocks = _blocks(read, geometry, struct.unpack_from("<15I", inode, 40), -(-size // geometry.block_size))
    content = b"".join(read(block * geometry.block_size, geometry.block_size) if block else bytes(geometry.block_size) for block in blocks)
    return content[:size]


def _inode(read: Reader, geometry: _Geometry, number: int) -> bytes:
    if number == 0:
        raise BootError("it is damaged: an entry without an inode")
    group, index = divmod(number - 1, geometry.inodes_per_group)
    (table,) = struct.unpack("<I", read(geometry.groups_at + 32 * group + 8, 4))
    return read(table * geometry.block_size + index * geometry.inode_size, 128)


def _blocks(read: Reader, geometry: _Geometry, pointers: tuple[int, ...], wanted: int) -> tuple[int, ...]:
    """The first `wanted` block numbers: the inode's own, those of its indirect block, then of its doubly indirect one; 0 is a hole."""
    single, double = pointers[_DIRECT : _DIRECT + 2]
    per_block = geometry.block_size // 4
    beyond = max(0, wanted - _DIRECT - per_block)
    if beyond > per_block**2 or (wanted > _DIRECT and not single) or (beyond and not double):
        raise BootError("it is damaged: a file without all of its blocks, or larger than any installer has")
    numbers = pointers[: min(wanted, _DIRECT)] + _pointers(read, geometry, single, min(wanted - _DIRECT, per_block))
    for block in _pointers(read, geometry, double, -(-beyond // per_block)):
        numbers += _pointers(read, geometry, block, per_block)
    return numbers[:wanted]


def _pointers(read: Reader, geometry: _Geometry, block: int, count: int) -> tuple[int, ...]:
    """The first `count` numbers in a block of them; a hole has nothing but holes."""
    if count <= 0 or not block:
        return (0,) * max(0, count)
    return struct.unpack(f"<{count}I", read(block * geometry.block_size, 4 * count))


def _entries(block: bytes) -> Iterator[tuple[bytes, int]]:
    at = 0
    while at + _SMALLEST_ENTRY <= len(block):
        inode, length, name_size = struct.unpack_from("<IHB", block, at)
        if length < _SMALLEST_ENTRY:
            raise BootError("it is damaged: a directory of it cannot be read")
        if inode:
            yield block[at + _SMALLEST_ENTRY : at + _SMALLEST_ENTRY + name_size], inode
        at += length
