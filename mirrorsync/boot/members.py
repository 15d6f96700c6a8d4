"""The files of an initrd (cpio, ext2, cramfs; compressed or not) or a stage image (cramfs), read in user space."""

import io
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from mirrorsync.boot import cpio, cramfs, ext2
from mirrorsync.boot.image import Reader, Sought, descriptor_reader, memory_reader
from mirrorsync.errors import BootError, UnpackingError
from mirrorsync.unpacking import unpacked_stream

_LARGEST_DISK = 64 << 20  # bytes in memory; RHEL 4's largest initrd unpacks to 16 MiB
_LARGEST_ARCHIVE = 2 << 30  # bytes read past; Fedora's largest initrd unpacks to some 500 MiB
_HEAD = 2048
_SQUASHFS = (b"hsqs", b"sqsh")
_UNREAD = (b"\x02\x21\x4c\x18", b"\x89LZO")  # lz4 and lzo: kernels unpack them, no distribution's installer has them

_Members = Iterator[tuple[bytes, bytes]]


class _FindFile(Protocol):
    def __call__(self, read: Reader, path: bytes, *, limit: int) -> bytes | None: ...


def members(path: Path, sought: Sought) -> Generator[tuple[bytes, bytes], None, None]:
    """The paths in an image and, of regular files that are sought, their content; of a file system those alone that are sought.

    Archives follow each other (microcode comes first, uncompressed): later files of a path replace earlier ones. An image that is
    packed by what is not read here shows none. Raises BootError where the image is damaged, no image, or larger than any installer's.
    """
    with opened(path) as file:
        if find := _file_system(file.peek(_HEAD)):
            yield from _found(find, descriptor_reader(file.fileno()), sought)
        else:
            yield from cpio.counted(_in_stream(file, sought, packed=True))


def verify_image(path: Path) -> None:
    """Read a cramfs image whole and hold it against its own checksum; other images have none. Raises BootError."""
    with opened(path) as file:
        if _file_system(file.peek(_HEAD)) is cramfs.find_file:
            cramfs.verify_checksum(descriptor_reader(file.fileno()))


def is_squashfs(path: Path) -> bool:
    """Whether a stage image is squashfs, as they are since FC 5 and RHEL 5. Raises BootError."""
    with opened(path) as file:
        return file.peek(len(_SQUASHFS[0])).startswith(_SQUASHFS)


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """A boot image to read from. Raises BootError where that cannot be, and where it is empty."""
    try:
        with path.open("rb") as file:
            if not file.peek(1):
                raise BootError("it is empty")
            yield file
    except OSError as error:
        raise BootError(f"it cannot be read: {os.strerror(error.errno or 0)}") from error


def _file_system(head: bytes) -> _FindFile | None:
    if any(head.startswith(cramfs.MAGIC, start) for start in cramfs.STARTS):
        return cramfs.find_file
    if head.startswith(ext2.MAGIC, ext2.MAGIC_AT):
        return ext2.find_file
    return None


def _found(find: _FindFile, read: Reader, sought: Sought) -> _Members:
    contents = ((path, find(read, path, limit=limit)) for path, limit in sought.items())
    return ((path, content) for path, content in contents if content is not None)


def _in_stream(stream: io.BufferedReader, sought: Sought, *, packed: bool) -> _Members:
    """The members of archives that follow each other, or of a packed file system."""
    if find := _file_system(stream.peek(_HEAD)):
        yield from _found(find, memory_reader(_whole(stream)), sought)
        return
    while _skip_padding(stream):
        head = stream.peek(_HEAD)
        if head.startswith(cpio.MAGICS):
            yield from cpio.entries(stream, sought)
        elif packed:
            yield from () if head.startswith(_UNREAD) else _in_packed(stream, sought)
            return
        else:
            raise BootError("it is no image known here: neither cpio, ext2 nor cramfs, nor one of them compressed")


def _in_packed(stream: io.BufferedReader, sought: Sought) -> _Members:
    try:
        with unpacked_stream(stream, limit=_LARGEST_ARCHIVE) as inner:
            yield from _in_stream(inner, sought, packed=False)
    except UnpackingError as error:
        raise BootError(f"it is damaged, or no installer's image: it {error}") from error


def _whole(stream: io.BufferedReader) -> bytes:
    content = stream.read(_LARGEST_DISK + 1)
    if len(content) > _LARGEST_DISK:
        raise BootError("it is damaged, or no installer's image: it unpacks to more than one could hold")
    return content


def _skip_padding(stream: io.BufferedReader) -> bool:
    """Read past NULs; whether something follows them."""
    while piece := stream.peek(_HEAD):
        padding = len(piece) - len(piece.lstrip(b"\0"))
        stream.read(padding)
        if padding < len(piece):
            return True
    return False
