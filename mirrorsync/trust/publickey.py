"""A public key file read, and of each key what rpm can import."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.errors import TrustError
from mirrorsync.files import read_plain
from mirrorsync.model.key import KeyOwner, KeyPart
from mirrorsync.trust.material import Material, fingerprint, material
from mirrorsync.trust.packets import Packet, PacketTag, from_armour, grouped, packets
from mirrorsync.trust.statements import Signature, SignatureType, signature
from mirrorsync.trust.vetting import Key, vetted

_VERSION_4 = 4
_MOST_BYTES = 4 << 20  # the key files of distributions have some thousands
_NAMED = (PacketTag.USER_ID, PacketTag.USER_ATTRIBUTE, PacketTag.SUBKEY)
_ABOUT_A_KEY = (SignatureType.DIRECT_KEY, SignatureType.CERTIFICATION)

Statements = Mapping[int, tuple[Signature, Packet]]
"""The signature of each type that a key made on a part of itself and that counts: the newest."""

Rank = Callable[[Signature], tuple[float, int]]
Vet = Callable[[Sequence[Key]], Mapping[str, Key]]
"""Keys by fingerprint, with what they can show to say of themselves."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as rpm gets to see it, and what its owner says of it.

    packets: the key itself, its user ids with their newest certification by the key itself, and those subkeys that may sign.
    rpm 4.18 cannot import RHL's and CentOS's keys with their other certifications and encryption subkeys; a revoked subkey
    is left out because rpm would take what it signs.
    said: when its owner last said something of it, in seconds since the epoch.

    The fingerprint pins the primary key. Expiry, revocation and subkeys are what it signed itself, as far as the file still has it: who
    can change the file can hide them, as by giving the key as it was before.
    """

    owner: KeyOwner
    packets: bytes
    said: int = 0

    @property
    def fingerprint(self) -> str:
        """The primary key's, full, in lower-case hex."""
        return self.owner.primary.fingerprint

    @property
    def user_id(self) -> str:
        """The first one that the key itself certifies, '' where there is none."""
        return self.owner.user_id

    @property
    def revoked(self) -> bool:
        """Whether its owner revoked all of it."""
        return self.owner.primary.revoked

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Its own, then those of its subkeys that may sign, 16 hex digits each."""
        return (self.owner.primary.key_id, *(part.key_id for part in self.owner.subkeys if not part.revoked))


def read_keys(path: Path) -> tuple[PublicKey, ...]:
    """All public keys in a file, armoured or binary, in its order. Raises TrustError."""
    try:
        content = read_plain(path, _MOST_BYTES)
    except OSError as error:
        raise TrustError(f"{path}: the key file cannot be read: {error.strerror}") from error
    try:
        return keys_in(content)
    except TrustError as error:
        raise TrustError(f"{path}: not a usable key file: {error}") from error


def keys_in(content: bytes, vet: Vet = vetted) -> tuple[PublicKey, ...]:
    """The same of a file's content. Of a key that could not be vetted, all that shortens its life is believed. Raises TrustError."""
    keys = [_without_strangers(key) for key in grouped(packets(from_armour(content)))]
    proven = vet(keys)
    named = [(fingerprint(key[0].body), key) for key in keys]
    return tuple(_proven(key, proven[name]) if name in proven else _public_key(key, _shortest_lived) for name, key in named)


def _without_strangers(key: Key) -> Key:
    """The key with what it names, and with the signatures that say they are its own and can be read."""
    own_id = material(key[0].body).key_id
    return [key[0], *(packet for packet in key[1:] if packet.tag in _NAMED or _is_by(packet, own_id))]


def _is_by(packet: Packet, key_id: str) -> bool:
    try:
        return packet.tag == PacketTag.SIGNATURE and signature(packet.body).key_id == key_id
    except TrustError:
        return False


def _proven(key: Key, vetted_key: Key) -> PublicKey:
    """Raises TrustError where nothing that the key says of itself is true: it could say anything of how long it holds."""
    if _says_how_long(key) and not _says_how_long(vetted_key):
        raise TrustError(f"{fingerprint(key[0].body)}: what it says of itself is not signed by it; get it anew from its owner")
    return _public_key(vetted_key, _newest)


def _says_how_long(key: Key) -> bool:
    return any(packet.tag == PacketTag.SIGNATURE and signature(packet.body).kind in _ABOUT_A_KEY for packet in key)


def _newest(statement: Signature) -> tuple[float, int]:
    return statement.created, 0


