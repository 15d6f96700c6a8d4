"""The boot set under the TFTP root, linux.1 (kernel) and linux.2 (initrd): both change by one rename.

    .mirrorsync-boot-0123456789abcdef/   a set: linux.1 and linux.2, files of its own, under the digest of the pair
    .mirrorsync-boot                     link to the set that nodes load; a new one renamed over it is the commitment
    linux.1, linux.2                     links to .mirrorsync-boot/linux.1 and linux.2, made once

The links are relative: a TFTP server that sees its root as `/` follows them too.
"""

import errno
import hashlib
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from mirrorsync.boot.bootset import BootSet
from mirrorsync.errors import BootError
from mirrorsync.files import (
    copy_file,
    make_directory,
    open_to_others,
    point,
    remove_file,
    remove_tree,
    sha256_of,
    sync_directory,
    sync_names,
)
from mirrorsync.filesystem import has_symbolic_links
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import BootChange

KERNEL_NAME = "linux.1"
INITRD_NAME = "linux.2"
SHOWN = ".mirrorsync-boot"
_NEW_LINK = f"{SHOWN}.link"
_SET = re.compile(rf"{re.escape(SHOWN)}-[0-9a-f]{{16}}")
_FORMER_SCHEME = re.compile(r"\.linux\.[12]\.\d+\.(copy|old)|\.\.linux\.[12]\.\d+\.copy\.\d+\.new")
_STAGE = "run `mirrorsync update`"
_OTHERS_READ = 0o004
_OTHERS_WRITE = 0o002
_OTHERS_ENTER = 0o001
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def plan_staging(boot_set: BootSet, directory: Path) -> BootChange:
    """CURRENT where linux.1 and linux.2 lead to a set of their own with the tree's bytes, WOULD_STAGE otherwise; changes nothing.

    What a stopped run left is not current, so the next run completes it. Raises BootError.
    """
    try:
        _require(directory)
        current = _is_current(boot_set, directory)
    except OSError as error:
        raise BootError(f"{error.filename or directory}: cannot be compared: {error.strerror}; {_cure(error, directory)}") from error
    return BootChange.CURRENT if current else BootChange.WOULD_STAGE


def stage(boot_set: BootSet, directory: Path) -> BootChange:
    """Copy the set beside the one that nodes load, then let them load it: at no instant a kernel and an initrd of two sets.

    The former set stays until the next staging, for transfers under way. Can be stopped anywhere and run again.
    Raises BootError; the set that nodes load is then the one they loaded.
    """
    try:
        _require(directory)
        _require_names(directory)
        _require_links(directory)
        _stage(boot_set, directory)
    except OSError as error:
        what = f"{directory}: the boot set could not be staged: {error.filename or directory}: {error.strerror}"
        raise BootError(f"{what}; nodes load the set they loaded; {_cure(error, directory)}") from error
    return BootChange.STAGED


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


def staged_findings(boot_set: BootSet, directory: Path) -> tuple[Finding, ...]:
    """What a node would meet under the TFTP root: files missing, other than the tree's, or not to be read by everybody."""
    try:
        return tuple(_faults(boot_set, directory))
    except OSError as error:
        where = str(error.filename or directory)
        return (Finding(Severity.ERROR, "boot-file-unreadable", where, f"cannot be read: {error.strerror}", _cure(error, directory)),)


def _require(directory: Path) -> None:
    if not directory.is_dir():
        raise BootError(f"{directory}: the boot directory is not there; `mkdir -p -m 0755 {directory}`, or correct boot.directory")


def _require_names(directory: Path) -> None:
    """A link cannot be renamed over a directory: better known before anything is written."""
    for name in (KERNEL_NAME, INITRD_NAME, SHOWN):
        path = directory / name
        if path.is_dir() and not path.is_symlink():
            raise BootError(f"{path}: a directory, where the boot set is to go; move it away, then {_STAGE}; nothing was done")


def _require_links(directory: Path) -> None:
    if not (directory / SHOWN).is_symlink() and not has_symbolic_links(directory / _NEW_LINK):
        what = "its file system has no symbolic links, by one of which a boot set is put in place"
        remedy = "put the TFTP root on another file system (ext4, xfs), or correct boot.directory"
        raise BootError(f"{directory}: {what}; {remedy}; nothing was done")


