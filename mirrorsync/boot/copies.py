"""Copies of a boot set under the TFTP root: files of their own with the tree's bytes, readable by everybody."""

import errno
import hashlib
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mirrorsync.boot.bootset import BootSet
from mirrorsync.errors import BootError
from mirrorsync.files import copy_file, make_directory, open_to_others, remove_tree, sha256_of, sync_directory
from mirrorsync.model.finding import Finding, Severity

Copies = Sequence[tuple[Path, Path]]
"""(file of the tree, its copy)."""

STAGE = "run `mirrorsync update`"
_OTHERS_READ = 0o004
_OTHERS_WRITE = 0o002
_OTHERS_ENTER = 0o001
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def set_digest(pair: BootSet) -> str:
    """16 hex digits that no other pair of kernel and initrd has."""
    digests = f"{sha256_of(pair.kernel)} {sha256_of(pair.initrd)}"
    return hashlib.sha256(digests.encode()).hexdigest()[:16]


@contextmanager
def compared(directory: Path) -> Iterator[None]:
    """What compares a boot directory with a tree. Raises BootError where that cannot be."""
    _require(directory)
    try:
        yield
    except OSError as error:
        raise BootError(f"{error.filename or directory}: cannot be compared: {error.strerror}; {_cure(error, directory)}") from error


@contextmanager
def staged(directory: Path) -> Iterator[None]:
    """What writes in a boot directory, so that nodes load the set they loaded until its last step. Raises BootError."""
    _require(directory)
    try:
        yield
    except OSError as error:
        what = f"{directory}: the boot set could not be staged: {error.filename or directory}: {error.strerror}"
        raise BootError(f"{what}; nodes load the set they loaded; {_cure(error, directory)}") from error


def looked_at(directory: Path, faults: Callable[[], Iterable[Finding]]) -> tuple[Finding, ...]:
    """What is wrong in a boot directory, or why that cannot be said."""
    try:
        if not directory.is_dir():
            remedy = f"`mkdir -p -m 0755 {directory}`, then {STAGE}"
            return (Finding(Severity.ERROR, "boot-directory-missing", str(directory), "is not there", remedy),)
        return tuple(faults())
    except OSError as error:
        where = str(error.filename or directory)
        return (Finding(Severity.ERROR, "boot-file-unreadable", where, f"cannot be read: {error.strerror}", _cure(error, directory)),)


def _require(directory: Path) -> None:
    try:
        there = directory.is_dir()
    except OSError as error:
        raise BootError(f"{directory}: cannot be looked at: {error.strerror}; {_cure(error, directory)}") from error
    if not there:
        raise BootError(f"{directory}: the boot directory is not there; `mkdir -p -m 0755 {directory}`, or correct boot.directory")


def _cure(error: OSError, directory: Path) -> str:
    if error.errno in _FULL:
        return f"free space on the file system of {directory}, then {STAGE}"
    return f"let the user that runs mirrorsync read and write in {directory}, then {STAGE}"


def is_copy(source: Path, target: Path) -> bool:
    """Whether `target` is a file of its own with the bytes of `source`."""
    return target.is_file() and not _is_link(source, target) and _same_bytes(source, target)


def _is_link(source: Path, target: Path) -> bool:
    """Whether `target` is a link to something, or another name of `source`."""
    return target.is_symlink() or target.samefile(source)


def _same_bytes(source: Path, target: Path) -> bool:
    """Lengths first: they settle most cases."""
    return source.stat().st_size == target.stat().st_size and sha256_of(source) == sha256_of(target)


def lay_out(copies: Copies, folder: Path) -> None:
    """Let the folder have these copies, and nothing else; what is right already stays. Durable when it returns."""
    make_directory(folder)
    open_to_others(folder)
    sync_directory(folder.parent)
    for source, target in copies:
        if not is_copy(source, target):
            copy_file(source, target)
    names = {target.name for _, target in copies}
    for path in sorted(folder.iterdir()):
        if path.name not in names:
            remove_tree(path)
    sync_directory(folder)  # also for a copy that a run made and was killed before it was durable


def folder_faults(*folders: Path) -> Iterator[Finding]:
    """Folders that are there and that the TFTP server cannot enter."""
    for folder in folders:
        mode = stat.S_IMODE(folder.stat().st_mode) if folder.is_dir() else _OTHERS_ENTER
        if not mode & _OTHERS_ENTER:
            what = f"mode {mode:04o}: the TFTP server cannot enter it"
            yield Finding(Severity.ERROR, "boot-directory-closed", str(folder), what, f"chmod o+x {folder}")


def copy_faults(source: Path, target: Path, own: Path) -> Iterator[Finding]:
    """What a node would meet that asks for `target`. own: the file that has to be one of its own, `target` or what it leads to."""
    if not target.is_file():
        yield Finding(Severity.ERROR, "boot-file-missing", str(target), "is not there: nodes cannot boot from the network", STAGE)
        return
    if not _same_bytes(source, target):
        what = f"is not the tree's {source}: nodes boot another build"
        yield Finding(Severity.ERROR, "boot-file-differs", str(target), what, STAGE)
    elif _is_link(source, own):
        what = "is a link and no file of its own: it may change without its other half"
        yield Finding(Severity.WARNING, "boot-file-linked", str(target), what, STAGE)
    yield from mode_faults(target)


def mode_faults(target: Path) -> Iterator[Finding]:
    """A file that is there and that the server cannot read, or that anybody can change."""
    mode = stat.S_IMODE(target.stat().st_mode)
    if not mode & _OTHERS_READ:
        what = f"mode {mode:04o}: the TFTP server cannot read it"
        yield Finding(Severity.ERROR, "boot-file-closed", str(target), what, f"chmod 0644 {target}")
    elif mode & _OTHERS_WRITE:
        what = f"mode {mode:04o}: anybody can write to it"
        yield Finding(Severity.WARNING, "boot-file-writable", str(target), what, f"chmod 0644 {target}")
