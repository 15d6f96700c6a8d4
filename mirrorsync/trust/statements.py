"""What a signature packet says of itself: RFC 9580 section 5.2. Nothing here verifies: rpm does."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from mirrorsync.errors import TrustError
from mirrorsync.trust.packets import subpacket_length

_SHORTEST = 10  # bytes
_DIGEST_OF_3 = 16  # where version 3 has its hash algorithm
_CREATED, _KEY_LIFETIME, _ISSUER, _EMBEDDED_SIGNATURE, _ISSUER_FINGERPRINT = 2, 9, 16, 32, 33  # section 5.2.3.7


class SignatureType(IntEnum):
    """What a signature on a key says (section 5.2.1); CERTIFICATION stands for 0x10 to 0x13."""

    CERTIFICATION = 0x10
    SUBKEY_BINDING = 0x18
    DIRECT_KEY = 0x1F
    KEY_REVOCATION = 0x20
    SUBKEY_REVOCATION = 0x28
    CERTIFICATION_REVOCATION = 0x30


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature packet says of itself. key_id: of the key that made it, 16 hex digits, '' where it tells none, or several.

    kind: its type, 0x11 to 0x13 read as 0x10.  created: seconds since the epoch.  digest: the number of its hash algorithm.
    key_lifetime: how many seconds after its creation the key expires that it is about; 0 for never.
    back_signed: a subkey's own consent is in it.
    """

    version: int
    kind: int
    key_id: str
    created: int
    digest: int
    key_lifetime: int = 0
    back_signed: bool = False


def signature(body: bytes) -> Signature:
    """What the body of a signature packet of version 3, 4 or 6 says of itself. Raises TrustError for another."""
    if len(body) < _SHORTEST:
        raise TrustError(f"a signature of {len(body)} bytes")
    match body[:1]:
        case b"\2" | b"\3":  # RFC 4880 section 5.2.2
            digest = int.from_bytes(body[_DIGEST_OF_3 : _DIGEST_OF_3 + 1])
            return Signature(body[0], _kind(body[2]), body[7:15].hex(), int.from_bytes(body[3:7]), digest)
        case b"\4":
            return _with_subpackets(body, width=2)
        case b"\6":
            return _with_subpackets(body, width=4)
    raise TrustError(f"a signature of the unknown version {body[:1].hex() or 'none'}")


def _with_subpackets(body: bytes, *, width: int) -> Signature:
    """A signature whose two areas of subpackets, the second one unsigned, begin with lengths of `width` bytes (section 5.2.3)."""
    hashed_end = 4 + width + int.from_bytes(body[4 : 4 + width])
    rest_end = hashed_end + width + int.from_bytes(body[hashed_end : hashed_end + width])
    signed, unsigned = _subpackets(body[4 + width : hashed_end]), _subpackets(body[hashed_end + width : rest_end])
    hashed, values = dict(signed), dict((*unsigned, *signed))
    return Signature(
        version=body[0],
        kind=_kind(body[1]),
        key_id=_issuer((*signed, *unsigned)).hex(),
        created=int.from_bytes(hashed.get(_CREATED, b"")[:4]),
        digest=body[3],
        key_lifetime=int.from_bytes(hashed.get(_KEY_LIFETIME, b"")[:4]),
        back_signed=_EMBEDDED_SIGNATURE in values,
    )


def _kind(number: int) -> int:
    return SignatureType.CERTIFICATION if number & 0xFC == SignatureType.CERTIFICATION else number


def _issuer(found: Iterable[tuple[int, bytes]]) -> bytes:
    """The id of who made it; b'' where two are named, of which rpm may go by the one and others by the other."""
    named = {content if kind == _ISSUER else _id_in(content) for kind, content in found if kind in (_ISSUER, _ISSUER_FINGERPRINT)}
    return named.pop() if len(named) == 1 else b""


def _id_in(fingerprint: bytes) -> bytes:
    """The id in a subpacket that gives the key's version and its fingerprint (section 5.2.3.35)."""
    return fingerprint[-8:] if fingerprint[:1] == b"\4" else fingerprint[1:9]


def _subpackets(area: bytes) -> tuple[tuple[int, bytes], ...]:
    """(type, content) of each, the critical bit put aside."""
    found = []
    position = 0
    while position < len(area):
        start, length = subpacket_length(area, position)
        if length and start < len(area):
            found.append((area[start] & 0x7F, area[start + 1 : start + length]))
        position = start + length
    return tuple(found)
