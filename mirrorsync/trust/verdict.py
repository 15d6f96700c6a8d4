"""What `rpmkeys -Kv` printed about a file, and the verdict it amounts to."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.trust.keys import Keyring

_CHECK = re.compile(rb"    (?P<what>.+?): (?P<result>OK|NOKEY|NOTFOUND|BAD|NOTTRUSTED|UNKNOWN)(?: \((?P<detail>.*)\))?")
_KEY = re.compile(r"key (?:ID|fingerprint:) ?(?P<id>[0-9a-f]+)")  # rpm 4 prints the id's last 8 digits, rpm 6 the fingerprint


@dataclass(frozen=True, slots=True)
class Signed:
    """Header and payload are what the owner of the pinned key `fingerprint` signed.

    weakness: what of the signature proves nothing today ("SHA-1 and a DSA key of 1024 bits"), '' where all of it does.
    """

    fingerprint: str
    weakness: str = ""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """No signature was found, or none was looked for; the digests hold. weakness: the digest, where a weak one alone covers the payload."""

    weakness: str = ""


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """Signed by a key that is not pinned: its id, 16 hex digits (8 where the signature does not tell)."""

    key_id: str


@dataclass(frozen=True, slots=True)
class Bad:
    """Damaged, altered, not a package, or signed by whom nobody is to trust any more: `what` says which check failed."""

    what: str
    remedy: str = "another mirror may have it whole"


Verdict = Signed | Unsigned | UnknownKey | Bad


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `rpmkeys -Kv`: what was checked ("Header SHA1 digest"), and how it came out ("OK")."""

    what: str
    result: str
    detail: str = ""

    @property
    def of_signature(self) -> bool:
        """Whether a signature was checked, not a digest."""
        return "ignature" in self.what

    @property
    def of_header_only(self) -> bool:
        """Whether the payload was left out."""
        return self.what.startswith("Header ")

    @property
    def key_id(self) -> str:
        """The signing key as rpm prints it, '' where it prints none."""
        match = _KEY.search(self.what)
        return match["id"] if match else ""


def fault(verdict: Unsigned | UnknownKey | Bad) -> str:
    """What is wrong with a file of this verdict where a signature is required."""
    match verdict:
        case Unsigned():
            return "not signed"
        case UnknownKey(key_id):
            return f"signed by key {key_id}, which is not pinned for this upstream"
        case Bad(what):
            return what


_ERA = "set legacy = true for this mirror if its packages are of that age"


def weak_signature(weakness: str) -> str:
    """Why a package is refused whose signature is good and of an age at which that proved something."""
    return f"signed with {weakness}, which proves nothing today; {_ERA}"


def weak_digest(weakness: str) -> str:
    """Why a package is refused that nothing but an old kind of digest says to be whole."""
    return f"nothing but {weakness} says that it is whole, which proves nothing today; {_ERA}"


def refusal(verdict: Unsigned | UnknownKey | Bad) -> str:
    """Why a fetched file with this verdict is refused, and what to do."""
    match verdict:
        case Unsigned():
            advice = "set `signatures` to digest-only for this upstream if that is right"
        case UnknownKey():
            advice = "pin its fingerprint if you trust it"
        case Bad(_, remedy):
            advice = remedy
    return f"{fault(verdict)}; refused: {advice}"


def parse(output: bytes, paths: Sequence[Path]) -> dict[Path, tuple[Check, ...]]:
    """What `rpmkeys -Kv` said of each of `paths`, which are absolute. It names them in their order, each before its checks; a file
    that cannot be opened it leaves out.
    """
    found: dict[Path, list[Check]] = {}
    expected = iter([(os.fsencode(path) + b":", path) for path in paths])
    current: list[Check] = []
    for line in output.splitlines():
        if line.startswith(b"/"):
            named = next((path for name, path in expected if name == line), None)
            current = [] if named is None else found.setdefault(named, [])
        elif match := _CHECK.fullmatch(line):
            what, result, detail = (part.decode(errors="replace") for part in match.groups(default=b""))
            current.append(Check(what, result, detail))
    return {path: tuple(checks) for path, checks in found.items()}


def judge(checks: Sequence[Check], keyring: Keyring | None) -> Verdict:
    """The verdict that a file's checks amount to. A file with none is no package."""
    wrong = next((check for check in checks if check.result not in ("OK", "NOKEY", "NOTFOUND")), None)
    if wrong:
        return Bad(f"{wrong.what}: {wrong.result}" + (f" ({wrong.detail})" if wrong.detail else ""))
    good = [check for check in checks if check.result == "OK"]
    if not _cover_payload(check for check in good if not check.of_signature):
        return Bad("no digest covers its payload" if checks else "not a whole package")
    return _judge_signatures(checks, keyring) if keyring else Unsigned()


def _judge_signatures(checks: Sequence[Check], keyring: Keyring) -> Verdict:
    """The verdict on signatures, of a file whose digests hold."""
    unknown = next((check for check in checks if check.result == "NOKEY"), None)
    if unknown:
        return UnknownKey(unknown.key_id)
    good = [check for check in checks if check.result == "OK"]
    signatures = [check for check in good if check.of_signature]
    if not signatures:
        return Unsigned()
    signed_digests = [check for check in good if check.what.startswith("Payload ")]
    if not _cover_payload(signatures) and not signed_digests:
        return Bad("its signature covers the header only, and the header has no digest of the payload")
    fingerprint = keyring.fingerprint_of(signatures[-1].key_id)
    return Signed(fingerprint) if fingerprint else UnknownKey(signatures[-1].key_id)


def _cover_payload(checks: Iterable[Check]) -> bool:
    return any(not check.of_header_only for check in checks)
