"""TFTP as a network card's boot ROM speaks it (RFC 1350, options of RFC 2347), and Debian's servers, each in a network of its own."""

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.namespaces import obstacle

LOOPBACK = "127.0.0.1"
TFTP_PORT = 69
BLOCK_SIZE = 1408
_START_SECONDS = 10
_ANSWER_SECONDS = 1
_TRIES = 8
_READ, _DATA, _ACKNOWLEDGED, _ERROR, _OPTIONS = 1, 3, 4, 5, 6
_CLONE_NEWNET = 0x40000000


class TFTPError(Exception):
    """What a server answered instead of a file, or that it did not."""


@dataclass(frozen=True, slots=True)
class TFTPServer:
    """A server in a network namespace of its own."""

    process: int

    def get(self, name: str) -> bytes:
        """The file of that name, as a node reads it."""
        with self._socket() as channel:
            return _transfer(channel, name)

    def _socket(self) -> socket.socket:
        """A socket in the server's network: it belongs to where it was made."""
        made: list[socket.socket] = []
        thread = threading.Thread(target=lambda: made.append(self._socket_of_thread()))
        thread.start()
        thread.join()
        [channel] = made
        return channel

    def _socket_of_thread(self) -> socket.socket:
        with Path(f"/proc/{self.process}/ns/net").open("rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        channel.settimeout(_ANSWER_SECONDS)
        return channel


def _transfer(channel: socket.socket, name: str) -> bytes:
    request = struct.pack("!H", _READ) + b"".join(word.encode() + b"\0" for word in (name, "octet", "blksize", str(BLOCK_SIZE)))
    kind, rest, peer = _asked(channel, request, (LOOPBACK, TFTP_PORT), expected=0)
    if kind != _OPTIONS or f"blksize\0{BLOCK_SIZE}".encode() not in rest:
        raise TFTPError(f"{name}: the server does not take blocks of {BLOCK_SIZE} bytes: {kind} {rest!r}")
    content = bytearray()
    for number in range(1, 1 << 16):
        _, rest, peer = _asked(channel, struct.pack("!HH", _ACKNOWLEDGED, number - 1), peer, expected=number)
        content += rest[2:]
        if len(rest) - 2 < BLOCK_SIZE:
            channel.sendto(struct.pack("!HH", _ACKNOWLEDGED, number), peer)
            return bytes(content)
    raise TFTPError(f"{name}: too long for a test")


def _asked(channel: socket.socket, message: bytes, peer: tuple[str, int], *, expected: int) -> tuple[int, bytes, tuple[str, int]]:
    """Send `message` until the answer comes that is `expected`, the block of that number or 0 for the options; kind, rest and sender."""
    for _ in range(_TRIES):
        channel.sendto(message, peer)
        limit = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < limit:
            try:
                answer, sender = channel.recvfrom(BLOCK_SIZE + 100)
            except TimeoutError:
                break
            [kind] = struct.unpack("!H", answer[:2])
            if kind == _ERROR:
                raise TFTPError(f"error {answer[3]}: {answer[4:-1].decode(errors='replace')}")
            if (kind == _OPTIONS and not expected) or (kind == _DATA and struct.unpack("!H", answer[2:4]) == (expected,)):
                return kind, answer[2:], sender
    raise TFTPError(f"no answer to {message!r}")


@contextmanager
def tftpd_hpa(root: Path) -> Iterator[TFTPServer]:
    """Debian's tftpd-hpa as its service runs it: it makes `root` its root directory, and is the user tftp.

    By its address 127.0.0.1 it would not start: it looks addresses up with AI_ADDRCONFIG, for which a loopback is no network.
    """
    with _isolated("in.tftpd", "-L", "-4", "-a", f":{TFTP_PORT}", "-u", "tftp", "-s", str(root)) as server:
        yield server


@contextmanager
def dnsmasq(root: Path) -> Iterator[TFTPServer]:
    """Debian's dnsmasq as a TFTP server and nothing else."""
    options = (
        "--conf-file=/dev/null",
        "--port=0",
        "--enable-tftp",
        f"--tftp-root={root}",
        f"--listen-address={LOOPBACK}",
        "--bind-interfaces",
    )
    with _isolated("dnsmasq", "--keep-in-foreground", "--pid-file=", "--user=nobody", *options) as server:
        yield server


@contextmanager
def _isolated(name: str, *arguments: str) -> Iterator[TFTPServer]:
    """A daemon in the foreground, in a network namespace that has a loopback and goes with it."""
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if reason := obstacle("net") if program else f"not installed: {name}":
        pytest.skip(reason)
    script = 'ip link set lo up && exec "$0" "$@"'
    command = ["unshare", "--net", "--", "setpriv", "--pdeathsig", "KILL", "sh", "-c", script, program, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server = TFTPServer(process.pid)
        _wait_for(server, process)
        yield server
    finally:
        process.kill()
        process.wait(_START_SECONDS)


def _wait_for(server: TFTPServer, process: subprocess.Popen[bytes]) -> None:
    """Until something is bound to the port; an empty table is the answer of a network that has no server yet."""
    limit = time.monotonic() + _START_SECONDS
    table = Path(f"/proc/{server.process}/net/udp")
    while time.monotonic() < limit and process.poll() is None:
        if f":{TFTP_PORT:04X} " in table.read_text(encoding="ascii"):
            return
        time.sleep(0.05)
    pytest.fail(f"{process.args!r} does not listen")
