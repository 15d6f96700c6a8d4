"""gpgv's verdict on the detached signature of a repository's repomd.xml."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from mirrorsync.errors import TrustError, VerificationError
from mirrorsync.trust.confinement import confined
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
_WORDS_OF_VALIDSIG, _HASH_AT = 10, 7  # the last is the primary key's fingerprint
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
    status = b"".join(_asked(content, signature, key) for key in keys)  # one by one: gpgv finds no key beside one it cannot read
    return judged(status, frozenset(key.fingerprint for key in keys), legacy=legacy)


def judged(status: bytes, pinned: frozenset[str], *, legacy: bool) -> str:
    """The same from what gpgv printed. One that does not fit decides alone; else, of several by different keys, one good one is enough."""
    words = tuple(_words(status))
    valid = [group["VALIDSIG"] for group in _by_signature(words) if "GOODSIG" in group and "VALIDSIG" in group]
    signers = [details for details in valid if len(details) == _WORDS_OF_VALIDSIG and details[-1].lower() in pinned]
    if not signers or _misfits(words):
        raise VerificationError(_fault(words))
    hashes = {details[_HASH_AT]: details[-1].lower() for details in signers}
    sound = next((signer for hash_, signer in hashes.items() if hash_ not in _WEAK or (legacy and hash_ == _SHA1)), None)
    if sound is None:
        raise VerificationError(_weakness(min(hashes)))
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


def _weakness(hash_: str) -> str:
    remedy = "set `legacy` for this upstream if that is its age" if hash_ == _SHA1 else "its owner has to sign it anew"
    return f"its signature is of {_WEAK[hash_]}, which proves nothing any more; {remedy}"


def _fault(words: Sequence[_Word]) -> str:
    """Why no signature counts, and what to do."""
    for word in words:
        if word.keyword in _FAULTS:
            return f"its signature {_FAULTS[word.keyword]}"
    strangers = sorted({_issuer(word) for word in words if word.keyword in ("ERRSIG", "VALIDSIG") and word.details} - {_NOBODY})
    if strangers:
        return f"it is signed by key {', '.join(strangers)}, which is not pinned for this upstream; pin its fingerprint if you trust it"
    return "its signature cannot be read, or is of a kind that proves nothing any more; another mirror may have it whole"


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
        descriptors = [stack.enter_context(_in_memory(piece)) for piece in (key.packets, signature, content)]
        keyring, signed_by, signed = (f"/proc/self/fd/{descriptor}" for descriptor in descriptors)
        command = ["gpgv", "--homedir", _NOWHERE, "--status-fd", "1", "--keyring", keyring, "--", signed_by, signed]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": _NOWHERE}
        try:
            done = confined(command, environment=environment, descriptors=descriptors)
        except FileNotFoundError as error:
            missing = "gpgv is not installed, so no metadata can be verified"
            raise TrustError(f'{missing}; install the package gpgv, or set metadata_signatures = "ignore"') from error
    if done.returncode < 0:
        raise TrustError(f"gpgv was ended by signal {-done.returncode}, so no metadata was verified; run again")
    return done.stdout


@contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """A descriptor of a file in memory."""
    descriptor = os.memfd_create("metadata", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield descriptor
    finally:
        os.close(descriptor)
