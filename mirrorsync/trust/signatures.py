"""rpm's own verdict on package files, read from `rpmkeys -Kv` against a private keyring."""

import base64
import binascii
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mirrorsync.errors import HeaderError, TrustError, VerificationError
from mirrorsync.model.choices import Signatures
from mirrorsync.model.package import Digest, Package
from mirrorsync.rpmfile.header import ENTRY, INTRO, MOST_HEADER_BYTES, RawHeader, read_rpm
from mirrorsync.trust.confinement import LONGEST, UnfinishedError
from mirrorsync.trust.digests import is_weak, spelled
from mirrorsync.trust.keys import Keyring, rpmkeys
from mirrorsync.trust.packets import PacketTag, packets
from mirrorsync.trust.proof import ANEW, Claim, digest_weakness, revocation, weigh
from mirrorsync.trust.statements import signature
from mirrorsync.trust.verdict import (
    Bad,
    Check,
    Signed,
    UnknownKey,
    Unsigned,
    Verdict,
    judge,
    parse,
    refusal,
    weak_digest,
    weak_signature,
)

_SLOWEST = 4 << 20  # bytes a second that any disk gives
_MOST_FILES = 500  # a call; their names must fit into one command line
_HEADER_TAGS = (267, 268)  # DSA and RSA, of the header alone, as rpm's signature header numbers them
_WHOLE_TAGS = (1002, 1005)  # RSA and DSA, of header and payload
_LISTED_TAG = 278  # rpm 6: any number of signatures of the header, in base64
_COMMON = ("_pkgverify_flags 0x0",)
_NOWHERE = Path("/dev/null")  # rpm makes a database in any folder that it can write to
_NO_KEYS = ("_keyring fs", f"_keyringpath {_NOWHERE}")


def verify(path: Path, package: Package, keyring: Keyring | None, policy: Signatures, *, legacy: bool = False) -> str | None:
    """The full fingerprint of the pinned key that signed the file, None where the policy asks for digests only.

    legacy: what signatures and digests of Red Hat Linux's age prove is enough. Raises VerificationError, one line that names the
    package, where the policy refuses the file.
    """
    if policy is Signatures.REQUIRE and keyring is None:
        raise TrustError(f"{package.filename}: a signature is required and no key is configured; name key files for this upstream")
    (verdict,) = verdicts([path], keyring if policy is Signatures.REQUIRE else None)
    if reason := objection(verdict, package.digest, policy, legacy=legacy):
        raise VerificationError(f"{package.filename}: {reason}")
    return verdict.fingerprint if isinstance(verdict, Signed) else None


def objection(verdict: Verdict, announced: Digest | None, policy: Signatures, *, legacy: bool) -> str | None:
    """Why a file of this verdict is refused, and what to do; None where it is not. announced: the digest its mirror has of it."""
    match verdict:
        case Signed(_, weakness):
            return f"{weak_signature(weakness)}; refused" if weakness and not legacy else None
        case Unsigned(weakness) if policy is Signatures.DIGEST_ONLY:
            if announced is not None:
                weakness = spelled(announced.algorithm) if is_weak(announced.algorithm) else ""
            return f"{weak_digest(weakness)}; refused" if weakness and not legacy else None
        case _:
            return refusal(verdict)


def verdicts(paths: Sequence[Path], keyring: Keyring | None) -> tuple[Verdict, ...]:
    """One verdict a file, in their order. Without a keyring no signature is looked at: Unsigned says that the digests hold."""
    found: list[Verdict] = []
    for start in range(0, len(paths), _MOST_FILES):
        found += _verdicts([path.absolute() for path in paths[start : start + _MOST_FILES]], keyring)
    return tuple(found)


