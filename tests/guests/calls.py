"""Calls from the test to a guest: one JSON document a line, over a virtio serial port inside and a socket outside."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

PORT = "calls"
_BLOCK = 65536

Call = Callable[..., object]


class GuestError(Exception):
    """A guest did not do what it was called for, or does not answer."""


class Calls:
    """The test's end: an answer is waited for as long as the caller says, in seconds, and no longer."""

    def __init__(self, name: str, connection: socket.socket) -> None:
        self._name = name
        self._socket = connection
        self._read = b""

    def __call__(self, name: str, *, seconds: float, **words: object) -> Any:
        """What the guest's call of that name returns. Raises GuestError."""
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(json.dumps({"call": name, "words": words}).encode() + b"\n")
        except OSError as error:
            raise GuestError(f"{self._name}: {name}: the guest has ended") from error
        document = self.line(name, seconds=seconds)
        if "fault" in document:
            raise GuestError(f"{self._name}: {name}: {document['fault']}")
        return document["answer"]

    def line(self, purpose: str, *, seconds: float) -> Any:
        """The next document that the guest sends."""
        limit = time.monotonic() + seconds
        while b"\n" not in self._read:
            self._socket.settimeout(max(0.01, limit - time.monotonic()))
            try:
                block = self._socket.recv(_BLOCK)
            except TimeoutError as error:
                raise GuestError(f"{self._name}: {purpose}: no answer within {seconds:.0f} s") from error
            except OSError as error:
                raise GuestError(f"{self._name}: {purpose}: the guest has ended") from error
            if not block:
                raise GuestError(f"{self._name}: {purpose}: the guest has ended")
            self._read += block
        line, _, self._read = self._read.partition(b"\n")
        return json.loads(line)


def serve(calls: Mapping[str, Call]) -> NoReturn:
    """The guest's end: say that it is up, then answer calls one after the other, for as long as the machine runs."""
    port = os.open(_port(), os.O_RDWR)
    _send(port, {"answer": "up"})
    for line in _lines(port):
        request = json.loads(line)
        try:
            _send(port, {"answer": calls[request["call"]](**request["words"])})
        except (OSError, subprocess.SubprocessError) as error:
            _send(port, {"fault": f"{type(error).__name__}: {error}"})
    raise AssertionError("a port ends only with its machine")


def _port() -> Path:
    [name] = [path.parent.name for path in Path("/sys/class/virtio-ports").glob("*/name") if path.read_text().strip() == PORT]
    return Path("/dev") / name


def _lines(port: int) -> Iterator[bytes]:
    read = b""
    while True:
        block = os.read(port, _BLOCK)
        if not block:
            time.sleep(0.1)  # nobody is at the other end now
        *lines, read = (read + block).split(b"\n")
        yield from lines


def _send(port: int, document: object) -> None:
    rest = json.dumps(document).encode() + b"\n"
    while rest:
        rest = rest[os.write(port, rest) :]
