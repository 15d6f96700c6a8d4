"""OpenPGP packets in their frames and in their armour: RFC 9580 sections 4.2 and 6, RFC 4880 for the old ones."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from mirrorsync.errors import TrustError

_BLOCK = re.compile(rb"-----BEGIN PGP (?P<kind>[A-Z ]{1,40})-----\r?\n(?P<body>(?:(?!-----).)*)-----END PGP (?P=kind)-----", re.DOTALL)
KEY_BLOCK, SIGNATURE_BLOCK = b"PUBLIC KEY BLOCK", b"SIGNATURE"
_LINE = 64


class PacketTag(IntEnum):
    """The kinds of packets that public keys and signatures are made of."""

    SIGNATURE = 2
    PRIMARY_KEY = 6
    USER_ID = 13
    SUBKEY = 14
    USER_ATTRIBUTE = 17


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: `tag` says what, `body` is its content, `raw` the whole of it with its length."""

    tag: int
    body: bytes
    raw: bytes


def packets(data: bytes) -> tuple[Packet, ...]:
    """The packets of binary `data`. Raises TrustError where they do not fill it exactly."""
    found = []
    position = 0
    while position < len(data):
        start, end = _body_span(data, position)
        tag = data[position] & 0x3F if data[position] & 0x40 else data[position] >> 2 & 0x0F
        found.append(Packet(tag, data[start:end], data[position:end]))
        position = end
    return tuple(found)


def grouped(sequence: Iterable[Packet]) -> list[list[Packet]]:
    """Packets in groups that each begin with a primary key. Raises TrustError where the first one does not."""
    groups: list[list[Packet]] = []
    for packet in sequence:
        if packet.tag == PacketTag.PRIMARY_KEY:
            groups.append([])
        if not groups:
            raise TrustError(f"begins with an OpenPGP packet of kind {packet.tag} where a public key belongs")
        groups[-1].append(packet)
    return groups


def _body_span(data: bytes, position: int) -> tuple[int, int]:
    """(first byte, end) of the body of the packet at `position`; RFC 4880 section 4.2."""
    first = data[position]
    if not first & 0x80:
        raise TrustError(f"byte {position} is {first:#04x}, where an OpenPGP packet should begin")
    start, length = _new_length(data, position + 1) if first & 0x40 else _old_length(data, position)
    if start + length > len(data):
        raise TrustError(f"the OpenPGP packet at byte {position} ends after the last byte")
    return start, start + length


def _old_length(data: bytes, position: int) -> tuple[int, int]:
    width = (1, 2, 4, 0)[data[position] & 3]
    if not width:
        raise TrustError(f"the OpenPGP packet at byte {position} tells no length")
    start = position + 1 + width
    return start, int.from_bytes(data[position + 1 : start])


def _new_length(data: bytes, position: int) -> tuple[int, int]:
    if data[position : position + 1] and 224 <= data[position] < 255:  # noqa: PLR2004  RFC 9580 section 4.2.1
        raise TrustError(f"the OpenPGP packet at byte {position - 1} comes in parts, which a key never does")
    return subpacket_length(data, position)


def subpacket_length(data: bytes, position: int) -> tuple[int, int]:
    """(where what follows begins, its length) for a length of 1, 2 or 5 bytes: RFC 9580 section 5.2.3.7, where nothing comes in parts."""
    first = data[position] if position < len(data) else 0
    if first < 192:  # noqa: PLR2004  the section says so
        return position + 1, first
    if first < 255:  # noqa: PLR2004  the section says so
        return position + 2, (first - 192 << 8) + int.from_bytes(data[position + 1 : position + 2]) + 192
    return position + 5, int.from_bytes(data[position + 1 : position + 5])


def from_armour(text: bytes, kind: bytes = KEY_BLOCK) -> bytes:
    """The binary packets of all blocks of that kind in `text`, one after another; `text` itself where it is binary. Raises TrustError."""
    if text[:1] and text[0] & 0x80:
        return text
    blocks = [_decode(match["body"]) for match in _BLOCK.finditer(text) if match["kind"] == kind]
    if not blocks:
        raise TrustError(f"holds no OpenPGP {'public key' if kind == KEY_BLOCK else 'signature'}")
    return b"".join(blocks)


def _decode(block: bytes) -> bytes:
    """A block's content: after the header lines' empty line, before the checksum line that begins with '='."""
    lines = [line.strip() for line in block.splitlines()]
    content = lines[lines.index(b"") + 1 :] if b"" in lines else lines
    try:
        return base64.b64decode(b"".join(line for line in content if not line.startswith(b"=")), validate=True)
    except binascii.Error as error:
        raise TrustError(f"its armour is damaged: {error}") from error


def to_armour(data: bytes) -> bytes:
    """One public key block that holds the binary packets `data`."""
    content = base64.b64encode(data)
    lines = [content[position : position + _LINE] for position in range(0, len(content), _LINE)]
    checksum = b"=" + base64.b64encode(_crc24(data).to_bytes(3))
    frame = (b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b"", *lines, checksum, b"-----END PGP PUBLIC KEY BLOCK-----", b"")
    return b"\n".join(frame)


def _crc24(data: bytes) -> int:
    """The armour's checksum, RFC 4880 section 6.1."""
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc = (crc << 1) ^ (0x1864CFB if crc & 0x800000 else 0)
    return crc
