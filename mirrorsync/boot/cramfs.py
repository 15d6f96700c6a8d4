"""cramfs, the stage images' file system until RHEL 4: one file by its path, and its checksum.

Layout by the kernel's include/uapi/linux/cramfs_fs.h, little endian; a big-endian image is not recognised.
"""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from mirrorsync.boot.image import Reader
from mirrorsync.errors import BootError

MAGIC = b"\x45\x3d\xcd\x28"
STARTS = (0, 512)  # bytes; `mkfs.cramfs -p` leaves the first sector to a boot loader
_SUPERBLOCK = struct.Struct("<4sIII16sIIII16s")
_INODE_SIZE = 12  # bytes
_PAGE = 4096
_HAS_CHECKSUM = 0x1
_KNOWN_FLAGS = 0x7FF
_CHECKSUM_AT = 32
_LARGEST_DIRECTORY = 1 << 20
_BLOCK = 1 << 20


def find_file(read: Reader, path: bytes, *, limit: int) -> bytes | None:
    """The first `limit` bytes of a regular file, None where there is none. Raises BootError."""
    *folders, name = path.split(b"/")
    inode = _inode(read, _start(read) + _SUPERBLOCK.size)
    for folder in folders:
        found = _entry(read, inode, folder)
        if found is None or not stat.S_ISDIR(found.mode):
            return None
        inode = found
    file = _entry(read, inode, name)
    return None if file is None or not stat.S_ISREG(file.mode) else _content(read, file, limit)


def verify_checksum(read: Reader) -> None:
    """Read all of the image and hold it against its own CRC, where it has one. Raises BootError."""
    start = _start(read)
    _, size, flags, _, _, expected, *_ = _SUPERBLOCK.unpack(read(start, _SUPERBLOCK.size))
    if not flags & _HAS_CHECKSUM:
        return
    head = bytearray(read(start, _SUPERBLOCK.size))
    head[_CHECKSUM_AT : _CHECKSUM_AT + 4] = bytes(4)
    found = zlib.crc32(head)
    for offset in range(start + _SUPERBLOCK.size, size, _BLOCK):
        found = zlib.crc32(read(offset, min(_BLOCK, size - offset)), found)
    if found != expected:
        raise BootError(f"it is damaged: its checksum is {found:08x}, and it says {expected:08x}")


@dataclass(frozen=True, slots=True)
class _Inode:
    """Where an entry's content lies: all in bytes, `offset` from the beginning of the file."""

    mode: int
    size: int
    name_size: int
    offset: int


def _start(read: Reader) -> int:
    for start in STARTS:
        magic, size, flags, *_ = _SUPERBLOCK.unpack(read(start, _SUPERBLOCK.size))
        if magic == MAGIC:
            if flags & ~_KNOWN_FLAGS:
                raise BootError(f"it is a cramfs of a kind not known here (flags {flags:#x})")
            if size:
                read(size - 1, 1)
            return start
    raise BootError("it is not a cramfs image")


def _inode(read: Reader, at: int) -> _Inode:
    mode, size, where = struct.unpack("<III", read(at, _INODE_SIZE))
    return _Inode(mode & 0xFFFF, size & 0xFFFFFF, (where & 0x3F) * 4, (where >> 6) * 4)


def _entry(read: Reader, directory: _Inode, name: bytes) -> _Inode | None:
    if directory.size > _LARGEST_DIRECTORY:
        raise BootError(f"it is damaged: a directory of it claims {directory.size} bytes")
    return next((inode for entry, inode in _entries(read, directory.offset, directory.size) if entry == name), None)


def _entries(read: Reader, at: int, size: int) -> Iterator[tuple[bytes, _Inode]]:
    end = at + size
    while at < end:
        inode = _inode(read, at)
        yield read(at + _INODE_SIZE, inode.name_size).rstrip(b"\0"), inode
        at += _INODE_SIZE + inode.name_size


def _content(read: Reader, inode: _Inode, limit: int) -> bytes:
    """Page by page: a table of where each page's zlib stream ends, then the streams; an empty one is a page of zeros."""
    size = min(inode.size, limit)
    pages, wanted = -(-inode.size // _PAGE), -(-size // _PAGE)
    ends = struct.unpack(f"<{wanted}I", read(inode.offset, 4 * wanted))
    content, begin = bytearray(), inode.offset + 4 * pages
    for end in ends:
        content += _page(read, begin, end - begin)
        begin = end
    return bytes(content[:size])


def _page(read: Reader, at: int, length: int) -> bytes:
    if length == 0:
        return bytes(_PAGE)
    if not 0 < length <= 2 * _PAGE:
        raise BootError(f"it is damaged: a page of {length} bytes")
    try:
        return zlib.decompressobj().decompress(read(at, length), _PAGE)
    except zlib.error as error:
        raise BootError(f"it is damaged: a page cannot be unpacked ({error})") from error
