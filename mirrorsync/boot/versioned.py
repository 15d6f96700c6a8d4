"""Boot sets under names of their own, and menus that lead to one of them: renamed last, so that nodes change from set to set as a whole.

mirrorsync-0123456789abcdef/   a set: vmlinuz and initrd.img, files of its own, under the digest of the pair
mirrorsync-…/former            since when no menu leads to it; it goes once the grace is over, for nodes that are just loading it
pxelinux.cfg/default, …        the menus (boot.menus); for all nodes the last
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from mirrorsync.boot.bootset import BootSet
from mirrorsync.boot.copies import (
    STAGE,
    Copies,
    compared,
    copy_faults,
    folder_faults,
    is_copy,
    lay_out,
    looked_at,
    mode_faults,
    set_digest,
    staged,
)
from mirrorsync.boot.loader import loader_faults
from mirrorsync.boot.menus import Entry, Group, Menu, folder_of, mark, menus
from mirrorsync.errors import BootError
from mirrorsync.files import make_directory, read_plain, remove_file, remove_strays, remove_tree, sync_directory, write_file
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import BootChange

KERNEL_NAME, INITRD_NAME = "vmlinuz", "initrd.img"
_SET = "mirrorsync-"
_A_SET = re.compile(rf"{_SET}[0-9a-f]{{16}}")
_FORMER = "former"
_MOST_MENU_BYTES = 1 << 16
_IDLE_SECONDS = 86_400.0  # no write takes a day
_LOADERS = {Menu.PXELINUX: ("pxelinux.0", "lpxelinux.0"), Menu.GRUB: (), Menu.IPXE: ()}
_MENU_PATTERNS = {Menu.PXELINUX: "pxelinux.cfg/*", Menu.GRUB: "grub.cfg*", Menu.IPXE: "boot*.ipxe"}


@dataclass(frozen=True, slots=True)
class Versioned:
    """A boot directory in such a style. grace: how long a set stays that no menu leads to any more.

    arguments: the kernel's, for nodes that belong to no group.
    """

    directory: Path
    kind: Menu
    tree: str
    arguments: str
    groups: tuple[Group, ...]
    grace: timedelta

    @property
    def style(self) -> str:
        """As boot.staging.Staging says."""
        return self.kind.value

    def plan(self, boot_set: BootSet) -> BootChange:
        """As boot.staging.Staging says."""
        with compared(self.directory):
            wanted, folder = self._menus(boot_set), self._folder(boot_set)
            self._require_own(wanted)
            whole = all(is_copy(source, target) for source, target in _copies(boot_set, folder))
            menus_right = all(self._menu(name) == text for name, text in wanted.items()) and not self._superfluous(wanted)
            return BootChange.CURRENT if whole and menus_right else BootChange.WOULD_STAGE

    def stage(self, boot_set: BootSet) -> BootChange:
        """As boot.staging.Staging says; the menu of all nodes is renamed last."""
        with staged(self.directory):
            wanted, folder = self._menus(boot_set), self._folder(boot_set)
            self._require_own(wanted)
            lay_out(_copies(boot_set, folder), folder)
            make_directory(self.directory / folder_of(self.kind))
            for name in self._superfluous(wanted):
                remove_file(self.directory / name)
            for name, text in wanted.items():
                if self._menu(name) != text:
                    write_file(self.directory / name, text.encode())
            self._retire(folder)
        return BootChange.STAGED

    def findings(self, boot_set: BootSet) -> tuple[Finding, ...]:
        """As boot.staging.Staging says."""
        return looked_at(self.directory, lambda: self._faults(boot_set))

    def names(self, boot_set: BootSet) -> tuple[str, ...]:
        """As boot.staging.Staging says."""
        folder = self._folder(boot_set).name
        return (*self._menus(boot_set), f"{folder}/{KERNEL_NAME}", f"{folder}/{INITRD_NAME}")

    def replaced(self) -> tuple[Path, ...]:
        """None: no set is ever replaced."""
        return ()

    def _folder(self, boot_set: BootSet) -> Path:
        return self.directory / f"{_SET}{set_digest(boot_set)}"

    def _menus(self, boot_set: BootSet) -> Mapping[str, str]:
        folder = PurePosixPath(self._folder(boot_set).name)
        return menus(self.kind, Entry(self.tree, folder / KERNEL_NAME, folder / INITRD_NAME, self.arguments), self.groups)

    def _menu(self, name: str) -> str | None:
        """What a menu says, None where there is none."""
        try:
            return read_plain(self.directory / name, _MOST_MENU_BYTES).decode(errors="surrogateescape")
        except FileNotFoundError:
            return None

    def _is_own(self, name: str) -> bool:
        return mark(self.tree) in (self._menu(name) or "").splitlines()[:2]

    def _require_own(self, wanted: Mapping[str, str]) -> None:
        """Raises BootError for a menu that somebody else has written."""
        for name in wanted:
            if self._menu(name) is not None and not self._is_own(name):
                what = "is somebody else's menu, and what it says would be lost"
                raise BootError(f"{self.directory / name}: {what}; move it away, then {STAGE}; nothing was done")

    def _superfluous(self, wanted: Mapping[str, str]) -> list[str]:
        """Menus for groups that are no more."""
        found = (str(path.relative_to(self.directory)) for path in sorted(self.directory.glob(_MENU_PATTERNS[self.kind])) if path.is_file())
        return [name for name in found if name not in wanted and self._is_own(name)]

    def _retire(self, current: Path) -> None:
        """Note of sets that no menu leads to since when that is; remove those of which it is long ago."""
        remove_strays(self.directory / folder_of(self.kind), idle=_IDLE_SECONDS)
        for path in sorted(self.directory.iterdir()):
            if path != current and _A_SET.fullmatch(path.name) and path.is_dir():
                former = path / _FORMER
                if not former.is_file():
                    write_file(former, b"")
                elif time.time() - former.stat().st_mtime > self.grace.total_seconds():
                    remove_tree(path)
        sync_directory(self.directory)

    def _faults(self, boot_set: BootSet) -> Iterator[Finding]:
        folder = self._folder(boot_set)
        yield from folder_faults(self.directory, self.directory / folder_of(self.kind), folder)
        for source, target in _copies(boot_set, folder):
            yield from copy_faults(source, target, target)
        for name, text in self._menus(boot_set).items():
            yield from self._menu_faults(name, text)
        yield from self._loader_faults()

    def _menu_faults(self, name: str, text: str) -> Iterator[Finding]:
        path, found = self.directory / name, self._menu(name)
        if found is None:
            yield Finding(Severity.ERROR, "boot-menu-missing", str(path), "is not there: nodes do not know what to load", STAGE)
        elif not self._is_own(name):
            what, remedy = "is somebody else's menu: nodes load what it says", f"move it away, then {STAGE}"
            yield Finding(Severity.ERROR, "boot-menu-differs", str(path), what, remedy)
        elif found != text:
            what = "was changed, or leads to another boot set than the tree's"
            yield Finding(Severity.ERROR, "boot-menu-differs", str(path), what, STAGE)
        if found is not None:
            yield from mode_faults(path)

    def _loader_faults(self) -> Iterator[Finding]:
        names = _LOADERS[self.kind]
        loaders = [self.directory / name for name in names if (self.directory / name).is_file()]
        if names and not loaders:
            what = f"has neither {' nor '.join(names)}, which reads the menus"
            yield Finding(
                Severity.WARNING, "boot-loader-missing", str(self.directory), what, "copy it there from SYSLINUX, with its ldlinux.c32"
            )
        for loader in loaders:
            yield from loader_faults(loader)


def _copies(pair: BootSet, folder: Path) -> Copies:
    return (pair.kernel, folder / KERNEL_NAME), (pair.initrd, folder / INITRD_NAME)