def _pairs(pair: BootSet, folder: Path) -> tuple[tuple[Path, Path], ...]:
    return (pair.kernel, folder / KERNEL_NAME), (pair.initrd, folder / INITRD_NAME)


def _set_name(pair: BootSet) -> str:
    digests = f"{sha256_of(pair.kernel)} {sha256_of(pair.initrd)}"
    return f"{SHOWN}-{hashlib.sha256(digests.encode()).hexdigest()[:16]}"


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
    return all(_is_copy(source, target) for source, target in _pairs(boot_set, directory / SHOWN))


def _is_copy(source: Path, target: Path) -> bool:
    """Whether `target` is a file of its own with the bytes of `source`."""
    return target.is_file() and not _is_link(source, target) and _same_bytes(source, target)


def _is_link(source: Path, target: Path) -> bool:
    return target.is_symlink() or target.samefile(source)


def _same_bytes(source: Path, target: Path) -> bool:
    """Lengths first: they settle most cases."""
    return source.stat().st_size == target.stat().st_size and sha256_of(source) == sha256_of(target)


def _lay_out(pair: BootSet, folder: Path) -> None:
    """The pair's own copies in `folder`; what is right already stays."""
    make_directory(folder)
    open_to_others(folder)
    sync_directory(folder.parent)
    for source, target in _pairs(pair, folder):
        if not _is_copy(source, target):
            copy_file(source, target)
    for path in sorted(folder.iterdir()):
        if path.name not in (KERNEL_NAME, INITRD_NAME):
            remove_tree(path)
    sync_directory(folder)  # also for a copy that a run made and was killed before it was durable


def _point(link: Path, target: str) -> None:
    if _target(link) != target:
        point(link, target, by=link.with_name(_NEW_LINK))
        sync_names(link)


def _remove_strays(directory: Path, kept: set[str]) -> None:
    """Sets that no transfer needs any more, and what a run of the former scheme left when it was killed."""
    for path in sorted(directory.iterdir()):
        if path.name not in kept and (_SET.fullmatch(path.name) or _FORMER_SCHEME.fullmatch(path.name)):
            remove_tree(path)


def _cure(error: OSError, directory: Path) -> str:
    if error.errno in _FULL:
        return f"free space on the file system of {directory}, then {_STAGE}"
    return f"let the user that runs mirrorsync read and write in {directory}, then {_STAGE}"


def _faults(boot_set: BootSet, directory: Path) -> Iterator[Finding]:
    if not directory.is_dir():
        remedy = f"`mkdir -p -m 0755 {directory}`, then {_STAGE}"
        yield Finding(Severity.ERROR, "boot-directory-missing", str(directory), "is not there", remedy)
        return
    yield from _directory_faults(directory)
    for source, target in _pairs(boot_set, directory):
        yield from _file_faults(source, target)


def _directory_faults(directory: Path) -> Iterator[Finding]:
    """Of the boot directory and of the set behind the links: what the TFTP server cannot enter."""
    for folder in (directory, directory / SHOWN):
        mode = stat.S_IMODE(folder.stat().st_mode) if folder.is_dir() else _OTHERS_ENTER
        if not mode & _OTHERS_ENTER:
            what = f"mode {mode:04o}: the TFTP server cannot enter it"
            yield Finding(Severity.ERROR, "boot-directory-closed", str(folder), what, f"chmod o+x {folder}")


def _file_faults(source: Path, target: Path) -> Iterator[Finding]:
    if not target.is_file():
        yield Finding(Severity.ERROR, "boot-file-missing", str(target), "is not there: nodes cannot boot from the network", _STAGE)
        return
    own = target.parent / SHOWN / target.name if _is_ours(target) else target
    if not _same_bytes(source, target):
        what = f"is not the tree's {source}: nodes boot another build"
        yield Finding(Severity.ERROR, "boot-file-differs", str(target), what, _STAGE)
    elif _is_link(source, own):
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
