"""Mount services: rpc.mountd by itself, and one that refuses everybody: RFC 1833 and RFC 1813, appendix I."""

import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.inflight.ganesha import answering, daemon

_PORTMAPPER = 100000
_GETPORT, _MNT = 3, 1
_CALL = struct.Struct(">IIIIII")  # xid, message, RPC's version, program, version, procedure
_ACCEPTED = struct.Struct(">IIIIII")  # xid, a reply, accepted, no verifier (2 words), success
_ACCES = 13
_MOUNTD = 20048
_LAST = 1 << 31


@contextmanager
def exporting(exports: Path, work: Path) -> Iterator[None]:
    """rpc.mountd with this file as /etc/exports; the mount namespace is the caller's own."""
    subprocess.run(["mount", "--bind", str(exports), "/etc/exports"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/lib/nfs"], check=True)
    for name in ("etab", "rmtab"):
        Path("/var/lib/nfs", name).touch()
    subprocess.run(["/usr/sbin/exportfs", "-ra"], check=True)
    with daemon(["/usr/sbin/rpc.mountd", "-F", "-p", str(_MOUNTD)], work / "mountd.log", answering(_MOUNTD)):
        yield


@contextmanager
def refusing(address: str, port: int) -> Iterator[None]:
    """Be the portmapper and a mount service at that port: as knfsd's is to who asks from a port that anybody has."""
    with socket.create_server((address, port)) as server:
        threading.Thread(target=_serve, args=(server, port), daemon=True).start()
        yield


def _serve(server: socket.socket, port: int) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=_answer, args=(connection, port), daemon=True).start()


def _answer(connection: socket.socket, port: int) -> None:
    with suppress(ConnectionError), connection, connection.makefile("rwb") as stream:
        while mark := stream.read(4):
            call = stream.read(struct.unpack(">I", mark)[0] & ~_LAST)
            xid, _, _, program, _, procedure = _CALL.unpack_from(call)
            result = b""
            if program == _PORTMAPPER and procedure == _GETPORT:
                result = struct.pack(">I", port)
            elif program != _PORTMAPPER and procedure == _MNT:
                result = struct.pack(">I", _ACCES)
            reply = _ACCEPTED.pack(xid, 1, 0, 0, 0, 0) + result
            stream.write(struct.pack(">I", len(reply) | _LAST) + reply)
            stream.flush()
