"""An NFS client in user space: libnfs by ctypes, every mount with a connection and, for version 4, a client name of its own."""

import ctypes
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from tests.inflight.doors import TIMEOUT_SECONDS, Door, RefusedError

_LIBRARY = "libnfs.so.13"
_BLOCK = 1 << 16
_numbers = itertools.count()


@cache
def _libnfs() -> ctypes.CDLL:
    library = ctypes.CDLL(_LIBRARY)
    library.nfs_init_context.restype = ctypes.c_void_p
    library.nfs_get_error.restype = ctypes.c_char_p
    return library


def available() -> bool:
    """Whether the library is installed."""
    try:
        _libnfs()
    except OSError:
        return False
    return True


class NfsDoor:
    """A mounted directory: its handle was looked up once, and every path is looked up below it, one name after the other."""

    def __init__(self, context: ctypes.c_void_p) -> None:
        self._context = context
        self._block = ctypes.create_string_buffer(_BLOCK)

    def read(self, path: str) -> bytes:
        """Look it up, open it, read it in pieces."""
        file = ctypes.c_void_p()
        self._checked(_libnfs().nfs_open(self._context, f"/{path}".encode(), os.O_RDONLY, ctypes.byref(file)), path)
        try:
            return b"".join(self._pieces(file, path))
        finally:
            _libnfs().nfs_close(self._context, file)

    def _pieces(self, file: ctypes.c_void_p, path: str) -> Iterator[bytes]:
        offset = 0
        while count := self._checked(
            _libnfs().nfs_pread(self._context, file, ctypes.c_uint64(offset), ctypes.c_uint64(_BLOCK), self._block), path
        ):
            yield self._block.raw[:count]
            offset += count

    def mount(self, server: str, path: str) -> None:
        """Get the directory's handle; a server that has just begun may not have told rpcbind of its mount service yet."""
        for pause in (0.1, 0.5, 1, 2, 4):
            try:
                self._checked(_libnfs().nfs_mount(self._context, server.encode(), path.encode()), path)
            except RefusedError as error:
                if "not available" not in str(error):
                    raise
                time.sleep(pause)
            else:
                return
        self._checked(_libnfs().nfs_mount(self._context, server.encode(), path.encode()), path)

    def _checked(self, result: int, path: str) -> int:
        if result < 0:
            said = (_libnfs().nfs_get_error(self._context) or b"").decode(errors="replace")
            raise RefusedError(f"{path}: {os.strerror(-result)}: {said}")
        return result


@contextmanager
def mounted(server: str, version: int, path: str) -> Iterator[Door]:
    """The directory `path` of the server, by NFS of that version. Nothing about names is remembered on this side."""
    context = ctypes.c_void_p(_libnfs().nfs_init_context())
    try:
        _libnfs().nfs_set_version(context, version)
        _libnfs().nfs_set_dircache(context, 0)
        _libnfs().nfs_set_timeout(context, TIMEOUT_SECONDS * 1000)
        _libnfs().nfs4_set_client_name(context, f"node {os.getpid()} {next(_numbers)}".encode())
        door = NfsDoor(context)
        door.mount(server, path)
        yield door
    finally:
        _libnfs().nfs_destroy_context(context)