def _verdicts(paths: Sequence[Path], keyring: Keyring | None) -> list[Verdict]:
    """One call of rpmkeys; where it refuses some, another one for those that its words accept: its exit code must say the same."""
    askable = [path for path in paths if "\n" not in str(path)]  # rpm would print such a name over several lines
    try:
        done = _ask(askable, keyring)
    except UnfinishedError as error:
        return [Bad(str(error))] if len(paths) == 1 else _one_by_one(paths, keyring)
    answers = parse(done.stdout, askable)
    found = [judge(answers.get(path, ()), keyring) for path in paths]
    accepted = [path for path, verdict in zip(paths, found, strict=True) if isinstance(verdict, Signed if keyring else Unsigned)]
    if done.returncode and len(paths) == len(accepted):
        return [Bad("rpm does not accept it")] if len(paths) == 1 else _one_by_one(paths, keyring)
    again = dict(zip(accepted, _verdicts(accepted, keyring), strict=True)) if done.returncode and accepted else {}
    return [
        again.get(path) or _completed(verdict, path, answers.get(path, ()), keyring) for verdict, path in zip(found, paths, strict=True)
    ]


def _one_by_one(paths: Sequence[Path], keyring: Keyring | None) -> list[Verdict]:
    return [_verdicts([path], keyring)[0] for path in paths]


def _ask(paths: Sequence[Path], keyring: Keyring | None) -> subprocess.CompletedProcess[bytes]:
    """Let rpm check that digest and signature each cover header and payload; without a keyring, that digests do.

    Without the level rpm lets unsigned packages pass, and such whose signature covers the header only.
    """
    if keyring is None:
        macros, options, database = [*_COMMON, "_pkgverify_level digest", *_NO_KEYS], ["--nosignature"], _NOWHERE
    else:
        macros, options, database = [*_COMMON, "_pkgverify_level all"], [], keyring.folder
    defines = [word for macro in macros for word in ("--define", macro)]
    seconds = LONGEST + sum(path.stat().st_size for path in paths if path.is_file()) / _SLOWEST
    return rpmkeys(database, *defines, *options, "-Kv", "--", *map(str, paths), seconds=seconds)


def _completed(verdict: Verdict, path: Path, checks: Sequence[Check], keyring: Keyring | None) -> Verdict:
    """rpm's verdict with what it leaves open: an unknown key's whole id, what a good signature proves, and what a digest does."""
    match verdict:
        case UnknownKey(identifier):
            return _stranger(next((whole for whole in issuers(path) if whole.endswith(identifier)), identifier), keyring)
        case Signed() if keyring:
            return weigh(checks, claims(path), keyring)
        case Unsigned():
            return Unsigned(digest_weakness(checks))
    return verdict


def _stranger(key_id: str, keyring: Keyring | None) -> Verdict:
    """A key that rpm does not have: one that nobody pinned, or one that was left out because its owner revoked it."""
    owned = keyring.owner_of(key_id) if keyring else None
    return Bad(revocation(owned[0].fingerprint, owned[1]), ANEW) if owned and owned[1].revoked else UnknownKey(key_id)


def issuers(path: Path) -> tuple[str, ...]:
    """The ids, 16 hex digits, of the keys that a package says it is signed by; none where it cannot be read."""
    return tuple(claim.signature.key_id for claim in claims(path))


def claims(path: Path) -> tuple[Claim, ...]:
    """The signatures that a package carries; none where one of them cannot be read.

    None either where one is not alone in its tag, or its tag is there twice: which of them rpm means is not certain.
    """
    try:
        header = read_rpm(path, most=MOST_HEADER_BYTES).signature
        found = [(tag, content) for tag in (*_HEADER_TAGS, *_WHOLE_TAGS) if (content := header.data(tag))]
        found += [(_LISTED_TAG, base64.b64decode(line)) for line in header.byte_strings(_LISTED_TAG)]
        return () if _repeats(header) else tuple(_claim(tag, content) for tag, content in found)
    except (HeaderError, TrustError, binascii.Error):
        return ()


def _repeats(header: RawHeader) -> bool:
    """Whether a tag is in its index more than once."""
    tags = [fields[0] for fields in ENTRY.iter_unpack(header.blob[INTRO.size : header.start])]
    return len(set(tags)) < len(tags)


def _claim(tag: int, content: bytes) -> Claim:
    group = packets(content)
    if len(group) != 1 or group[0].tag != PacketTag.SIGNATURE:
        raise TrustError(f"tag {tag} holds something else than one signature")
    claimed = signature(group[0].body)
    if not claimed.key_id:
        raise TrustError(f"tag {tag} names no key, or two")
    return Claim(claimed, tag not in _WHOLE_TAGS, tag == _LISTED_TAG)
