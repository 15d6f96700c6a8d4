"""The signatures of a tree's packages, as rpm judges them, as findings."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.package import IndexedPackage
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.signatures import verdicts
from mirrorsync.trust.verdict import Bad, Signed, UnknownKey, Unsigned, Verdict, fault


def signature_findings(root: Path, indexed: Sequence[IndexedPackage], keyring: Keyring | None) -> Iterator[Finding]:
    """Damaged packages; and, where there is a keyring, those that none of its keys signed: the tree may have had them before.

    Raises TrustError where rpm cannot be asked.
    """
    paths = present(root, indexed)
    legacy = keyring.legacy if keyring else frozenset()
    for path, verdict in zip(paths, verdicts(paths, keyring), strict=True):
        if keyring or isinstance(verdict, Bad):
            yield from verdict_findings(path, verdict, legacy)


def present(root: Path, indexed: Sequence[IndexedPackage]) -> list[Path]:
    """The files of those packages that are there."""
    return [path for package in indexed if (path := root / package.location).is_file()]


def verdict_findings(path: Path, verdict: Verdict, legacy: frozenset[str]) -> Iterator[Finding]:
    """What is wrong with a package of this verdict; `legacy` are the keys whose signatures of Red Hat Linux's age count."""
    match verdict:
        case Bad(what):
            yield Finding(Severity.ERROR, "damaged-package", str(path), what, "copy it again from the distribution")
        case Unsigned() | UnknownKey():
            yield Finding(Severity.WARNING, "not-pinned", str(path), fault(verdict), "replace it, or pin the key that signed it")
        case Signed(fingerprint, weakness) if weakness and fingerprint not in legacy:
            what = f"signed with {weakness}, which proves nothing today"
            yield Finding(Severity.WARNING, "weak-signature", str(path), what, "set legacy = true for its mirror, or replace it")
        case Signed():
            pass
