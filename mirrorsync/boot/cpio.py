"""cpio in the "newc" format, what an initrd is since FC 6: one file of an archive read as a stream.

Layout by the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import re
from typing import BinaryIO

from mirrorsync.errors import BootError

MAGICS = (b"070701", b"070702")
_HEADER_SIZE = 110
_FILE_SIZE = slice(54, 62)
_NAME_SIZE = slice(94, 102)
_LONGEST_NAME = 4096
_TRAILER = b"TRAILER!!!"
_BLOCK = 1 << 20
_DIGITS = re.compile(rb"[0-9A-Fa-f]{8}")  # int() would take a sign too


def find_file(stream: BinaryIO, name: bytes, *, limit: int) -> bytes | None:
    """The first `limit` bytes of the file `name`, None where the archive has none; then the stream stands after its trailer.

    Raises BootError for what is no archive or ends before its trailer.
    """
    while True:
        entry, size = _header(stream)
        if entry == _TRAILER:
            return None
        if entry.removeprefix(b"./").removeprefix(b"/") == name:
            return _exactly(stream, min(size, limit))
        _skip(stream, size + -size % 4)


def _header(stream: BinaryIO) -> tuple[bytes, int]:
    """The next entry's name and the bytes of its content."""
    header = _exactly(stream, _HEADER_SIZE)
    if not header.startswith(MAGICS):
        raise BootError("it is damaged: its cpio archive goes on with something else")
    name_size, size = _number(header[_NAME_SIZE]), _number(header[_FILE_SIZE])
    if not 0 < name_size <= _LONGEST_NAME:
        raise BootError(f"it is damaged: a name of {name_size} bytes in its cpio archive")
    name = _exactly(stream, name_size + -(_HEADER_SIZE + name_size) % 4)
    return name[:name_size].rstrip(b"\0"), size


def _number(field: bytes) -> int:
    if not _DIGITS.fullmatch(field):
        raise BootError("it is damaged: a cpio header without numbers")
    return int(field, 16)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise BootError("it is cut short: its cpio archive has no end")
    return content


def _skip(stream: BinaryIO, size: int) -> None:
    while size:
        size -= len(_exactly(stream, min(size, _BLOCK)))
