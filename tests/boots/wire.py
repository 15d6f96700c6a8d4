"""The wire between the master, which is this network namespace, and one node: a bridge, a tap, and what iPXE waits for."""

import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

MASTER, NODE, NETWORK = "10.77.0.1", "10.77.0.50", "10.77.0.0/24"
MAC = "52:54:00:12:34:56"
BRIDGE, TAP, MASTER_TAP = "wire0", "node0", "master0"
_BYSTANDER = "10.77.0.254/24"

_COMMANDS: Sequence[Sequence[str]] = (
    ("mount", "-t", "tmpfs", "tmpfs", "/run"),  # rpcbind's socket
    ("mount", "-t", "tmpfs", "tmpfs", "/var/lib/nfs"),
    ("ip", "link", "set", "lo", "up"),
    ("ip", "link", "add", BRIDGE, "type", "bridge"),
    ("ip", "address", "add", f"{MASTER}/24", "dev", BRIDGE),
    ("ip", "tuntap", "add", TAP, "mode", "tap"),
    ("ip", "link", "set", TAP, "master", BRIDGE, "up"),
    ("ip", "link", "add", "end0", "type", "veth", "peer", "name", "end1"),  # the bridge is up before any node is
    ("ip", "link", "set", "end0", "master", BRIDGE, "up"),
    ("ip", "link", "set", "end1", "up"),
    ("ip", "link", "set", BRIDGE, "up"),
)
_ADVERTISEMENT = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 0, 0, 0)  # RFC 4861, 4.2: a router that is none (lifetime 0)
_HOPS = 255
_SECONDS = 0.3


def lay() -> None:
    """Give this namespace, which has nothing yet, the master's end."""
    for command in _COMMANDS:
        _do(*command)


@contextmanager
def with_another_master() -> Iterator[None]:
    """Let somebody else be MASTER, on a tap of its own, and this namespace look on."""
    _do("ip", "tuntap", "add", MASTER_TAP, "mode", "tap")
    _do("ip", "link", "set", MASTER_TAP, "master", BRIDGE, "up")
    _do("ip", "address", "delete", f"{MASTER}/24", "dev", BRIDGE)
    _do("ip", "address", "add", _BYSTANDER, "dev", BRIDGE)
    try:
        yield
    finally:
        _do("ip", "address", "delete", _BYSTANDER, "dev", BRIDGE)
        _do("ip", "address", "add", f"{MASTER}/24", "dev", BRIDGE)
        _do("ip", "link", "delete", MASTER_TAP)


def _do(*command: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})


@contextmanager
def advertised() -> Iterator[None]:
    """Say again and again that there is no IPv6 router: iPXE waits 16 s for one to say anything."""
    done = threading.Event()
    thread = threading.Thread(target=_advertise, args=(done,))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _advertise(done: threading.Event) -> None:
    index = socket.if_nametoindex(BRIDGE)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as wire:
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOPS)
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        while not done.wait(_SECONDS):
            with suppress(OSError):  # the bridge has no address of its own yet
                wire.sendto(_ADVERTISEMENT, ("ff02::1", 0, 0, index))
