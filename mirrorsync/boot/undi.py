"""The boot set under the TFTP root, linux.1 (kernel) and linux.2 (initrd): both change by one rename.

    .mirrorsync-boot-0123456789abcdef/   a set: linux.1 and linux.2, files of its own, under the digest of the pair
    .mirrorsync-boot                     link to the set that nodes load; a new one renamed over it is the commitment
    linux.1, linux.2                     links to .mirrorsync-boot/linux.1 and linux.2, made once

The links are relative: a TFTP server that sees its root as `/` follows them too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.boot.bootset import BootSet
from mirrorsync.boot.copies import STAGE, Copies, compared, copy_faults, folder_faults, is_copy, lay_out, looked_at, set_digest, staged
from mirrorsync.boot.loader import loader_faults
from mirrorsync.errors import BootError
from mirrorsync.files import point, remove_file, remove_tree, sync_names
from mirrorsync.filesystem import has_symbolic_links
from mirrorsync.model.finding import Finding
from mirrorsync.model.outcome import BootChange

KERNEL_NAME = "linux.1"
INITRD_NAME = "linux.2"
SHOWN = ".mirrorsync-boot"
_LOADER = "linux.0"
_NEW_LINK = f"{SHOWN}.link"
_SET = re.compile(rf"{re.escape(SHOWN)}-[0-9a-f]{{16}}")
_FORMER_SCHEME = re.compile(r"\.linux\.[12]\.\d+\.(copy|old)|\.\.linux\.[12]\.\d+\.copy\.\d+\.new")


@dataclass(frozen=True, slots=True)
class Undi:
    """A boot directory in this style: linux.0 and its menu are the administrator's."""

    directory: Path

    @property
    def style(self) -> str:
        """As boot.staging.Staging says."""
        return "undi"

    def plan(self, boot_set: BootSet) -> BootChange:
        """CURRENT where linux.1 and linux.2 lead to a set of their own with the tree's bytes, WOULD_STAGE otherwise; changes nothing.

        What a stopped run left is not current, so the next run completes it. Raises BootError.
        """
        with compared(self.directory):
            return BootChange.CURRENT if _is_current(boot_set, self.directory) else BootChange.WOULD_STAGE

    def stage(self, boot_set: BootSet) -> BootChange:
        """Copy the set beside the one that nodes load, then let them load it: at no instant a kernel and an initrd of two sets.

        The former set stays until the next staging, for transfers under way. Can be stopped anywhere and run again.
        Raises BootError; the set that nodes load is then the one they loaded.
        """
        with staged(self.directory):
            _require_names(self.directory)
            _require_links(self.directory)
            _stage(boot_set, self.directory)
        return BootChange.STAGED

    def findings(self, boot_set: BootSet) -> tuple[Finding, ...]:
        """What a node would meet under the TFTP root: files missing, other than the tree's, or not to be read by everybody."""
        return looked_at(self.directory, lambda: _faults(boot_set, self.directory))

    def replaced(self) -> tuple[Path, ...]:
        """linux.1 and linux.2 where they are plain files yet: they are put into a folder of their own first."""
        staged_ones = (self.directory / name for name in (KERNEL_NAME, INITRD_NAME))
        return tuple(path for path in staged_ones if path.is_file() and not path.is_symlink())

    def names(self, _boot_set: BootSet) -> tuple[str, ...]:
        """The files that nodes ask for, as paths below the boot directory."""
        return KERNEL_NAME, INITRD_NAME


def _stage(boot_set: BootSet, directory: Path) -> None:
    """Until the last line nodes get the bytes they got before, or none where they had no whole set."""
    wanted = _set_name(boot_set)
    loaded = BootSet(directory / KERNEL_NAME, directory / INITRD_NAME)
    if not (loaded.kernel.is_file() and loaded.initrd.is_file()):
        remove_file(directory / SHOWN)
    elif _target(directory / SHOWN) == wanted or not _linked(directory):
        _lay_out(loaded, directory / _set_name(loaded))
        _point(directory / SHOWN, _set_name(loaded))
    _remove_strays(directory, {wanted, _target(directory / SHOWN)})
    _lay_out(boot_set, directory / wanted)
    for name in (INITRD_NAME, KERNEL_NAME):
        _point(directory / name, f"{SHOWN}/{name}")
    _point(directory / SHOWN, wanted)


def _require_names(directory: Path) -> None:
    """A link cannot be renamed over a directory: better known before anything is written."""
    for name in (KERNEL_NAME, INITRD_NAME, SHOWN):
        path = directory / name
        if path.is_dir() and not path.is_symlink():
            raise BootError(f"{path}: a directory, where the boot set is to go; move it away, then {STAGE}; nothing was done")


def _require_links(directory: Path) -> None:
    if not (directory / SHOWN).is_symlink() and not has_symbolic_links(directory / _NEW_LINK):
        what = "its file system has no symbolic links, by one of which a boot set is put in place"
        remedy = "put the TFTP root on another file system (ext4, xfs), or correct boot.directory"
        raise BootError(f"{directory}: {what}; {remedy}; nothing was done")


def _pairs(pair: BootSet, folder: Path) -> Copies:
    return (pair.kernel, folder / KERNEL_NAME), (pair.initrd, folder / INITRD_NAME)


def _set_name(pair: BootSet) -> str:
    return f"{SHOWN}-{set_digest(pair)}"


def _lay_out(pair: BootSet, folder: Path) -> None:
    lay_out(_pairs(pair, folder), folder)


def _target(link: Path) -> str:
    """What a symbolic link says, '' for anything else."""
    return str(link.readlink()) if link.is_symlink() else ""


def _is_ours(link: Path) -> bool:
    return _target(link) == f"{SHOWN}/{link.name}"


def _linked(directory: Path) -> bool:
    return _is_ours(directory / KERNEL_NAME) and _is_ours(directory / INITRD_NAME)


def _is_current(boot_set: BootSet, directory: Path) -> bool:
    if not _linked(directory) or _target(directory / SHOWN) != _set_name(boot_set):
        return False
    return all(is_copy(source, target) for source, target in _pairs(boot_set, directory / SHOWN))


def _point(link: Path, target: str) -> None:
    if _target(link) != target:
        point(link, target, by=link.with_name(_NEW_LINK))
        sync_names(link)


def _remove_strays(directory: Path, kept: set[str]) -> None:
    """Sets that no transfer needs any more, and what a run of the former scheme left when it was killed."""
    for path in sorted(directory.iterdir()):
        if path.name not in kept and (_SET.fullmatch(path.name) or _FORMER_SCHEME.fullmatch(path.name)):
            remove_tree(path)


def _faults(boot_set: BootSet, directory: Path) -> Iterator[Finding]:
    yield from folder_faults(directory, directory / SHOWN)
    for source, target in _pairs(boot_set, directory):
        own = target.parent / SHOWN / target.name if _is_ours(target) else target
        yield from copy_faults(source, target, own)
    yield from loader_faults(directory / _LOADER)
