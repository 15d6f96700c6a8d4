"""A public key file read, and of each key what rpm can import."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.errors import TrustError
from mirrorsync.trust.packets import Packet, PacketTag, SignatureType, fingerprint, from_armour, key_id, packets, signature


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as rpm gets to see it. fingerprint: full, lower-case hex.  key_ids: its own, then its signing subkeys', 16 hex digits each.

    packets: the key itself, its user ids with their newest certification by the key itself, and those subkeys that may sign.
    rpm 4.18 cannot import RHL's and CentOS's keys with their other certifications and encryption subkeys; a revoked subkey
    is left out because rpm would take what it signs.
    """

    fingerprint: str
    key_ids: tuple[str, ...]
    packets: bytes
    user_id: str = ""
    revoked: bool = False


def read_keys(path: Path) -> tuple[PublicKey, ...]:
    """All public keys in a file, armoured or binary, in its order. Raises TrustError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrustError(f"{path}: the key file cannot be read: {error.strerror}") from error
    try:
        return tuple(_public_key(group) for group in _by_key(packets(from_armour(content))))
    except TrustError as error:
        raise TrustError(f"{path}: not a usable key file: {error}") from error


def _by_key(sequence: Iterable[Packet]) -> list[list[Packet]]:
    """Packets grouped so that each group begins with a primary key."""
    groups: list[list[Packet]] = []
    for packet in sequence:
        if packet.tag == PacketTag.PRIMARY_KEY:
            groups.append([])
        if not groups:
            raise TrustError(f"begins with an OpenPGP packet of kind {packet.tag} where a public key belongs")
        groups[-1].append(packet)
    return groups


def _public_key(group: Sequence[Packet]) -> PublicKey:
    """The key in `group`, without what rpm stumbles over."""
    primary = group[0]
    own_id = key_id(primary.body)
    kept, key_ids, user_ids, revoked = [primary], [own_id], [], False
    for packet, signatures in _with_signatures(group):
        statements = _own_statements(signatures, own_id)
        if packet.tag == PacketTag.PRIMARY_KEY:
            revoked = SignatureType.KEY_REVOCATION in statements
        elif packet.tag == PacketTag.USER_ID and SignatureType.CERTIFICATION in statements:
            kept += [packet, statements[SignatureType.CERTIFICATION]]
            user_ids.append(packet.body.decode(errors="replace"))
        elif packet.tag == PacketTag.SUBKEY and _may_sign(statements):
            kept += [packet, statements[SignatureType.SUBKEY_BINDING]]
            key_ids.append(key_id(packet.body))
    content = b"".join(packet.raw for packet in kept)
    return PublicKey(fingerprint(primary.body), tuple(key_ids), content, next(iter(user_ids), ""), revoked)


def _with_signatures(group: Sequence[Packet]) -> list[tuple[Packet, list[Packet]]]:
    """Each packet of a key that is not a signature, with the signatures that follow it."""
    found: list[tuple[Packet, list[Packet]]] = []
    for packet in group:
        if packet.tag == PacketTag.SIGNATURE:
            found[-1][1].append(packet)
        else:
            found.append((packet, []))
    return found


def _own_statements(signatures: Iterable[Packet], own_id: str) -> dict[int, Packet]:
    """The newest signature of each type that the key itself made."""
    own = [(signature(packet.body), packet) for packet in signatures]
    ordered = sorted((pair for pair in own if pair[0].key_id == own_id), key=lambda pair: pair[0].created)
    return {statement.kind: packet for statement, packet in ordered}


def _may_sign(statements: dict[int, Packet]) -> bool:
    """Whether a subkey is bound, not revoked, and agrees to it: an encryption subkey's binding has no signature by the subkey."""
    binding = statements.get(SignatureType.SUBKEY_BINDING)
    return binding is not None and SignatureType.SUBKEY_REVOCATION not in statements and signature(binding.body).back_signed
