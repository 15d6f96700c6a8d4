"""What a node does once its initrd runs: it reads the tree by each way it is told, and says on its console what it got.

Needs the standard library only, as all that it imports does. Each line of the console that begins with MARK is one JSON object.
"""

import hashlib
import http.client
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.inflight.doors import Door, held_door, http_door
from tests.inflight.installs import FAULTS, redhat_packages, repodata_packages, stamp_of

MARK = "NODE "
BUILD = Path("/build")
_IMAGES = ("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img")
_CONSOLE = Path("/dev/console")
_MOUNTED = Path("/mnt")
_OPTIONS = {
    "nfs3": "ro,vers=3,nolock,proto=tcp,addr={server}",
    "nfs4": "ro,vers=4.2,proto=tcp,addr={server},clientaddr={self}",
}
_READERS = {"redhat": redhat_packages, "repodata": repodata_packages}
_GATE_SECONDS = 120


class _Noting:
    """A door that notes the SHA-256 of all that is read through it."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.sums: dict[str, str] = {}

    def read(self, path: str) -> bytes:
        content = self._door.read(path)
        self.sums[path] = hashlib.sha256(content).hexdigest()
        return content


def main() -> None:
    """Say what was booted; do what the order at the server that the kernel's arguments name says; say what was read."""
    arguments = Path("/proc/cmdline").read_text(encoding="ascii").split()
    server = next(word for word in arguments if word.startswith("node.server=")).partition("=")[2]
    _say("booted", build=BUILD.read_text(encoding="ascii"), kernel=os.uname().release, arguments=arguments)
    order = json.loads(_get(server, "/order/order.json"))
    for way in order["ways"]:
        _read(way, order, lambda name=way: _pause(server, name, order["gates"]))
    for path in order["staged"]:
        _say("fetched", path=path, sum=_by_tftp(server, path))
    _say("done")


def _read(way: str, order: dict[str, Any], pause: Callable[[], None]) -> None:
    noting, fault, stamp = None, "", 0
    try:
        with _door(way, order) as door:
            noting = _Noting(door)
            stamp = stamp_of(noting)
            _READERS[order["layout"]](noting, order["digests"], pause)
            for path in _IMAGES:
                noting.read(path)
    except (*FAULTS, OSError) as error:
        fault = str(error)
    _say("read", way=way, stamp=stamp, fault=fault, sums=noting.sums if noting else {})


@contextmanager
def _door(way: str, order: dict[str, Any]) -> Iterator[Door]:
    if way == "http":
        with http_door(f"http://{order['server']}", order["url"]) as door:
            yield door
        return
    options = _OPTIONS[way].format(server=order["server"], self=order["address"])
    place = _MOUNTED / way
    place.mkdir(parents=True, exist_ok=True)
    _busybox("mount", "-t", "nfs", "-o", options, f"{order['server']}:{order['path']}", str(place))
    try:
        with held_door(place, ".") as door:
            yield door
    finally:
        _busybox("umount", str(place))


def _pause(server: str, way: str, gates: list[str]) -> None:
    """Where there is a gate for this way, say that it is waited for, once, and wait until the server has it."""
    if way not in gates:
        return
    gates.remove(way)
    _say("waiting", way=way)
    limit = time.monotonic() + _GATE_SECONDS
    while time.monotonic() < limit:
        try:
            _get(server, f"/order/{way}")
        except OSError:
            time.sleep(0.2)
        else:
            return


def _get(server: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(server, timeout=30)
    connection.request("GET", path)
    response = connection.getresponse()
    content = response.read()
    if response.status != http.client.OK:
        raise FileNotFoundError(f"{path}: HTTP {response.status}")
    return content


def _by_tftp(server: str, path: str) -> str:
    """The file's SHA-256 as TFTP gives it, "" where it does not."""
    got = Path("/fetched")
    done = subprocess.run(["/bin/busybox", "tftp", "-g", "-b", "1432", "-l", str(got), "-r", path, server], check=False, timeout=120)
    return hashlib.sha256(got.read_bytes()).hexdigest() if done.returncode == 0 else ""


def _busybox(*words: str) -> None:
    done = subprocess.run(["/bin/busybox", *words], check=False, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise OSError(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()}")


def _say(event: str, **words: object) -> None:
    with _CONSOLE.open("w", encoding="ascii") as console:
        console.write(f"\n{MARK}{json.dumps({'event': event, **words})}\n")


if __name__ == "__main__":
    main()
