"""A boot directory under the TFTP root, whatever its style: what the use cases ask of it."""

from pathlib import Path
from typing import Protocol

from mirrorsync.boot.bootset import BootSet
from mirrorsync.model.finding import Finding
from mirrorsync.model.outcome import BootChange


class Staging(Protocol):
    """A boot directory, which one tree's boot sets are staged in."""

    @property
    def directory(self) -> Path:
        """The folder."""

    @property
    def style(self) -> str:
        """What the configuration calls it."""

    def plan(self, boot_set: BootSet) -> BootChange:
        """CURRENT where nodes load this set, WOULD_STAGE otherwise, after a stopped run too; changes nothing. Raises BootError."""

    def stage(self, boot_set: BootSet) -> BootChange:
        """Let nodes load this set, and at no instant a kernel and an initrd of two. Can be stopped anywhere and run again.

        Raises BootError; nodes then load what they loaded.
        """

    def findings(self, boot_set: BootSet) -> tuple[Finding, ...]:
        """What a node would meet in the folder."""

    def names(self, boot_set: BootSet) -> tuple[str, ...]:
        """The files that nodes ask for, as paths below the folder."""

    def replaced(self) -> tuple[Path, ...]:
        """Files of the folder that a staging copies, for the first time, before it replaces them."""
