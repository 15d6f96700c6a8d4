"""OpenPGP packets (RFC 4880, 9580) as far as public keys and the issuers of signatures need them.

Nothing here verifies: rpm does. What is read here decides which keys rpm gets to see, and which it named.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from mirrorsync.errors import TrustError

_BLOCK = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?P<body>.*?)-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
_LINE = 64
_SHORTEST_SIGNATURE = 10  # bytes
_ISSUER, _EMBEDDED_SIGNATURE, _ISSUER_FINGERPRINT = 16, 32, 33


class PacketTag(IntEnum):
    """The kinds of packets a public key is made of."""

    SIGNATURE = 2
    PRIMARY_KEY = 6
    USER_ID = 13
    SUBKEY = 14


class SignatureType(IntEnum):
    """What a signature on a key says; CERTIFICATION stands for 0x10 to 0x13."""

    CERTIFICATION = 0x10
    SUBKEY_BINDING = 0x18
    KEY_REVOCATION = 0x20
    SUBKEY_REVOCATION = 0x28
    CERTIFICATION_REVOCATION = 0x30


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: `tag` says what, `body` is its content, `raw` the whole of it with its length."""

    tag: int
    body: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature packet says of itself. key_id: of the key that made it, 16 hex digits, '' where it does not tell.

    kind: its type, 0x11 to 0x13 read as 0x10.  created: seconds since the epoch.  back_signed: a subkey's own consent is in it.
    """

    kind: int
    key_id: str
    created: int
    back_signed: bool = False


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
    """(where what follows begins, its length) for a length of 1, 2 or 5 bytes, as new packets and subpackets write it."""
    first = data[position] if position < len(data) else 0
    if first < 192:  # noqa: PLR2004  RFC 4880 section 4.2.2
        return position + 1, first
    if first < 224:  # noqa: PLR2004  RFC 4880 section 4.2.2
        return position + 2, (first - 192 << 8) + int.from_bytes(data[position + 1 : position + 2]) + 192
    if first == 255:  # noqa: PLR2004  RFC 4880 section 4.2.2
        return position + 5, int.from_bytes(data[position + 1 : position + 5])
    raise TrustError(f"the OpenPGP packet at byte {position - 1} comes in parts, which a key never does")


def from_armour(text: bytes) -> bytes:
    """The binary packets of all public key blocks in `text`, one after another; `text` itself where it is binary."""
    if text[:1] and text[0] & 0x80:
        return text
    blocks = [_decode(match["body"]) for match in _BLOCK.finditer(text)]
    if not blocks:
        raise TrustError("holds no OpenPGP public key")
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


def fingerprint(body: bytes) -> str:
    """A key's or subkey's full fingerprint in lower-case hex, by its version: 3 (32 digits), 4 (40), 5 and 6 (64).

    RFC 4880 section 12.2, RFC 9580 section 5.5.4. Raises TrustError for any other version.
    """
    match body[:1]:
        case b"\3":
            return hashlib.md5(b"".join(_numbers(body[8:])), usedforsecurity=False).hexdigest()
        case b"\4":
            return hashlib.sha1(b"\x99" + len(body).to_bytes(2) + body, usedforsecurity=False).hexdigest()
        case b"\5":
            return hashlib.sha256(b"\x9a" + len(body).to_bytes(4) + body).hexdigest()
        case b"\6":
            return hashlib.sha256(b"\x9b" + len(body).to_bytes(4) + body).hexdigest()
    raise TrustError(f"a key of the unknown version {body[:1].hex() or 'none'}")


def key_id(body: bytes) -> str:
    """A key's id, 16 hex digits: of the modulus in version 3, the fingerprint's end in 4, its beginning later."""
    match body[:1]:
        case b"\3":
            return next(_numbers(body[8:]), b"")[-8:].hex()
        case b"\4":
            return fingerprint(body)[-16:]
    return fingerprint(body)[:16]


def _numbers(data: bytes) -> Iterator[bytes]:
    """The multiprecision integers in `data`, without their lengths in bits."""
    while len(data) > 2:  # noqa: PLR2004  the length takes two bytes
        size = (int.from_bytes(data[:2]) + 7) // 8
        yield data[2 : 2 + size]
        data = data[2 + size :]


def signature(body: bytes) -> Signature:
    """What the body of a signature packet of version 3, 4 or 6 says of itself. Raises TrustError for another."""
    if len(body) < _SHORTEST_SIGNATURE:
        raise TrustError(f"a signature of {len(body)} bytes")
    match body[:1]:
        case b"\2" | b"\3":
            return Signature(_kind(body[2]), body[7:15].hex(), int.from_bytes(body[3:7]))
        case b"\4":
            return _with_subpackets(body, width=2)
        case b"\6":
            return _with_subpackets(body, width=4)
    raise TrustError(f"a signature of the unknown version {body[:1].hex() or 'none'}")


def _with_subpackets(body: bytes, *, width: int) -> Signature:
    """A signature whose two areas of subpackets, the second one unsigned, begin with lengths of `width` bytes."""
    hashed_end = 4 + width + int.from_bytes(body[4 : 4 + width])
    rest_end = hashed_end + width + int.from_bytes(body[hashed_end : hashed_end + width])
    hashed = _subpackets(body[4 + width : hashed_end])
    values = _subpackets(body[hashed_end + width : rest_end]) | hashed
    by_fingerprint = values.get(_ISSUER_FINGERPRINT, b"")
    issuer = values.get(_ISSUER) or (by_fingerprint[-8:] if by_fingerprint[:1] == b"\4" else by_fingerprint[1:9])
    return Signature(_kind(body[1]), issuer.hex(), int.from_bytes(hashed.get(2, b"")), _EMBEDDED_SIGNATURE in values)


def _kind(number: int) -> int:
    return SignatureType.CERTIFICATION if number & 0xFC == SignatureType.CERTIFICATION else number


def _subpackets(area: bytes) -> dict[int, bytes]:
    """Subpacket contents by type, the critical bit put aside; of two of a type the last one."""
    found = {}
    position = 0
    while position < len(area):
        start, length = _new_length(area, position)
        if length and start < len(area):
            found[area[start] & 0x7F] = area[start + 1 : start + length]
        position = start + length
    return found
