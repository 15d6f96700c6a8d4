"""gpgv's verdict on the detached signature of a repository's repomd.xml."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from mirrorsync.errors import TrustError, VerificationError
from mirrorsync.trust.confinement import UnfinishedError, confined
from mirrorsync.trust.memfd import in_memory
from mirrorsync.trust.packets import SIGNATURE_BLOCK, PacketTag, from_armour, packets
from mirrorsync.trust.publickey import PublicKey

_STATUS = b"[GNUPG:] "
_NOWHERE = "/nonexistent"  # gpgv's home: neither the user's keys nor settings
_FINGERPRINT = 40  # hex digits, at least
_NOBODY = 16 * "0"  # the id of one who does not tell
_SHA1 = "2"
_WEAK = {"1": "MD5", _SHA1: "SHA-1", "3": "RIPEMD-160"}  # RFC 9580 section 9.5: those that no longer prove anything
_FAULTS = {
    "BADSIG": "does not fit it: one of the two was altered, or the mirror is just being changed; run again, or use another mirror",
    "EXPSIG": "has expired; its owner has to sign it anew",
    "EXPKEYSIG": "is by a key that has expired; pin the key that followed it, or get the same one with its new date",
    "REVKEYSIG": "is by a key that its owner has revoked; pin the key that followed it",
}
_WORDS_OF_VALIDSIG, _HASH_AT = 10, 7  # the first is the signing key's fingerprint, the last the primary key's
_MOST_SIGNATURES = 16  # of one file; some have two, by an old key and by the one that follows it
_UNREADABLE = "its signature cannot be read, or is of a kind that proves nothing any more; another mirror may have it whole"
_BEGINNINGS = (b"\x88", b"\x89", b"\x8a", b"\xc2")  # of a signature packet, old and new
_ARMOUR = b"-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class _Word:
    """One line of `gpgv --status-fd`: what it says, and of what."""

    keyword: str
    details: tuple[str, ...]


def is_signature(content: bytes) -> bool:
    """Whether it looks like a detached signature, and not like the page of a server that answers whatever it is asked for."""
    return content.startswith(_BEGINNINGS) or _ARMOUR in content


def metadata_signer(content: bytes, signature: bytes, keys: Sequence[PublicKey], *, legacy: bool) -> str:
    """The full fingerprint of the pinned key that signed `content`; `legacy` lets SHA-1 pass.

    Raises VerificationError, whose text goes on from a file's name, where none of `keys` did, and TrustError where gpgv cannot be asked.
    """
    bare = _bare(signature)
    status = b"".join(_asked(content, bare, key) for key in keys)  # one by one: gpgv finds no key beside one it cannot read
    weak = {part.fingerprint: part.weakness for key in keys for part in key.owner.parts if part.weakness}
    return judged(status, frozenset(key.fingerprint for key in keys), weak, legacy=legacy)


def _bare(signature: bytes) -> bytes:
    """Its signature packets; anything else gpgv would unpack, whatever that comes to. Raises VerificationError where there is more."""
    try:
        found = packets(from_armour(signature, SIGNATURE_BLOCK))
    except TrustError as error:
        raise VerificationError(_UNREADABLE) from error
    if not 0 < len(found) <= _MOST_SIGNATURES or any(packet.tag != PacketTag.SIGNATURE for packet in found):
        raise VerificationError(_UNREADABLE)
    return b"".join(packet.raw for packet in found)


def judged(status: bytes, pinned: frozenset[str], weak: Mapping[str, str], *, legacy: bool) -> str:
    """The same from what gpgv printed. One that does not fit decides alone; else, of several by different keys, one good one is enough.

    weak: keys and subkeys whose signatures prove nothing today, and of what kind they are.
    """
    words = tuple(_words(status))
    valid = [group["VALIDSIG"] for group in _by_signature(words) if "GOODSIG" in group and "VALIDSIG" in group]
    signers = [details for details in valid if len(details) == _WORDS_OF_VALIDSIG and details[-1].lower() in pinned]
    if not signers or _misfits(words):
        raise VerificationError(_fault(words))
    faults = [_weakness(details[_HASH_AT], weak.get(details[0].lower(), ""), legacy=legacy) for details in signers]
    sound = next((details[-1].lower() for details, fault in zip(signers, faults, strict=True) if not fault), None)
    if sound is None:
        raise VerificationError(min(faults))
    return sound


def _by_signature(words: Iterable[_Word]) -> list[dict[str, tuple[str, ...]]]:
    """What is said of each signature."""
    groups: list[dict[str, tuple[str, ...]]] = []
    for word in words:
        if word.keyword == "NEWSIG" or not groups:
            groups.append({})
        groups[-1][word.keyword] = word.details
    return groups


def _misfits(words: Iterable[_Word]) -> bool:
    return any(word.keyword == "BADSIG" for word in words)


def _weakness(hash_: str, key: str, *, legacy: bool) -> str:
    """Why a good signature proves nothing, and what to do; '' where it does. key: what kind of weak key made it, '' for a strong one."""
    hopeless = hash_ in _WEAK and hash_ != _SHA1
    parts = ([f"of {_WEAK[hash_]}"] if hash_ in _WEAK else []) + ([f"by {key}"] if key else [])
    if not parts or (legacy and not hopeless):
        return ""
    remedy = "its owner has to sign it anew" if hopeless else "set `legacy` for this upstream if that is its age"
    return f"its signature is {' and '.join(parts)}, which proves nothing any more; {remedy}"


def _fault(words: Sequence[_Word]) -> str:
    """Why no signature counts, and what to do."""
    for word in words:
        if word.keyword in _FAULTS:
            return f"its signature {_FAULTS[word.keyword]}"
    strangers = sorted({_issuer(word) for word in words if word.keyword in ("ERRSIG", "VALIDSIG") and word.details} - {_NOBODY})
    if strangers:
        return f"it is signed by key {', '.join(strangers)}, which is not pinned for this upstream; pin its fingerprint if you trust it"
    return _UNREADABLE


def _issuer(word: _Word) -> str:
    """Who made a signature that does not count: the fingerprint, in an ERRSIG of newer gpgv's the last word, or else the id."""
    return (word.details[-1] if len(word.details[-1]) >= _FINGERPRINT else word.details[0]).lower()


def _words(status: bytes) -> Iterator[_Word]:
    for line in status.splitlines():
        if line.startswith(_STATUS) and (words := line.removeprefix(_STATUS).decode(errors="replace").split()):
            yield _Word(words[0], tuple(words[1:]))


def _asked(content: bytes, signature: bytes, key: PublicKey) -> bytes:
    """What gpgv says, of files that have no name on any disk."""
    with ExitStack() as stack:
        descriptors = [stack.enter_context(in_memory(piece)) for piece in (key.packets, signature, content)]
        keyring, signed_by, signed = (f"/proc/self/fd/{descriptor}" for descriptor in descriptors)
        command = ["gpgv", "--homedir", _NOWHERE, "--status-fd", "1", "--keyring", keyring, "--", signed_by, signed]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": _NOWHERE}
        absent = 'gpgv is not installed, so no metadata can be verified; install the package gpgv, or set metadata_signatures = "ignore"'
        try:
            return confined(command, environment=environment, absent=absent, descriptors=descriptors).stdout
        except UnfinishedError as error:
            raise VerificationError(f"has a signature that cannot be judged: {error}; another mirror may have it whole") from error
