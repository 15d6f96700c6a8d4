"""rpm's own verdict on package files, read from `rpmkeys -Kv` against a private keyring."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from mirrorsync.errors import HeaderError, TrustError, VerificationError
from mirrorsync.model.choices import Signatures
from mirrorsync.model.package import Package
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.trust.keys import Keyring, rpmkeys
from mirrorsync.trust.packets import packets, signature
from mirrorsync.trust.verdict import Bad, Signed, UnknownKey, Unsigned, Verdict, judge, parse, refusal

_MOST_FILES = 500  # a call; their names must fit into one command line
_SIGNATURE_TAGS = (267, 268, 1002, 1005)  # DSA and RSA of the header; of header and payload, as rpm's signature header numbers them
_COMMON = ("_pkgverify_flags 0x0",)
_NOWHERE = Path("/dev/null")  # rpm makes a database in any folder that it can write to
_NO_KEYS = ("_keyring fs", f"_keyringpath {_NOWHERE}")


def verify(path: Path, package: Package, keyring: Keyring | None, policy: Signatures) -> str | None:
    """The full fingerprint of the pinned key that signed the file, None where the policy asks for digests only.

    Raises VerificationError, one line that names the package, where the policy refuses the file.
    """
    if policy is Signatures.REQUIRE and keyring is None:
        raise TrustError(f"{package.filename}: a signature is required and no key is configured; name key files for this upstream")
    (verdict,) = verdicts([path], keyring if policy is Signatures.REQUIRE else None)
    if policy is Signatures.DIGEST_ONLY and isinstance(verdict, Unsigned):
        return None
    if isinstance(verdict, Signed):
        return verdict.fingerprint
    raise VerificationError(f"{package.filename}: {refusal(verdict)}")


def verdicts(paths: Sequence[Path], keyring: Keyring | None) -> tuple[Verdict, ...]:
    """One verdict a file, in their order. Without a keyring no signature is looked at: Unsigned says that the digests hold."""
    found: list[Verdict] = []
    for start in range(0, len(paths), _MOST_FILES):
        found += _verdicts([path.absolute() for path in paths[start : start + _MOST_FILES]], keyring)
    return tuple(found)


def _verdicts(paths: Sequence[Path], keyring: Keyring | None) -> list[Verdict]:
    """One call of rpmkeys; where it refuses more than was understood of its answer, one call a file, which decides."""
    askable = [path for path in paths if "\n" not in str(path)]  # rpm would print such a name over several lines
    done = _ask(askable, keyring)
    answers = parse(done.stdout, askable)
    found = [judge(answers.get(path, ()), keyring) for path in paths]
    accepted = all(isinstance(verdict, Signed if keyring else Unsigned) for verdict in found)
    if accepted and done.returncode:
        return [Bad("rpm does not accept it")] if len(paths) == 1 else [_verdicts([path], keyring)[0] for path in paths]
    return [_named(verdict, path) for verdict, path in zip(found, paths, strict=True)]


def _ask(paths: Sequence[Path], keyring: Keyring | None) -> subprocess.CompletedProcess[bytes]:
    """Let rpm check that digest and signature each cover header and payload; without a keyring, that digests do.

    Without the level rpm lets unsigned packages pass, and such whose signature covers the header only.
    """
    if keyring is None:
        macros, options, database = [*_COMMON, "_pkgverify_level digest", *_NO_KEYS], ["--nosignature"], _NOWHERE
    else:
        macros, options, database = [*_COMMON, "_pkgverify_level all"], [], keyring.folder
    defines = [word for macro in macros for word in ("--define", macro)]
    return rpmkeys(database, *defines, *options, "-Kv", "--", *map(str, paths))


def _named(verdict: Verdict, path: Path) -> Verdict:
    """The same verdict, an unknown key with its whole id: rpm 4 prints only half of it."""
    if isinstance(verdict, UnknownKey):
        return UnknownKey(next((whole for whole in issuers(path) if whole.endswith(verdict.key_id)), verdict.key_id))
    return verdict


def issuers(path: Path) -> tuple[str, ...]:
    """The ids, 16 hex digits, of the keys that a package says it is signed by; none where it cannot be read."""
    try:
        header = read_rpm(path).signature
        found = [packets(header.data(tag) or b"") for tag in _SIGNATURE_TAGS]
        return tuple(signature(packet.body).key_id for group in found for packet in group)
    except (HeaderError, TrustError):
        return ()
