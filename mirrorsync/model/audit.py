"""Where a package came from: what the journal, and what lies in the tree, can still tell of it."""

from dataclasses import dataclass
from enum import StrEnum

from mirrorsync.errors import ExitCode
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import Generation, Received


class Coming(StrEnum):
    """How a package came into the tree."""

    FETCHED = "fetched from an update mirror"
    ADOPTED = "in the tree when it was taken as it was found"
    BY_HAND = "put there by hand, and adopted"
    UNKNOWN = "not known: no record that is left says so"


class Standing(StrEnum):
    """What was asked for, held against the record."""

    RECORDED = "as recorded"
    GONE = "as recorded; no longer listed"
    DIFFERS = "not the file that is recorded"
    MISSING = "recorded, and not there"
    UNRECORDED = "never recorded"


class Signing(StrEnum):
    """What is known of a package's signature."""

    AT_ARRIVAL = "verified when it was fetched"
    NOT_ASKED = "not asked for when it was fetched: digests only"
    NOW = "verified now"
    UNPINNED = "by a key that is not pinned"
    UNSIGNED = "none"
    DAMAGED = "damaged"
    UNKNOWN = "not known: the file is not here"


@dataclass(frozen=True, slots=True)
class Signature:
    """signer: the full fingerprint, of a key that is not pinned its id, None where there is none to name.
    remark: what is wrong with a damaged file, or weak in a signature.
    """

    signing: Signing
    signer: str | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a package came in, by which generation, and which generations listed it, oldest first.

    generation: None where that is not known.  received: what was recorded of what an update mirror gave.
    """

    coming: Coming
    generation: Generation | None
    received: Received | None = None
    listed_in: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Audited:
    """One package. path: below the tree, None where no record tells it.  size, sha256: as recorded, None where they are not.

    unclear: one line on what differs or cannot be told, '' where all is clear.
    """

    nevra: str
    standing: Standing
    provenance: Provenance
    signature: Signature
    path: str | None = None
    size: int | None = None
    sha256: str | None = None
    unclear: str = ""


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """What one tree knows of `asked`, None for all that it lists. packages: by NEVRA; none where nothing ever was called so."""

    tree: str
    asked: str | None
    packages: tuple[Audited, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def known(self) -> bool:
        """Whether any of it was ever recorded."""
        return any(package.standing is not Standing.UNRECORDED for package in self.packages)

    @property
    def exit_code(self) -> ExitCode:
        """FINDINGS where something is not as recorded, or never was."""
        fine = all(package.standing in (Standing.RECORDED, Standing.GONE) for package in self.packages)
        sure = all(finding.severity is Severity.NOTE for finding in self.findings)
        return ExitCode.DONE if self.packages and fine and sure else ExitCode.FINDINGS
