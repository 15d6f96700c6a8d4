"""The build stamp inside an initrd or a stage image: equal in both, or the node reboots."""

import io
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

from mirrorsync.boot import cpio, cramfs, ext2
from mirrorsync.boot.compression import unpacked
from mirrorsync.boot.image import Reader, descriptor_reader, memory_reader
from mirrorsync.errors import BootError

_STAMP = b".buildstamp"
_COMPARED = 12  # characters: what the loader of RHL 7 to RHEL 5 compares, year to minute
_LARGEST_STAMP = 4096
_LARGEST_DISK = 64 << 20  # an initrd that is a file system is unpacked into memory: 16 MiB at most in RHEL 4
_LARGEST_ARCHIVE = 2 << 30
_HEAD = 2048
