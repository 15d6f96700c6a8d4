"""What nodes load before the installer: a tree's boot directory, and whose boot set is staged in it."""

from dataclasses import dataclass

from mirrorsync.errors import ExitCode
from mirrorsync.model.finding import Finding
from mirrorsync.model.outcome import BootChange, findings_exit_code


@dataclass(frozen=True, slots=True)
class BootOutcome:
    """A boot directory, and what became of it.

    source: the generation whose boot set this is about, None for a tree that was never published here; `change` is about that one.
    staged: the kept generations whose boot set is staged, none where nobody knows the set.  names: what nodes ask for, below the directory.
    """

    tree: str
    directory: str
    style: str
    source: int | None
    change: BootChange
    staged: tuple[int, ...]
    names: tuple[str, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """PARTIAL where the set could not be staged, FINDINGS where something is wrong with what is."""
        return ExitCode.PARTIAL if self.change is BootChange.FAILED else findings_exit_code(self.findings)
