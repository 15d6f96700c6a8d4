"""Targets: key files, and what rpm says of packages."""

from collections.abc import Sequence
from pathlib import Path

from mirrorsync.errors import TrustError, VerificationError
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.material import fingerprint, key_id, material
from mirrorsync.trust.metadata import judged
from mirrorsync.trust.packets import from_armour, packets, to_armour
from mirrorsync.trust.publickey import keys_in
from mirrorsync.trust.statements import signature
from mirrorsync.trust.verdict import judge, parse, refusal
from tests.fuzz.mutation import mutator
from tests.fuzz.samples import samples
from tests.fuzz.target import Target

_NAMES = tuple(Path(f"/pool/{name}.rpm") for name in ("a-1-1.i386", "b-1-1.i386"))
_OUTPUT = b"""/pool/a-1-1.i386.rpm:
    Header V3 RSA/SHA256 Signature, key ID db42a60e: OK
    Header SHA256 digest: OK
    Payload SHA256 digest: OK
    V3 DSA/SHA1 Signature, key ID db42a60e: NOKEY
    MD5 digest: BAD (Expected ab != cd)
/pool/b-1-1.i386.rpm:
    Header OpenPGP V4 RSA/SHA512 signature, key fingerprint: ca2086862bd69dfc65f6ecc4219180cddb42a60e: NOTTRUSTED
    Header SHA1 digest: NOTFOUND
error: /pool/c.rpm: not an rpm package
"""
_SIGNER = "CA2086862BD69DFC65F6ECC4219180CDDB42A60E"
_STATUS = f"""[GNUPG:] NEWSIG
[GNUPG:] KEY_CONSIDERED {_SIGNER} 0
[GNUPG:] SIG_ID abc 2012-01-01 1325376000
[GNUPG:] GOODSIG 219180CDDB42A60E Red Hat, Inc <security@redhat.com>
[GNUPG:] VALIDSIG {_SIGNER} 2012-01-01 1325376000 0 4 0 1 8 00 {_SIGNER}
[GNUPG:] NEWSIG
[GNUPG:] ERRSIG 219180CDDB42A60E 17 2 00 1325376000 9 -
[GNUPG:] NO_PUBKEY 219180CDDB42A60E
""".encode()


def _read_keys(content: bytes, _: Path) -> None:
    """Without asking gpg, which is another program."""
    keys_in(content, lambda _: {})


def _read_packets(content: bytes, _: Path) -> None:
    for packet in packets(from_armour(content)):
        for read in (signature, fingerprint, key_id, material):
            try:
                read(packet.body)
            except TrustError:
                continue


def _read_output(content: bytes, _: Path) -> None:
    for keyring in (None, Keyring(Path("/nowhere"), ())):
        for checks in parse(content, _NAMES).values():
            verdict = judge(checks, keyring)
            if not hasattr(verdict, "fingerprint"):
                refusal(verdict)


def _read_status(content: bytes, _: Path) -> None:
    judged(content, frozenset({_SIGNER.lower()}), {}, legacy=True)


def _packet(tag: int, body: bytes) -> bytes:
    return bytes([0x80 | tag << 2 | 1]) + len(body).to_bytes(2) + body


def _key(version: int) -> bytes:
    """A key of this version with a user's id, a subkey and signatures that have its own id: they prove nothing, and need not."""
    numbers = b"\x04\0" + b"\xaa" * 128 + b"\0\x11\x01\0\x01"
    body = {3: b"\3" + bytes(6) + b"\1", 4: b"\4" + bytes(4) + b"\1"}.get(
        version, bytes([version]) + bytes(4) + b"\1" + len(numbers).to_bytes(4)
    ) + numbers
    primary = _packet(6, body)
    own = bytes.fromhex(key_id(body))
    parts = [
        primary,
        _packet(13, b"Somebody <x@example.com>"),
        _statement(0x13, own),
        _packet(14, body[:-1] + b"\3"),
        _statement(0x18, own),
    ]
    return b"".join(parts)


def _statement(kind: int, issuer: bytes) -> bytes:
    hashed = bytes([5, 2]) + (1700000000).to_bytes(4) + bytes([2, 27, 2]) + bytes([10, 32]) + bytes(9)
    rest = bytes([9, 16]) + issuer
    return _packet(2, bytes([4, kind, 1, 8]) + len(hashed).to_bytes(2) + hashed + len(rest).to_bytes(2) + rest + b"\xab\xcd\0\x08\xff")


def _keys() -> Sequence[bytes]:
    keys = [_key(version) for version in (3, 4, 6)]
    large = b"\x9a" + (70000).to_bytes(4) + b"\4" + bytes(69999)
    return [*keys, b"Our keys:\n\n" + b"\n".join(map(to_armour, keys)), large]


_ARMOUR = (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", b"-----END PGP PUBLIC KEY BLOCK-----\n", b"\n\n", b"=abcd\n", b"Version: 1\n")
_RESULTS = (b": OK", b": BAD (", b": NOKEY", b"    ", b"/pool/a-1-1.i386.rpm:\n", b"Signature, key ID ", b"Payload SHA256 digest: OK\n")

TARGETS = (
    Target("keys", _read_keys, _keys, (TrustError,), mutator(words=_ARMOUR), largest=1 << 17, corpus=samples("keys/*")),
    Target("packets", _read_packets, _keys, (TrustError,), mutator(words=_ARMOUR), largest=1 << 17, corpus=samples("keys/*")),
    Target(
        "gpgv-status",
        _read_status,
        lambda: [_STATUS],
        (VerificationError,),
        mutator(words=(b"[GNUPG:] ", b"BADSIG ", b"NEWSIG\n", b"VALIDSIG ")),
        longest_line=1 << 17,
    ),
    Target("rpmkeys-output", _read_output, lambda: [_OUTPUT], (), mutator(words=_RESULTS), largest=1 << 14),
)
