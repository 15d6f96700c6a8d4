"""OpenPGP packets that anybody can write: signatures that are none, put onto somebody's key."""

from mirrorsync.trust.packets import from_armour, packets

CERTIFICATION, BINDING, REVOCATION = 0x13, 0x18, 0x20
LATER = 1700000000  # seconds since the epoch: 2023
_ISSUER, _CREATED, _LIFETIME = 16, 2, 9


def forged(kind: int, key_id: str, *, lifetime: int | None = None, version: int = 4, area: bytes = b"") -> bytes:
    """A signature packet that says it is by that key, made LATER; area: subpackets put before the others of the unsigned area."""
    hashed = _subpacket(_CREATED, LATER.to_bytes(4)) + (b"" if lifetime is None else _subpacket(_LIFETIME, lifetime.to_bytes(4)))
    unhashed = area + _subpacket(_ISSUER, bytes.fromhex(key_id))
    areas = b"".join(len(part).to_bytes(2) + part for part in (hashed, unhashed))
    return packet(2, bytes([version, kind, 1, 8]) + areas + b"\x12\x34" + (2048).to_bytes(2) + b"\xa5" * 256)


def packet(tag: int, body: bytes) -> bytes:
    """A packet with its length in five bytes."""
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4) + body


def with_packet(key: bytes, more: bytes, *, after: int) -> bytes:
    """A public key, armoured or not, with something put after its first packet of that kind."""
    found = packets(from_armour(key))
    place = next(index for index, each in enumerate(found) if each.tag == after) + 1
    return b"".join([*(each.raw for each in found[:place]), more, *(each.raw for each in found[place:])])


def _subpacket(kind: int, content: bytes) -> bytes:
    return bytes([len(content) + 1, kind]) + content
