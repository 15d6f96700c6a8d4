"""A filter of system calls: a thread, and the programs it calls, can do none of what Landlock says nothing of.

Landlock knows TCP alone, and only from Linux 6.7 on; signals from 6.12; files that are cut off from 6.2; owners, modes, times and
extended attributes of files never.
"""

import ctypes
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mirrorsync.trust.landlock import renounce_privileges

_SET_SECCOMP, _FILTER = 22, 2  # prctl's PR_SET_SECCOMP and SECCOMP_MODE_FILTER
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: load a word, compare it, end
_NUMBER_AT, _ARCHITECTURE_AT, _SECOND_ARGUMENT_AT = 0, 4, 24  # bytes into struct seccomp_data; of the argument the lower half
_ALLOWED, _REFUSED = 0x7FFF0000, 0x00050001  # ERRNO with EPERM
_OTHER_NUMBERING = 1 << 30  # x86-64's x32


@dataclass(frozen=True, slots=True)
class _Numbers:
    """An architecture's AUDIT_ARCH_…, and its numbers of the calls that are always refused, of those on attributes, and of ioctl(2)."""

    architecture: int
    refused: Sequence[int]
    attributes: Sequence[int]
    ioctl: int


_KNOWN: Mapping[str, _Numbers] = {
    "x86_64": _Numbers(
        0xC000003E,
        refused=(41, 76, 133, 259, 62, 200, 234, 129, 297),  # socket, truncate, mknod(at), kill, tkill, tgkill, rt_(tg)sigqueueinfo
        attributes=(
            *(90, 91, 268),  # chmod, fchmod, fchmodat
            *(92, 93, 94, 260),  # chown, fchown, lchown, fchownat
            *(188, 189, 190, 197, 198, 199),  # setxattr, removexattr, and those of links and descriptors
            *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
        ),
        ioctl=16,
    ),
    "aarch64": _Numbers(
        0xC00000B7,
        refused=(198, 45, 33, 129, 130, 131, 138, 240),  # the same, where it has them
        attributes=(52, 53, 54, 55, 5, 6, 7, 14, 15, 16, 88),
        ioctl=29,
    ),
}
_REFUSED_EVERYWHERE = (424, 425)  # pidfd_send_signal; io_uring_setup, whose rings make sockets without a system call
_ATTRIBUTES_EVERYWHERE = (452, 463, 466, 469)  # fchmodat2, setxattrat, removexattrat, file_setattr
_HARMLESS_IOCTLS = (0x5401, 0x802C542A, 0x541B, 0x5451)  # TCGETS, TCGETS2, FIONREAD, FIOCLEX; others set flags of files


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def restrict_calls(*, attributes: bool) -> bool:
    """Let the calling thread, for ever, make no sockets, send no signals and cut off no files by name.

    attributes: nor change owner, mode, times, flags or extended attributes of a file, its own ones either.  False where the
    architecture or the kernel has no such filter.
    """
    numbers = _KNOWN.get(platform.machine())
    if numbers is None:
        return False
    code = _program(numbers, attributes=attributes)
    renounce_privileges()
    program = _Program(len(code) // 8, code)
    return int(ctypes.CDLL(None).prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)) == 0


def _program(numbers: _Numbers, *, attributes: bool) -> bytes:
    """Calls of another architecture or numbering are refused, too; all that are not named pass."""
    refused = (*numbers.refused, *_REFUSED_EVERYWHERE, *((*numbers.attributes, *_ATTRIBUTES_EVERYWHERE) if attributes else ()))
    ioctls = _HARMLESS_IOCTLS if attributes else ()
    # (instruction, where to go if it holds, where if not, operand); each is a number of instructions to pass over, or one of the ends.
    body: list[tuple[int, int | str, int | str, int]] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 0, "refuse", numbers.architecture),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, "refuse", 0, _OTHER_NUMBERING),
        *((_EQUAL, "refuse", 0, number) for number in refused),
    ]
    if ioctls:
        body += [(_EQUAL, 0, "allow", numbers.ioctl), (_LOAD, 0, 0, _SECOND_ARGUMENT_AT)]
        body += [*((_EQUAL, "allow", 0, command) for command in ioctls), (_RETURN, 0, 0, _REFUSED)]
    ends = {"allow": len(body), "refuse": len(body) + 1}
    body += [(_RETURN, 0, 0, _ALLOWED), (_RETURN, 0, 0, _REFUSED)]
    return b"".join(
        struct.pack("HBBI", instruction, *(ends[way] - at - 1 if isinstance(way, str) else way for way in ways), operand)
        for at, (instruction, *ways, operand) in enumerate(body)
    )
