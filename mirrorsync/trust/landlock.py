"""Landlock (Linux 5.13): a thread, and the programs it calls, may change nothing but what lies below some paths, and reach no port."""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION_ASKED = 1
_BENEATH_PATH = 1
_NO_NEW_PRIVILEGES = 38  # prctl's PR_SET_NO_NEW_PRIVS
_WRITE_FILE, _REFER, _TRUNCATE, _DEVICE_CONTROL = 1 << 1, 1 << 13, 1 << 14, 1 << 15
_MAKE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))
_SINCE = {_REFER: 2, _TRUNCATE: 3, _DEVICE_CONTROL: 5}  # the version each right came with
_FILE_RIGHTS = _WRITE_FILE | _TRUNCATE | _DEVICE_CONTROL
_PORTS_SINCE, _PORTS = 4, 0b11  # to bind TCP ports, and to connect to them
_SCOPES_SINCE, _SCOPES = 6, 0b11  # abstract sockets, and signals to other processes


def version() -> int:
    """Of the running kernel's Landlock; 0 where it has none."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_ASKED)))


def restrict_thread(writable: Iterable[Path]) -> bool:
    """Take from the calling thread, for ever, what is not needed; False where the kernel cannot. Raises OSError."""
    present = version()
    renounce_privileges()
    if not present:
        return False
    rights = _rights(present)
    words = [rights, _PORTS if present >= _PORTS_SINCE else 0, _SCOPES if present >= _SCOPES_SINCE else 0]
    attributes = struct.pack("3Q", *words)
    ruleset = _called(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for path in writable:
            _permit(ruleset, path, rights)
        _called(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def renounce_privileges() -> None:
    """Let no program that the calling thread calls gain rights (setuid): the condition for all that restricts a thread."""
    _libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def _rights(present: int) -> int:
    """Every right to change something that the version knows."""
    return _WRITE_FILE | _MAKE_AND_REMOVE | sum(right for right, since in _SINCE.items() if present >= since)


def _permit(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        permitted = rights if path.is_dir() else rights & _FILE_RIGHTS
        _called(_ADD_RULE, ruleset, _BENEATH_PATH, struct.pack("=Qi", permitted, descriptor), 0)
    finally:
        os.close(descriptor)


def _called(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(number, *arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), "Landlock")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
