"""What a package's signatures prove: decided of those that rpm found good, by what they cover, how they were made, and when."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mirrorsync.model.key import KeyPart
from mirrorsync.trust.digests import DIGESTS, STRONG, spelled
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.statements import Signature
from mirrorsync.trust.verdict import Bad, Check, Signed

_NAMED = re.compile(r"V(?P<version>\d) [^ ]+/(?P<digest>[A-Z0-9-]+) [Ss]ignature")
_OF_RPM_6 = re.compile(r"OpenPGP V\d ")
_PAYLOAD = re.compile(r"Payload (?P<digest>[A-Z0-9-]+) ")
_WHOLE = re.compile(r"(?P<digest>[A-Z0-9-]+) digest")
ANEW = "take the package from where it is signed anew"
"""What to do about a signature that can never count."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature as a package carries it: of its header only, or of header and payload.

    listed: it is in the tag that rpm reads from version 6 on; an older one says nothing of it.
    """

    signature: Signature
    of_header_only: bool
    listed: bool = False


def weigh(checks: Sequence[Check], claims: Iterable[Claim], keyring: Keyring) -> Signed | Bad:
    """Whom the package proves to be from: Signed with what is weak about it, '' where nothing is; Bad where no signature counts.

    `checks` are rpm's words and decide which claims are true. A signature that was made while its key held counts for ever: the
    archives of distributions are signed by keys that have expired since, and nobody signs them again. One that was made after its
    key expired counts never, and rpm 4.18 itself takes it: whoever finds an old key could make them.
    """
    payload = _payload_digest(checks)
    words = [check for check in checks if check.result == "OK" and check.of_signature and (payload or not check.of_header_only)]
    held = tuple(claims)
    found = [_least(word, held, keyring, payload) for word in words]
    signed = sorted((each for each in found if isinstance(each, Signed)), key=_weakest_last)
    if signed:
        return signed[0]
    return next((each for each in found if isinstance(each, Bad)), Bad("rpm found a signature good that covers nothing, or cannot be read"))


def _least(word: Check, claims: Iterable[Claim], keyring: Keyring, payload_digest: str | None) -> Signed | Bad | None:
    """What rpm's word on one signature proves at the least; None where it is about none of the claims.

    Of two claims that it could be about nobody knows which it is: somebody may have put one beside the true one, of another day.
    """
    owned = [(claim, keyring.owner_of(claim.signature.key_id)) for claim in claims]
    digest = payload_digest if word.of_header_only else None
    found = [
        _weighed(claim.signature, owner[0].fingerprint, owner[1], digest)
        for claim, owner in owned
        if owner and _is_about(word, claim, owner[1])
    ]
    signed = [each for each in found if isinstance(each, Signed)]
    bad = (each for each in found if isinstance(each, Bad))
    return next(bad, max(signed, key=_weakest_last, default=None))


def _weakest_last(signed: Signed) -> tuple[bool, str]:
    return signed.weakness != "", signed.weakness


def _payload_digest(checks: Iterable[Check]) -> str | None:
    """The best digest of the payload that the header has, and rpm found right: what a signature of the header covers it by."""
    found = [match["digest"] for check in checks if check.result == "OK" and (match := _PAYLOAD.match(check.what))]
    return next((digest for digest in found if digest in STRONG), next(iter(found), None))


def _is_about(check: Check, claim: Claim, part: KeyPart) -> bool:
    """Whether this is rpm's word that the claim is true."""
    named = _NAMED.search(check.what)
    if named is None or check.of_header_only is not claim.of_header_only or (claim.listed and not _OF_RPM_6.search(check.what)):
        return False
    said = (int(named["version"]), named["digest"]) == (claim.signature.version, DIGESTS.get(claim.signature.digest))
    return said and bool(check.key_id) and (part.key_id.endswith(check.key_id) or part.fingerprint == check.key_id)


def _weighed(made: Signature, owner: str, part: KeyPart, payload_digest: str | None) -> Signed | Bad:
    if part.revoked:
        return Bad(revocation(owner, part), ANEW)
    if made.created < part.created:
        when = f"says it was made on {day(made.created)}, and its key {part.fingerprint} on {day(part.created)}"
        return Bad(f"its signature {when}", ANEW)
    if part.expired(made.created):
        what = f"signed on {day(made.created)} by key {part.fingerprint}, which had expired on {day(part.expires or 0)}"
        return Bad(what, "put in the key file what its owner published since, or pin the key that followed it")
    return Signed(owner, _weakness(DIGESTS[made.digest], part, payload_digest))


def revocation(owner: str, part: KeyPart) -> str:
    """That a package is signed by a key that nobody is to trust any more."""
    whose = "" if part.fingerprint == owner else f", a subkey of {owner}"
    return f"signed by key {part.fingerprint}{whose}, which its owner has revoked"


def _weakness(digest: str, part: KeyPart, payload_digest: str | None) -> str:
    """What of it proves nothing today: "SHA-1 and a DSA key of 1024 bits"."""
    parts = [] if digest in STRONG else [spelled(digest)]
    parts += [] if payload_digest is None or payload_digest in STRONG else [f"{spelled(payload_digest)} of the payload"]
    parts += [part.weakness] if part.weakness else []
    return " and ".join(parts)


def digest_weakness(checks: Sequence[Check]) -> str:
    """The digest, where it is a weak one, that alone says of an unsigned package that its payload is whole; '' where a strong one does."""
    found = _payload_digest(checks) or _whole_digest(checks)
    return "" if found in STRONG else spelled(found) if found else "an unknown digest"


def _whole_digest(checks: Iterable[Check]) -> str | None:
    good = (check for check in checks if check.result == "OK" and not check.of_signature and not check.of_header_only)
    return next((match["digest"] for check in good if (match := _WHOLE.fullmatch(check.what))), None)


def day(moment: int) -> str:
    """The day of a moment in seconds since the epoch, in UTC."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
