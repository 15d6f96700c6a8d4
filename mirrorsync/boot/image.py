"""Access to a file system image by offset, whether it is a file or was unpacked into memory."""

import os
from collections.abc import Callable, Mapping

from mirrorsync.errors import BootError

Reader = Callable[[int, int], bytes]
"""(offset, length) to exactly that many bytes. Raises BootError where the image ends before."""

Sought = Mapping[bytes, int]
"""Paths of the files of an image that are to be read, each with how many bytes of it at most."""


def memory_reader(content: bytes) -> Reader:
    """A reader of an image in memory."""

    def read(offset: int, length: int) -> bytes:
        return _whole(content[offset : offset + length], offset, length)

    return read


def descriptor_reader(descriptor: int) -> Reader:
    """A reader of an open file, by its descriptor."""

    def read(offset: int, length: int) -> bytes:
        return _whole(os.pread(descriptor, length, offset), offset, length)

    return read


def _whole(piece: bytes, offset: int, length: int) -> bytes:
    if len(piece) != length:
        raise BootError(f"it is cut short or damaged: of {length} bytes due from byte {offset} on, {len(piece)} are there")
    return piece
