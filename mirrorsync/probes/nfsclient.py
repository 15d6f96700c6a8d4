"""A node's look at files over NFS, as a program of its own: `python -I nfsclient.py <REQUEST >ANSWERS`.

It calls libnfs, a client in user space, as an unprivileged user. Nothing can stop a call of that library that hangs, so its caller ends
the program where no line comes for a while. It has the standard library alone, for -I leaves it no more.

The request is one JSON object: server, path, version (3 or 4), uid, files ([[path below the path, whether to read it], …]). Answers are
a line of JSON each: {"exports": [[directory, [client, …]], …]} first for version 3, where the mount service says so; {} now and then while
something is read; {"mounted": true}; {"path", "size", "sha256": null where it was not to be
read}; {"path", "errno", "said"}; {"errno", "said", "reserved": whether it asked from a port that root alone has} where it could not be
mounted.
"""

import ctypes
import hashlib
import json
import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any

LIBRARY = "libnfs.so.13"
_SECONDS = 20
_BLOCK = 1 << 18
_SIGN_OF_LIFE = 1 << 20  # bytes
_WITH_MOUNT_SERVICE = 3
_RESERVED = range(600, 1024)
_MOST_BYTES = 1 << 20
_LAST = 1 << 31  # fragment of a record
_PORTMAPPER, _PORTMAPPER_PORT, _GETPORT = 100000, 111, 3
_MOUNT, _EXPORT = 100005, 5
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


def _shown(server: str) -> list[tuple[str, list[str]]] | None:
    """What `showmount -e` prints (RFC 1813, 5.2.5), which libnfs gives without the clients; None where nobody says."""
    try:
        wanted = struct.pack(">4I", _MOUNT, _WITH_MOUNT_SERVICE, socket.IPPROTO_TCP, 0)
        [port] = struct.unpack(">I", _called(server, _PORTMAPPER_PORT, (_PORTMAPPER, 2, _GETPORT), wanted))
        words = _Words(_called(server, port, (_MOUNT, _WITH_MOUNT_SERVICE, _EXPORT)))
        return [(words.text(), [words.text() for _ in words.more()]) for _ in words.more()]
    except (OSError, OverflowError, struct.error):
        return None


def _called(server: str, port: int, procedure: tuple[int, int, int], arguments: bytes = b"") -> bytes:
    """What a procedure (program, version, number) returns: RFC 5531, sections 9 and 11. Raises OSError, struct.error."""
    with socket.create_connection((server, port), _SECONDS) as connection, connection.makefile("rwb") as stream:
        call = struct.pack(">10I", os.getpid(), 0, 2, *procedure, 0, 0, 0, 0) + arguments
        stream.write(struct.pack(">I", len(call) | _LAST) + call)
        stream.flush()
        reply, mark = b"", 0
        while not mark & _LAST and len(reply) < _MOST_BYTES:
            [mark] = struct.unpack(">I", stream.read(4))
            reply += stream.read(min(mark & ~_LAST, _MOST_BYTES))
    _, kind, accepted, _, length = struct.unpack_from(">5I", reply)
    [result] = struct.unpack_from(">I", reply, 20 + length)
    if (kind, accepted, result) != (1, 0, 0):
        raise OSError("it was not accepted")
    return reply[24 + length :]


class _Words:
    """The values of a reply, one after the other: RFC 4506. Raises struct.error beyond its end."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self._at = 0

    def number(self) -> int:
        [value] = struct.unpack_from(">I", self._reply, self._at)
        self._at += 4
        return int(value)

    def text(self) -> str:
        length = self.number()
        value = self._reply[self._at : self._at + length]
        self._at += length + -length % 4
        return value.decode(errors="replace")

    def more(self) -> Iterator[None]:
        """As often as there is another one in a list."""
        while self.number():
            yield


def _has_reserved_ports() -> bool:
    """Whether libnfs, which tries to, could ask from a port below 1024: exports without `insecure` take no others."""
    for port in _RESERVED:
        with socket.socket() as tried:
            try:
                tried.bind(("", port))
            except PermissionError:
                return False
            except OSError:  # somebody has it
                continue
            return True
    return True


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    if request["version"] == _WITH_MOUNT_SERVICE and (shown := _shown(request["server"])) is not None:
        _say({"exports": shown})
    try:
        mount = Mount(request["server"], request["path"], request["version"], request["uid"])
    except NfsError as error:
        _say({"errno": error.number, "said": str(error), "reserved": _has_reserved_ports()})
        return
    _say({"mounted": True})
    for path, whole in request["files"]:
        try:
            _say({"path": path, "size": mount.size(path), "sha256": _sha256(mount, path) if whole else None})
        except NfsError as error:
            _say({"path": path, "errno": error.number, "said": str(error)})


if __name__ == "__main__":
    main()
