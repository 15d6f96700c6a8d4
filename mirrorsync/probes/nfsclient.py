"""A node's look at files over NFS, as a program of its own: `python -I nfsclient.py <REQUEST >ANSWERS`.

It calls libnfs, a client in user space, as an unprivileged user. Nothing can stop a call of that library that hangs, so its caller ends
the program where no line comes for a while. It has the standard library alone, for -I leaves it no more.

The request is one JSON object: server, path, version (3 or 4), uid, files ([[path below the path, whether to read it], …]). Answers are
a line of JSON each: {} now and then while something is read; {"mounted": true}; {"path", "size", "sha256": null where it was not to be
read}; {"path", "errno", "said"}; {"errno", "said"} where it could not be mounted.
"""

import ctypes
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

LIBRARY = "libnfs.so.13"
_SECONDS = 20
_BLOCK = 1 << 18
_SIGN_OF_LIFE = 1 << 20  # bytes
_FIELDS = 17  # of struct nfs_stat_64, each of 64 bits
_SIZE = 7


class NfsError(Exception):
    """A call that failed. number: of errno(3)."""

    def __init__(self, number: int, said: str) -> None:
        super().__init__(said)
        self.number = number


def library() -> ctypes.CDLL:
    """libnfs, its functions as nfsc/libnfs.h declares them. Raises OSError where it is not installed."""
    found = ctypes.CDLL(LIBRARY)
    pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "nfs_init_context": (pointer, []),
        "nfs_destroy_context": (None, [pointer]),
        "nfs_get_error": (text, [pointer]),
        "nfs_set_version": (integer, [pointer, integer]),
        "nfs_set_timeout": (None, [pointer, integer]),
        "nfs_set_autoreconnect": (None, [pointer, integer]),
        "nfs_set_dircache": (None, [pointer, integer]),
        "nfs_set_uid": (None, [pointer, integer]),
        "nfs_set_gid": (None, [pointer, integer]),
        "nfs4_set_client_name": (None, [pointer, text]),
        "nfs_mount": (integer, [pointer, text, text]),
        "nfs_stat64": (integer, [pointer, text, pointer]),
        "nfs_access": (integer, [pointer, text, integer]),
        "nfs_open": (integer, [pointer, text, integer, pointer]),
        "nfs_pread": (integer, [pointer, pointer, ctypes.c_uint64, ctypes.c_uint64, pointer]),
        "nfs_close": (integer, [pointer, pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


class Mount:
    """A mounted directory."""

    def __init__(self, server: str, path: str, version: int, uid: int) -> None:
        self._nfs = library()
        self._context = self._nfs.nfs_init_context()
        self._block = ctypes.create_string_buffer(_BLOCK)
        self._nfs.nfs_set_version(self._context, version)
        self._nfs.nfs_set_timeout(self._context, _SECONDS * 1000)
        self._nfs.nfs_set_autoreconnect(self._context, 0)
        self._nfs.nfs_set_dircache(self._context, 0)
        self._nfs.nfs_set_uid(self._context, uid)
        self._nfs.nfs_set_gid(self._context, uid)
        self._nfs.nfs4_set_client_name(self._context, f"mirrorsync check {os.getpid()}".encode())
        self._checked(self._nfs.nfs_mount(self._context, os.fsencode(server), os.fsencode(path)))

    def size(self, path: str) -> int:
        """Bytes of a file that this user may read. Raises NfsError."""
        name = os.fsencode(f"/{path}")
        facts = (ctypes.c_uint64 * _FIELDS)()
        self._checked(self._nfs.nfs_stat64(self._context, name, facts))
        self._checked(self._nfs.nfs_access(self._context, name, os.R_OK))
        return int(facts[_SIZE])

    def blocks(self, path: str) -> Iterator[bytes]:
        """A file's bytes. Raises NfsError."""
        file = ctypes.c_void_p()
        self._checked(self._nfs.nfs_open(self._context, os.fsencode(f"/{path}"), os.O_RDONLY, ctypes.byref(file)))
        try:
            offset = 0
            while count := self._checked(self._nfs.nfs_pread(self._context, file, offset, _BLOCK, self._block)):
                yield self._block.raw[:count]
                offset += count
        finally:
            self._nfs.nfs_close(self._context, file)

    def _checked(self, result: int) -> int:
        if result < 0:
            raise NfsError(-result, (self._nfs.nfs_get_error(self._context) or b"").decode(errors="replace"))
        return result


def _sha256(mount: Mount, path: str) -> str:
    digest, read = hashlib.sha256(), 0
    for block in mount.blocks(path):
        digest.update(block)
        if (read + len(block)) // _SIGN_OF_LIFE > read // _SIGN_OF_LIFE:
            _say({})
        read += len(block)
    return digest.hexdigest()


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    try:
        mount = Mount(request["server"], request["path"], request["version"], request["uid"])
    except NfsError as error:
        _say({"errno": error.number, "said": str(error)})
        return
    _say({"mounted": True})
    for path, whole in request["files"]:
        try:
            _say({"path": path, "size": mount.size(path), "sha256": _sha256(mount, path) if whole else None})
        except NfsError as error:
            _say({"path": path, "errno": error.number, "said": str(error)})


if __name__ == "__main__":
    main()
