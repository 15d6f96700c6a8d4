"""cpio in the "newc" format, what an initrd is since FC 6 and modules.cgz was before: the entries of an archive read as a stream.

Layout by the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. The loaders of RHL and RHEL read no other format.
"""

import re
import stat
from collections.abc import Iterator
from typing import BinaryIO

from mirrorsync.boot.image import Sought
from mirrorsync.errors import BootError

MAGICS = (b"070701", b"070702")
_HEADER_SIZE = 110
_MODE = slice(14, 22)
_FILE_SIZE = slice(54, 62)
_NAME_SIZE = slice(94, 102)
_LONGEST_NAME = 4096
_TRAILER = b"TRAILER!!!"
_BLOCK = 1 << 20
_MOST_ENTRIES = 1 << 18  # Fedora's largest initrd has some 10,000
_DIGITS = re.compile(rb"[0-9A-Fa-f]{8}")  # int() would take a sign too


def entries(stream: BinaryIO, sought: Sought) -> Iterator[tuple[bytes, bytes]]:
    """Each entry's path and, of regular files that are sought, the content; the trailer is the last, and the stream then stands after it.

    Raises BootError for what is no archive or ends before its trailer.
    """
    path = b""
    while path != _TRAILER:
        path, mode, size = _header(stream)
        content = _exactly(stream, min(size, sought.get(path, 0))) if stat.S_ISREG(mode) else b""
        yield path, content
        _skip(stream, size + -size % 4 - len(content))


def counted(found: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """The same entries, of one archive or several. Raises BootError where they are more than an installer could have."""
    for number, entry in enumerate(found):
        if number == _MOST_ENTRIES:
            raise BootError(f"it is damaged, or no installer's image: it has more than {_MOST_ENTRIES} files")
        yield entry


def _header(stream: BinaryIO) -> tuple[bytes, int, int]:
    """The next entry's path, its mode, and the bytes of its content."""
    header = _exactly(stream, _HEADER_SIZE)
    if not header.startswith(MAGICS):
        raise BootError("it is damaged: its cpio archive goes on with something else")
    name_size, size, mode = _number(header[_NAME_SIZE]), _number(header[_FILE_SIZE]), _number(header[_MODE])
    if not 0 < name_size <= _LONGEST_NAME:
        raise BootError(f"it is damaged: a name of {name_size} bytes in its cpio archive")
    name = _exactly(stream, name_size + -(_HEADER_SIZE + name_size) % 4)
    return name[:name_size].rstrip(b"\0").removeprefix(b"./").removeprefix(b"/"), mode, size


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