def _shortest_lived(statement: Signature) -> tuple[float, int]:
    return -(statement.key_lifetime or math.inf), statement.created


def _public_key(key: Key, rank: Rank) -> PublicKey:
    """The key without what rpm stumbles over; of several statements of a kind the one of the highest rank counts."""
    made = material(key[0].body)
    stated = [(packet, _own_statements(signatures, made.key_id, rank)) for packet, signatures in _with_signatures(key)]
    primary = _primary(made, stated, rank)
    subkeys = [
        (packet, statements, _subkey(packet, statements, primary))
        for packet, statements in stated
        if packet.tag == PacketTag.SUBKEY and _is_signing(statements)
    ]
    users = [(packet, found[SignatureType.CERTIFICATION]) for packet, found in stated if _is_certified(packet, found)]
    kept = [key[0], *_direct(key[0], stated[0][1])]
    kept += [part for packet, (_, certification) in users for part in (packet, certification)]
    kept += [
        part
        for packet, statements, subkey in subkeys
        if not subkey.revoked
        for part in (packet, statements[SignatureType.SUBKEY_BINDING][1])
    ]
    user_id = users[0][0].body.decode(errors="replace") if users else ""
    said = max((statement.created for _, found in stated for statement, _ in found.values()), default=0)
    owner = KeyOwner(primary, tuple(part for _, _, part in subkeys), user_id)
    return PublicKey(owner, b"".join(packet.raw for packet in kept), said)


def _with_signatures(group: Sequence[Packet]) -> list[tuple[Packet, list[Packet]]]:
    """Each packet of a key that is not a signature, with the signatures that follow it."""
    found: list[tuple[Packet, list[Packet]]] = []
    for packet in group:
        if packet.tag == PacketTag.SIGNATURE:
            found[-1][1].append(packet)
        else:
            found.append((packet, []))
    return found


def _own_statements(signatures: Iterable[Packet], own_id: str, rank: Rank) -> Statements:
    own = [(signature(packet.body), packet) for packet in signatures]
    ordered = sorted((pair for pair in own if pair[0].key_id == own_id), key=lambda pair: rank(pair[0]))
    return {statement.kind: (statement, packet) for statement, packet in ordered}


def _primary(made: Material, stated: Sequence[tuple[Packet, Statements]], rank: Rank) -> KeyPart:
    """The newest self-signature says when the key expires (RFC 9580 section 5.2.3.10), be it on the key or on a user id of it."""
    about = [found[kind][0] for _, found in stated for kind in _ABOUT_A_KEY if kind in found]
    newest = max(about, key=rank, default=None)
    lifetime = (newest.key_lifetime if newest else 0) or made.lifetime
    return _part(made, lifetime, revoked=SignatureType.KEY_REVOCATION in stated[0][1])


def _subkey(packet: Packet, statements: Statements, primary: KeyPart) -> KeyPart:
    """Its binding says when it expires; with the primary key at the latest."""
    revoked = primary.revoked or SignatureType.SUBKEY_REVOCATION in statements
    return _part(material(packet.body), statements[SignatureType.SUBKEY_BINDING][0].key_lifetime, revoked=revoked, end=primary.expires)


def _part(made: Material, lifetime: int, *, revoked: bool, end: int | None = None) -> KeyPart:
    """A lifetime counts from the key's creation (RFC 9580 section 5.2.3.13); 0 is none."""
    ends = [moment for moment in (made.created + lifetime if lifetime else None, end) if moment is not None]
    return KeyPart(made.fingerprint, made.key_id, made.algorithm, made.bits, made.created, min(ends, default=None), revoked)


def _is_signing(statements: Statements) -> bool:
    """Whether a subkey is bound, and agrees to it: an encryption subkey's binding has no signature by the subkey (section 5.2.1.8)."""
    return SignatureType.SUBKEY_BINDING in statements and statements[SignatureType.SUBKEY_BINDING][0].back_signed


def _is_certified(packet: Packet, statements: Statements) -> bool:
    return packet.tag == PacketTag.USER_ID and SignatureType.CERTIFICATION in statements


def _direct(primary: Packet, statements: Statements) -> list[Packet]:
    """The signature on the key itself, which keys of version 6 hold by (section 10.1); rpm 4.18 has no use for it."""
    direct = statements.get(SignatureType.DIRECT_KEY)
    return [direct[1]] if direct and primary.body[0] > _VERSION_4 else []
