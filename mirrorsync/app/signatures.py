"""The signatures of a tree's packages, as rpm judges them, as findings."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.package import IndexedPackage
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.signatures import verdicts
from mirrorsync.trust.verdict import Bad, Signed, UnknownKey, Unsigned, fault


def signature_findings(root: Path, indexed: Sequence[IndexedPackage], keyring: Keyring | None) -> Iterator[Finding]:
    """Damaged packages; and, where there is a keyring, those that none of its keys signed: the tree may have had them before.

    Raises TrustError where rpm cannot be asked.
    """
    paths = [path for package in indexed if (path := root / package.location).is_file()]
    for path, verdict in zip(paths, verdicts(paths, keyring), strict=True):
        match verdict:
            case Bad():
                yield Finding(Severity.ERROR, "damaged-package", str(path), fault(verdict), "copy it again from the distribution")
            case Unsigned() | UnknownKey() if keyring:
                yield Finding(Severity.WARNING, "not-pinned", str(path), fault(verdict), "replace it, or pin the key that signed it")
            case Signed() | Unsigned() | UnknownKey():
                pass
