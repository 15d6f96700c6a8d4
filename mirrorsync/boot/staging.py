"""The boot set under the TFTP root: linux.1 (kernel) and linux.2 (initrd), put there together or not at all."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mirrorsync.boot.bootset import BootSet
from mirrorsync.errors import BootError
from mirrorsync.files import copy_file, remove_file, rename_together, sha256_of
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import BootChange

KERNEL_NAME = "linux.1"
INITRD_NAME = "linux.2"
_STAGE = "run `mirrorsync update`"
_OTHERS_READ = 0o004
_OTHERS_WRITE = 0o002
_OTHERS_ENTER = 0o001
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def plan_staging(boot_set: BootSet, directory: Path) -> BootChange:
    """CURRENT where linux.1 and linux.2 are files of their own with the set's bytes, WOULD_STAGE otherwise; changes nothing.

    A set of which a stopped run renamed only one half is not current, so the next run completes it. Raises BootError.
    """
    try:
        _require(directory)
        current = all(_is_copy(source, target) for source, target in _pairs(boot_set, directory))
    except OSError as error:
        raise BootError(f"{error.filename or directory}: cannot be compared: {error.strerror}; {_cure(error, directory)}") from error
    return BootChange.CURRENT if current else BootChange.WOULD_STAGE


def stage(boot_set: BootSet, directory: Path) -> BootChange:
    """Copy the set to `directory` as linux.1 and linux.2, mode 0644: both are written whole before either is renamed.

    Always new files, never links into the tree; a name that was a link becomes a file, and what it pointed to is left alone.
    Raises BootError, and linux.1 and linux.2 are what they were.
    """
    try:
        _require(directory)
        _remove_strays(directory)
        _copy_both(boot_set, directory)
    except OSError as error:
        what = f"{directory}: the boot set could not be staged: {error.filename or directory}: {error.strerror}"
        raise BootError(f"{what}; {KERNEL_NAME} and {INITRD_NAME} are as they were; {_cure(error, directory)}") from error
    return BootChange.STAGED


def staged_findings(boot_set: BootSet, directory: Path) -> tuple[Finding, ...]:
    """What a node would meet under the TFTP root: files missing, other than the tree's, or not to be read by everybody."""
    try:
        return tuple(_faults(boot_set, directory))
    except OSError as error:
        where = str(error.filename or directory)
        return (Finding(Severity.ERROR, "boot-file-unreadable", where, f"cannot be read: {error.strerror}", _cure(error, directory)),)


def _pairs(boot_set: BootSet, directory: Path) -> tuple[tuple[Path, Path], ...]:
    return (boot_set.kernel, directory / KERNEL_NAME), (boot_set.initrd, directory / INITRD_NAME)


def _require(directory: Path) -> None:
    if not directory.is_dir():
        raise BootError(f"{directory}: the boot directory is not there; `mkdir -p -m 0755 {directory}`, or correct boot.directory")


def _is_copy(source: Path, target: Path) -> bool:
    """Whether `target` is a file of its own with the bytes of `source`."""
    return target.is_file() and not _is_link(source, target) and _same_bytes(source, target)


def _is_link(source: Path, target: Path) -> bool:
    return target.is_symlink() or target.samefile(source)


def _same_bytes(source: Path, target: Path) -> bool:
    """Lengths first: they settle most cases."""
    return source.stat().st_size == target.stat().st_size and sha256_of(source) == sha256_of(target)


def _copy_both(boot_set: BootSet, directory: Path) -> None:
    copies = [(source, target.with_name(f".{target.name}.{os.getpid()}.copy"), target) for source, target in _pairs(boot_set, directory)]
    try:
        for source, copy, _ in copies:
            copy_file(source, copy)
        rename_together([(copy, target) for _, copy, target in copies])
    finally:
        for _, copy, _ in copies:
            remove_file(copy)


def _remove_strays(directory: Path) -> None:
    """What a run that was killed left: copies beside the names, and links to the former files."""
    for name in (KERNEL_NAME, INITRD_NAME):
        for pattern in (f".{name}.[0-9]*.copy", f".{name}.[0-9]*.old", f"..{name}.[0-9]*.copy.[0-9]*.new"):
            for stray in sorted(directory.glob(pattern)):
                remove_file(stray)


def _cure(error: OSError, directory: Path) -> str:
    if error.errno in _FULL:
        return f"free space on the file system of {directory}, then {_STAGE}"
    return f"let the user that runs mirrorsync read and write in {directory}, then {_STAGE}"


def _faults(boot_set: BootSet, directory: Path) -> Iterator[Finding]:
    if not directory.is_dir():
        remedy = f"`mkdir -p -m 0755 {directory}`, then {_STAGE}"
        yield Finding(Severity.ERROR, "boot-directory-missing", str(directory), "is not there", remedy)
        return
    mode = stat.S_IMODE(directory.stat().st_mode)
    if not mode & _OTHERS_ENTER:
        what = f"mode {mode:04o}: the TFTP server cannot enter it"
        yield Finding(Severity.ERROR, "boot-directory-closed", str(directory), what, f"chmod o+x {directory}")
    for source, target in _pairs(boot_set, directory):
        if not target.is_file():
            yield Finding(Severity.ERROR, "boot-file-missing", str(target), "is not there: nodes cannot boot from the network", _STAGE)
            continue
        if not _same_bytes(source, target):
            what = f"is not the tree's {source}: nodes boot another build"
            yield Finding(Severity.ERROR, "boot-file-differs", str(target), what, _STAGE)
        elif _is_link(source, target):
            what = "is a link and no file of its own: it may change without its other half"
            yield Finding(Severity.WARNING, "boot-file-linked", str(target), what, _STAGE)
        yield from _mode_faults(target)


def _mode_faults(target: Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(target.stat().st_mode)
    if not mode & _OTHERS_READ:
        what = f"mode {mode:04o}: the TFTP server cannot read it"
        yield Finding(Severity.ERROR, "boot-file-closed", str(target), what, f"chmod 0644 {target}")
    elif mode & _OTHERS_WRITE:
        what = f"mode {mode:04o}: anybody can write to it"
        yield Finding(Severity.WARNING, "boot-file-writable", str(target), what, f"chmod 0644 {target}")
