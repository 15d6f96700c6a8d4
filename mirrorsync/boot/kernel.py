"""The release that an x86 kernel image says of itself.

By the boot protocol, the kernel's Documentation/arch/x86/boot.rst: bzImage and zImage alike, with or without an EFI stub.
"""

import re
from pathlib import Path

from mirrorsync.boot.members import opened
from mirrorsync.errors import BootError

_MAGIC = b"HdrS"
_MAGIC_AT = 0x202
_SETUP_SECTORS_AT = 0x1F1
_POINTER_AT = 0x20E
_HEAD = _POINTER_AT + 2
_SECTOR = 0x200  # bytes; the first one is not counted as set-up code
_OLD_SETUP_SECTORS = 4  # meant by a zero
_LONGEST_TEXT = 1024  # bytes: release, who compiled it where, and when
_RELEASE = re.compile(rb"[0-9][!-.0-~]{0,63}")  # uname(2) has room for 64 characters


def read_release(path: Path) -> str | None:
    """The kernel's release, as `uname -r` and /lib/modules have it.

    None for kernels that do not say: of other architectures, packed as EFI programs, or too old. Raises BootError where it is damaged.
    """
    with opened(path) as file:
        head = file.read(_HEAD)
        if not head.startswith(_MAGIC, _MAGIC_AT):
            return None
        pointer = int.from_bytes(head[_POINTER_AT:], "little")
        if len(head) < _HEAD or pointer >= _SECTOR * (head[_SETUP_SECTORS_AT] or _OLD_SETUP_SECTORS):
            raise BootError("it is damaged: the text of its version does not lie in its set-up code")
        if pointer == 0:
            return None
        file.seek(pointer + _SECTOR)
        return _release(file.read(_LONGEST_TEXT))


def _release(text: bytes) -> str:
    """The text up to its first blank."""
    content, end, _ = text.partition(b"\0")
    release = content.partition(b" ")[0]
    if not end or not _RELEASE.fullmatch(release):
        raise BootError("it is damaged or cut short: where its version should be is no such text")
    return release.decode("ascii")
