"""A key packet: what kind of key it is, how long, how old, and the fingerprint that names it; RFC 9580 section 5.5.2."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mirrorsync.errors import TrustError

_VERSION_3 = 3
_COUNTED = 5  # from this version on a length of 4 bytes stands before the key's numbers
_DAY = 86400  # seconds
_LONGEST = 0xFFFF  # bytes, of keys of version 4
_ALGORITHMS: Mapping[int, str] = {  # section 9.1; 30 and 31 by the draft for keys that outlast quantum computers
    1: "RSA", 2: "RSA", 3: "RSA", 16: "Elgamal", 17: "DSA", 18: "ECDH", 19: "ECDSA", 20: "Elgamal", 22: "EdDSA",
    25: "X25519", 26: "X448", 27: "Ed25519", 28: "Ed448", 30: "ML-DSA-65+Ed25519", 31: "ML-DSA-87+Ed448",
}  # fmt: skip
_OF_NUMBERS = ("RSA", "DSA", "Elgamal")
_OF_CURVES = ("ECDSA", "ECDH", "EdDSA")
_BITS: Mapping[str, int] = {"Ed25519": 256, "X25519": 256, "Ed448": 456, "X448": 448}
_CURVES: Mapping[bytes, int] = {  # section 9.2
    bytes.fromhex("2a8648ce3d030107"): 256,  # NIST P-256
    bytes.fromhex("2b81040022"): 384,  # NIST P-384
    bytes.fromhex("2b81040023"): 521,  # NIST P-521
    bytes.fromhex("2b2403030208010107"): 256,  # brainpoolP256r1
    bytes.fromhex("2b240303020801010b"): 384,  # brainpoolP384r1
    bytes.fromhex("2b240303020801010d"): 512,  # brainpoolP512r1
    bytes.fromhex("2b06010401da470f01"): 256,  # Ed25519
    bytes.fromhex("2b060104019755010501"): 256,  # Curve25519
}


@dataclass(frozen=True, slots=True)
class Material:
    """created: seconds since the epoch.  lifetime: seconds from then on, as keys of version 3 say it in the packet; 0 for never."""

    fingerprint: str
    key_id: str
    algorithm: str
    bits: int
    created: int
    lifetime: int = 0


def material(body: bytes) -> Material:
    """What the body of a key or subkey packet says. Raises TrustError where it is of no known version."""
    version = body[0] if body else 0
    named, numbers = (body[7:8], body[8:]) if version <= _VERSION_3 else (body[5:6], body[10:] if version >= _COUNTED else body[6:])
    kind = int.from_bytes(named)
    algorithm = _ALGORITHMS.get(kind, f"algorithm {kind}")
    lifetime = int.from_bytes(body[5:7]) * _DAY if version <= _VERSION_3 else 0  # RFC 4880 section 5.5.2
    return Material(fingerprint(body), key_id(body), algorithm, _bits(algorithm, numbers), int.from_bytes(body[1:5]), lifetime)


def _bits(algorithm: str, numbers: bytes) -> int:
    """Of the number that an attacker would have to take apart; of a curve's group; 0 where it is not known."""
    if algorithm in _OF_NUMBERS:
        return int.from_bytes(next(_numbers(numbers), b"")).bit_length()
    if algorithm in _OF_CURVES:
        return _CURVES.get(numbers[1 : 1 + numbers[0]], 0) if numbers else 0
    return _BITS.get(algorithm, 0)


def fingerprint(body: bytes) -> str:
    """A key's or subkey's full fingerprint in lower-case hex, by its version: 3 (32 digits), 4 (40), 5 and 6 (64).

    RFC 4880 section 12.2, RFC 9580 section 5.5.4. Raises TrustError for any other version, or more than has one.
    """
    match body[:1]:
        case b"\3":
            return hashlib.md5(b"".join(_numbers(body[8:])), usedforsecurity=False).hexdigest()
        case b"\4":
            if len(body) > _LONGEST:
                raise TrustError(f"a key of {len(body)} bytes")
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
    position = 0
    while position + 2 < len(data):
        start = position + 2
        position = start + (int.from_bytes(data[start - 2 : start]) + 7) // 8
        yield data[start:position]
