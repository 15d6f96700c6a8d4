"""A filter of system calls: a thread, and the programs it calls, can make no sockets, of whatever kind.

Landlock speaks of TCP alone, and only from Linux 6.7 on.
"""

import ctypes
import platform
import struct
from collections.abc import Mapping

from mirrorsync.trust.landlock import renounce_privileges

_SET_SECCOMP, _FILTER = 22, 2  # prctl's PR_SET_SECCOMP and SECCOMP_MODE_FILTER
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: load a word, compare it, end
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4  # bytes into struct seccomp_data
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # ERRNO with EPERM
_OTHER_NUMBERING = 1 << 30  # x86-64's x32
_IO_URING_SETUP = 425  # its rings make sockets without a system call

# The architecture's AUDIT_ARCH_… and the number of its socket(2).
_KNOWN: Mapping[str, tuple[int, int]] = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def forbid_sockets() -> bool:
    """Let the calling thread make no sockets any more; False where the architecture or the kernel has no such filter."""
    if platform.machine() not in _KNOWN:
        return False
    code = _program(*_KNOWN[platform.machine()])
    renounce_privileges()
    program = _Program(len(code) // 8, code)
    return int(ctypes.CDLL(None).prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)) == 0


def _program(architecture: int, socket: int) -> bytes:
    """Refused: calls of another architecture or numbering, socket(2), io_uring_setup(2); all others pass."""
    instructions = (
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 0, 5, architecture),  # what does not compare goes on to the refusal
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 3, 0, _OTHER_NUMBERING),
        (_EQUAL, 2, 0, socket),
        (_EQUAL, 1, 0, _IO_URING_SETUP),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    )
    return b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
