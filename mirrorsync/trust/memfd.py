"""Files that have no name on any disk, to hand to a program."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def in_memory(content: bytes) -> Iterator[int]:
    """A descriptor of a file in memory; /proc/self/fd has a path of it in whatever program it is passed to."""
    descriptor = os.memfd_create("mirrorsync", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield descriptor
    finally:
        os.close(descriptor)
