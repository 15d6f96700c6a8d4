"""Which kernels the modules in an initrd are for, by their paths.

RHL, RHEL to 5 and Fedora to 8 pack them: /modules/modules.cgz has RELEASE/x.o or RELEASE/ARCH/x.ko. RHEL 6 and Fedora to 14 have them below
/modules, to which /lib/modules leads; dracut's initrds below /lib or /usr/lib.
"""

import io
import re

from mirrorsync.boot import cpio
from mirrorsync.errors import BootError, UnpackingError
from mirrorsync.unpacking import unpacked_stream

PACKED = b"modules/modules.cgz"
LARGEST_PACKED = 64 << 20  # bytes; Fedora 8's has 5 MB
_LARGEST_UNPACKED = 512 << 20
_MODULE = rb"([0-9][!-.0-~]{0,63})/.+\.k?o(?:\.(?:gz|xz|zst))?"  # uname(2) has room for 64 characters
_PATH = re.compile(rb"(?:(?:usr/)?lib/)?modules/" + _MODULE, re.DOTALL)
_PATH_PACKED = re.compile(_MODULE, re.DOTALL)


def release_of(path: bytes) -> str | None:
    """Which kernel release a file of an initrd is a module of; None for what is no module."""
    return _release(_PATH.fullmatch(path))


def packed_releases(content: bytes) -> frozenset[str]:
    """Which kernel releases a modules.cgz has modules of. Raises BootError where it is damaged."""
    try:
        with unpacked_stream(io.BytesIO(content), limit=_LARGEST_UNPACKED) as stream:
            found = {_release(_PATH_PACKED.fullmatch(path)) for path, _ in cpio.counted(cpio.entries(stream, {}))}
    except UnpackingError as error:
        raise BootError(f"it is damaged: its modules.cgz {error}") from error
    return frozenset(release for release in found if release)


def _release(match: re.Match[bytes] | None) -> str | None:
    return match[1].decode("ascii") if match else None
