"""The filters of system calls that systemd makes of a unit, made by the same library: libseccomp."""

import ctypes
import errno
import socket
from collections.abc import Iterable

from tests.privilege.unit import Service

LIBRARY = "libseccomp.so.2"
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_EQUAL, _MASKED_EQUAL = 4, 7
_WRITE, _EXECUTE = 2, 4
_ANY_ADDRESS_FAMILY = range(64)
_SPECIAL_BITS = (0o4000, 0o2000)
_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


class _Comparison(ctypes.Structure):
    _fields_ = (("argument", ctypes.c_uint), ("how", ctypes.c_int), ("left", ctypes.c_uint64), ("right", ctypes.c_uint64))


class Filter:
    """One filter; what no rule names is let through, or refused with EPERM."""

    def __init__(self, *, refusing: bool) -> None:
        self._library = ctypes.CDLL(LIBRARY)
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(_refusal(errno.EPERM) if refusing else _ALLOW)))

    def allow(self, calls: Iterable[str]) -> None:
        for call in sorted(calls):
            self._add(_ALLOW, call)

    def refuse(self, call: str, *comparisons: tuple[int, int, int, int], error: int = errno.EPERM) -> None:
        self._add(_refusal(error), call, *comparisons)

    def load(self) -> None:
        _require(self._library.seccomp_load(self._context))

    def _add(self, action: int, call: str, *comparisons: tuple[int, int, int, int]) -> None:
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:  # one of another architecture
            return
        rules = (_Comparison * max(1, len(comparisons)))(*comparisons)
        _require(self._library.seccomp_rule_add_array(self._context, ctypes.c_uint32(action), number, len(comparisons), rules))


def apply(service: Service) -> None:
    """For this process and all it starts, what the unit says of system calls. Must be the last thing before it calls the program."""
    own = Filter(refusing=False)
    families = {getattr(socket, name).value for name in service.value("RestrictAddressFamilies").split()}
    for family in set(_ANY_ADDRESS_FAMILY) - families:
        own.refuse("socket", (0, _EQUAL, family, 0), error=errno.EAFNOSUPPORT)
    if service.on("MemoryDenyWriteExecute"):
        own.refuse("mmap", (2, _MASKED_EQUAL, _WRITE | _EXECUTE, _WRITE | _EXECUTE))
        own.refuse("mprotect", (2, _MASKED_EQUAL, _EXECUTE, _EXECUTE))
        own.refuse("pkey_mprotect", (2, _MASKED_EQUAL, _EXECUTE, _EXECUTE))
    if service.on("RestrictSUIDSGID"):
        for call, argument in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2)):
            for bit in _SPECIAL_BITS:
                own.refuse(call, (argument, _MASKED_EQUAL, bit, bit))
    if service.on("RestrictNamespaces"):
        own.refuse("setns")
        own.refuse("clone3", error=errno.ENOSYS)  # its flags lie in memory; the C library goes back to clone
        for flag in _NAMESPACES:
            own.refuse("unshare", (0, _MASKED_EQUAL, flag, flag))
            own.refuse("clone", (0, _MASKED_EQUAL, flag, flag))
    own.load()
    listed = Filter(refusing=True)
    listed.allow(service.system_calls)
    listed.load()


def _refusal(error: int) -> int:
    return _REFUSE | error


def _require(result: int) -> None:
    if result:
        raise OSError(-result, "libseccomp")
