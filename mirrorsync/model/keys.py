"""What the commands about keys found: the values that their reports and exit codes are made from."""

from dataclasses import dataclass

from mirrorsync.errors import ExitCode
from mirrorsync.model.choices import Signatures
from mirrorsync.model.finding import Finding
from mirrorsync.model.key import KeyOwner
from mirrorsync.model.outcome import findings_exit_code


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key of an update mirror's key files, and whether packages may be signed with it."""

    owner: KeyOwner
    pinned: bool


@dataclass(frozen=True, slots=True)
class MirrorKeys:
    """What an update mirror's packages must show, and the keys of its files by fingerprint."""

    mirror: str
    signatures: Signatures
    legacy: bool
    keys: tuple[ListedKey, ...]


@dataclass(frozen=True, slots=True)
class KeysOutcome:
    """The keys of one tree's update mirrors."""

    tree: str
    mirrors: tuple[MirrorKeys, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Reading them always succeeds."""
        return ExitCode.DONE


@dataclass(frozen=True, slots=True)
class ImportedKey:
    """A key that was to be made usable: the path of its own file, or why there is none. expired: it signs nothing new."""

    owner: KeyOwner
    file: str | None = None
    fault: str = ""
    expired: bool = False


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """The keys that were asked for, by fingerprint."""

    keys: tuple[ImportedKey, ...]

    @property
    def usable(self) -> tuple[ImportedKey, ...]:
        """Those that have a file now."""
        return tuple(key for key in self.keys if key.file is not None)

    @property
    def exit_code(self) -> ExitCode:
        """PARTIAL where one was refused, FAILURE where all were."""
        if len(self.usable) == len(self.keys):
            return ExitCode.DONE
        return ExitCode.PARTIAL if self.usable else ExitCode.FAILURE


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed how many packages: a pinned key's fingerprint and user id, or the bare id of one that is not; '' for nobody."""

    key: str
    user_id: str
    pinned: bool
    packages: int


@dataclass(frozen=True, slots=True)
class SignersOutcome:
    """Who signs what in one tree, most packages first, and what is wrong with it."""

    tree: str
    packages: int
    signers: tuple[Signer, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """FINDINGS where anything but a note was found."""
        return findings_exit_code(self.findings)
