"""The build stamp inside an initrd or a stage image: equal in both, or the node reboots."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from mirrorsync.boot import cpio, cramfs, ext2
from mirrorsync.boot.image import Reader, descriptor_reader, memory_reader
from mirrorsync.errors import BootError, UnpackingError
from mirrorsync.unpacking import unpacked_stream

_STAMP = b".buildstamp"
_COMPARED = 12  # characters: what the loaders of RHL 7 to RHEL 5 compare, year to minute
_LARGEST_STAMP = 4096
_LARGEST_DISK = 64 << 20  # bytes in memory; RHEL 4's largest initrd unpacks to 16 MiB
_LARGEST_ARCHIVE = 2 << 30  # bytes read past; Fedora's largest initrd unpacks to some 500 MiB
_HEAD = 2048
_SQUASHFS = (b"hsqs", b"sqsh")


class _FindFile(Protocol):
    def __call__(self, read: Reader, name: bytes, *, limit: int) -> bytes | None: ...


def read_build(path: Path) -> str | None:
    """Which build an image is of, None where it says nothing; an initrd (cpio, ext2, cramfs; compressed or not) or a stage image (cramfs).

    The first 12 characters of its /.buildstamp, or the UUID in one of EL 7 and later. Raises BootError where the image is damaged.
    """
    with _opened(path) as file:
        if not file.peek(1):
            raise BootError("it is empty")
        if find := _file_system(file.peek(_HEAD)):
            stamp = find(descriptor_reader(file.fileno()), _STAMP, limit=_LARGEST_STAMP)
        else:
            stamp = _in_stream(file, packed=True)
    return None if stamp is None else _build(stamp)


def verify_image(path: Path) -> None:
    """Read a cramfs image whole and hold it against its own checksum; other images have none. Raises BootError."""
    with _opened(path) as file:
        if _file_system(file.peek(_HEAD)) is cramfs.find_file:
            cramfs.verify_checksum(descriptor_reader(file.fileno()))


def is_squashfs(path: Path) -> bool:
    """Whether a stage image is squashfs, as they are since FC 5 and RHEL 5. Raises BootError."""
    with _opened(path) as file:
        return file.peek(len(_SQUASHFS[0])).startswith(_SQUASHFS)


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise BootError(f"it cannot be read: {os.strerror(error.errno or 0)}") from error


def _file_system(head: bytes) -> _FindFile | None:
    if any(head.startswith(cramfs.MAGIC, start) for start in cramfs.STARTS):
        return cramfs.find_file
    if head.startswith(ext2.MAGIC, ext2.MAGIC_AT):
        return ext2.find_file
    return None


def _in_stream(stream: io.BufferedReader, *, packed: bool) -> bytes | None:
    """The stamp in archives that follow each other (microcode comes first, uncompressed), or in a packed file system."""
    if find := _file_system(stream.peek(_HEAD)):
        return find(memory_reader(_whole(stream)), _STAMP, limit=_LARGEST_STAMP)
    while _skip_padding(stream):
        if stream.peek(_HEAD).startswith(cpio.MAGICS):
            stamp = cpio.find_file(stream, _STAMP, limit=_LARGEST_STAMP)
            if stamp is not None:
                return stamp
        elif packed:
            return _in_packed(stream)
        else:
            raise BootError("it is no image known here: neither cpio, ext2 nor cramfs, nor one of them compressed")
    return None


def _in_packed(stream: io.BufferedReader) -> bytes | None:
    try:
        with unpacked_stream(stream, limit=_LARGEST_ARCHIVE) as inner:
            return _in_stream(inner, packed=False)
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


def _build(stamp: bytes) -> str | None:
    lines = stamp.decode(errors="replace").splitlines() or [""]
    if not lines[0].isprintable():
        raise BootError("it is damaged: its .buildstamp is not text")
    if not lines[0].startswith("["):
        return lines[0].strip()[:_COMPARED] or None
    values = dict(line.partition("=")[::2] for line in lines)
    return values.get("UUID", "").strip() or None
