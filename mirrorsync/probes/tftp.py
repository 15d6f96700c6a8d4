"""A file as a node's boot program fetches it: TFTP (RFC 1350) with the options that boot programs ask for (RFC 2347 to 2349).

A read request goes to the server's port; the server answers from another one, which alone counts from then on. With options it answers
with those it grants (OACK), without them, or where it knows none, with the first block. Each block is acknowledged, and the block that is
shorter than the others is the last. Block numbers are 16 bits and begin anew at 0, which not every boot program takes.
"""

import re
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from mirrorsync.errors import ProbeError

PORT = 69
BLOCK = 512
"""Bytes of a block where nothing else was agreed on."""
WANTED_BLOCK = 1428
"""What boot programs ask for: about what one Ethernet frame carries beside the headers of IP, UDP and TFTP."""
LARGEST_PLAIN = 65535 * BLOCK
"""Bytes that block numbers reach without an agreement on larger blocks."""
_READ, _DATA, _ACK, _ERROR, _GRANTED = 1, 3, 4, 5, 6
_MEANINGS = {1: "file not found", 2: "access violation", 4: "illegal operation", 5: "unknown transfer", 8: "options refused"}
_HEAD = 4  # bytes before a block, or an error's text
_SMALLEST = 8  # bytes of a block that may be agreed on
_DIGITS = re.compile(r"[0-9]{1,18}")
_Address = tuple[Any, ...]
_LARGEST_PACKET = 65_536
_TRIES = 4
_SECONDS = 2.0  # for each of them


@dataclass(frozen=True, slots=True)
class TftpPlace:
    """A file or folder of a TFTP server, by the name that nodes ask for: "" for the server's root."""

    host: str
    port: int
    name: str

    @classmethod
    def at(cls, url: str) -> Self:
        """What tftp://host[:port]/name stands for (RFC 3617)."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", parts.port or PORT, unquote(parts.path).strip("/"))

    def __truediv__(self, name: str) -> Self:
        """A file in the folder."""
        return replace(self, name=f"{self.name}/{name}".removeprefix("/"))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tftp://{host}{'' if self.port == PORT else f':{self.port}'}/{self.name}"


@dataclass(frozen=True, slots=True)
class Granted:
    """What the server agreed to: bytes of a block, and the file's size where it tells it."""

    block: int
    size: int | None


def look(place: TftpPlace, *, seconds: float = _SECONDS) -> Granted:
    """What the server says of a file before its first block; the transfer ends there. Raises ProbeError."""
    with _asked(place, seconds) as (conversation, first):
        conversation.give_up()
        return _granted(first)


def fetch(place: TftpPlace, take: Callable[[bytes], object], *, seconds: float = _SECONDS) -> Granted:
    """Give every block of a file to `take`, in their order. Raises ProbeError."""
    with _asked(place, seconds) as (conversation, first):
        granted = _granted(first)
        packet = conversation.acknowledged(0) if first[1] == _GRANTED else first
        number = 1
        while True:
            if packet[1] != _DATA or len(packet) > granted.block + _HEAD:
                raise ProbeError(f"the server sent something else than block {number}")
            take(packet[_HEAD:])
            if len(packet) < granted.block + _HEAD:
                conversation.acknowledge(number)
                return granted
            packet = conversation.acknowledged(number)
            number += 1


class _Conversation:
    """One transfer: the socket, and the server's own port once it is known. What is not answered is sent again."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._socket = connection
        self._seconds = seconds
        self._peer: _Address = ()

    def ask(self, packet: bytes, address: _Address) -> bytes:
        """The answer to a request. Raises ProbeError for an error, and where none comes."""
        return self._answered(packet, address, lambda answer: answer[1] in (_DATA, _GRANTED))

    def acknowledged(self, number: int) -> bytes:
        """The block after block `number`, which is acknowledged. Raises ProbeError."""
        following = struct.pack(">H", (number + 1) & 0xFFFF)
        return self._answered(_ack(number), self._peer, lambda answer: answer[1] == _DATA and answer[2:4] == following)

    def acknowledge(self, number: int) -> None:
        """Say that the last block came; nothing answers that."""
        self._socket.sendto(_ack(number), self._peer)

    def give_up(self) -> None:
        """End the transfer, as boot programs do that only want to know the size."""
        self._socket.sendto(struct.pack(">HH", _ERROR, 0) + b"done\0", self._peer)

    def _answered(self, packet: bytes, address: _Address, fits: Callable[[bytes], bool]) -> bytes:
        for _ in range(_TRIES):
            self._socket.sendto(packet, address)
            until = time.monotonic() + self._seconds
            while (left := until - time.monotonic()) > 0:
                if (answer := self._received(left)) is not None and fits(answer):
                    return answer
        raise ProbeError(f"no answer in {_TRIES * self._seconds:.0f} seconds")

    def _received(self, seconds: float) -> bytes | None:
        """What came from the server within that time, None for nothing and for what is of somebody else. Raises ProbeError for an error."""
        self._socket.settimeout(seconds)
        try:
            answer, sender = self._socket.recvfrom(_LARGEST_PACKET)
        except TimeoutError:
            return None
        self._peer = self._peer or sender
        if sender != self._peer or len(answer) < _HEAD:
            return None
        if answer[1] == _ERROR:
            raise ProbeError(f"the server says: {_error_text(answer)}")
        return answer


@contextmanager
def _asked(place: TftpPlace, seconds: float) -> Iterator[tuple[_Conversation, bytes]]:
    """The conversation, and its first answer."""
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_DGRAM)
        with socket.socket(family, kind, protocol) as connection:
            conversation = _Conversation(connection, seconds)
            yield conversation, conversation.ask(_request(place.name), address)
    except (OSError, UnicodeError) as error:
        raise ProbeError(getattr(error, "strerror", None) or str(error)) from error


def _request(name: str) -> bytes:
    options = {"tsize": "0", "blksize": str(WANTED_BLOCK)}
    words = [name.encode(errors="surrogateescape"), b"octet", *(word.encode() for option in options.items() for word in option)]
    return struct.pack(">H", _READ) + b"".join(word + b"\0" for word in words)


def _granted(answer: bytes) -> Granted:
    """What an OACK grants, or the defaults where the first answer is a block."""
    if answer[1] != _GRANTED:
        return Granted(BLOCK, None)
    options = _options(answer[2:])
    block, size = _number(options.get("blksize", str(BLOCK))), _number(options.get("tsize", ""))
    if block is None or not _SMALLEST <= block <= WANTED_BLOCK:
        raise ProbeError(f"the server grants blocks of {options['blksize'][:20]!r} bytes, and {WANTED_BLOCK} at most were asked for")
    return Granted(block, size)


def _number(text: str) -> int | None:
    return int(text) if _DIGITS.fullmatch(text) else None


def _options(text: bytes) -> Mapping[str, str]:
    words = text.decode("latin-1").split("\0")
    return {name.lower(): value for name, value in zip(words[::2], words[1::2], strict=False)}


def _ack(number: int) -> bytes:
    return struct.pack(">HH", _ACK, number & 0xFFFF)


def _error_text(answer: bytes) -> str:
    """The server's words, or the meaning of its code where it says none."""
    [code] = struct.unpack(">H", answer[2:4])
    said = "".join(character if character.isprintable() else " " for character in answer[_HEAD:].decode(errors="replace")).strip()
    return said[:200] or _MEANINGS.get(code, f"error {code}")
