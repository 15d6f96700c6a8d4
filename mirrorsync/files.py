"""The only door to changing the disk: whole files by rename, hard links, one exchange, one lock.

Nothing here writes to an existing inode: a hard link in a published generation shares it.
"""

import ctypes
import errno
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mirrorsync.errors import PublishError, TreeError

FILE_MODE = 0o644
DIRECTORY_MODE = 0o755
_BLOCK = 1 << 20
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NAME_MAX = 255  # bytes
_PATH_MAX = 4095  # bytes without the NUL


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What changes when a file's content does: its key in caches. `mtime_ns` in nanoseconds, `size` in bytes.

    `target` is what a symbolic link says, '' for any other file.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int
    target: str = ""


def identity(path: Path, name: str) -> FileIdentity:
    """The identity of `path` under the name `name` (its path relative to the tree); of a link to nowhere, the link's own."""
    link = path.is_symlink()
    status = path.stat() if not link or path.exists() else path.lstat()
    return FileIdentity(name, status.st_size, status.st_mtime_ns, status.st_ino, str(path.readlink()) if link else "")


def contained(root: Path, name: str) -> Path:
    """`root / name` for a name from outside, or TreeError where it could lie elsewhere or confuse a reader.

    Refused: absolute names, empty, '.' and '..' parts, parts that a shell would take for an option or somebody's home, backslashes,
    control characters, NUL, parts over 255 bytes, paths over 4095 with their root.
    """
    parts = name.split("/")
    if not name or any(part in ("", ".", "..") for part in parts):
        raise TreeError(f"{name!r:.200}: refused: not a plain relative path")
    if not name.isprintable() or "\\" in name:
        raise TreeError(f"{name!r:.200}: refused: a backslash, or characters that cannot be printed, in a name")
    if any(part.startswith(("-", "~")) for part in parts):
        raise TreeError(f"{name!r:.200}: refused: a part of it begins with - or ~, which mean something to a shell")
    path = root.joinpath(*PurePosixPath(name).parts)
    if any(len(os.fsencode(part)) > _NAME_MAX for part in parts) or len(os.fsencode(path)) > _PATH_MAX:
        raise TreeError(f"{name[:60]!r}…: refused: longer than a file name may be")
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex. Raises OSError, for pipes and devices too, which have no end."""
    with open(path, "rb", opener=_at_once) as file:
        _require_plain(file.fileno(), path)
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_plain(path: Path, most: int) -> bytes:
    """All bytes of a file of at most so many. Raises OSError, for pipes and devices too: nothing is waited for, nor read without end."""
    with open(path, "rb", opener=_at_once) as file:
        _require_plain(file.fileno(), path)
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most} bytes", str(path))
    return content


def _require_plain(descriptor: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "it is not a plain file", str(path))


def _at_once(path: str, flags: int) -> int:
    """As open(2), which waits at a pipe's name for somebody to write into it."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_filesystem(path: Path) -> None:
    """Make everything written to the file system that holds `path` durable (syncfs(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _libc().syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise PublishError(f"{path}: syncfs failed: {os.strerror(number)}; nothing was published")
    finally:
        os.close(descriptor)


def write_file(path: Path, content: bytes | Iterable[bytes], *, mode: int = FILE_MODE) -> None:
    """Put a whole new file at `path`: a new inode, synced, then renamed over the name.

    `mode` holds whatever the umask is, and until all is written nobody else may open it. Raises OSError; the old file stays then.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(_begun(partial, mode & 0o600), "wb") as file:
            for block in (content,) if isinstance(content, bytes) else content:
                file.write(block)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL:  # write(2) knows no names
            error.filename = error.filename or str(path)
        raise
    sync_directory(path.parent)


def _begun(partial: Path, mode: int) -> int:
    """A new inode to write to, whatever a process that was killed, or somebody else, has left at that name."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return os.open(partial, flags, mode)
    except FileExistsError:
        partial.unlink()
        return os.open(partial, flags, mode)


def remove_strays(folder: Path, name: str = "*", *, idle: float = 0.0) -> None:
    """Remove what `write_file` was about to put at `name` in the folder when its process was killed; a glob, any file by default.

    idle: seconds since it was written to, at least; for folders that others may be writing to.
    """
    for stray in sorted(folder.glob(f".{name}.[0-9]*.new")):
        with suppress(FileNotFoundError):  # it has got its name
            if not idle or time.time() - stray.stat().st_mtime > idle:
                remove_file(stray)


def copy_file(source: Path, target: Path, *, mode: int = FILE_MODE) -> None:
    """Put a copy of `source` at `target` as `write_file` does: its own inode."""
    with source.open("rb") as file:
        write_file(target, iter(lambda: file.read(_BLOCK), b""), mode=mode)


def link_file(source: Path, target: Path) -> None:
    """Give `source` the further name `target`, whose directory is made; a copy where the file has no links left to give."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError:
        make_directory(target.parent)
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.EMLINK:
            raise
        copy_file(source, target)


def carry(source: Path, target: Path, *, read_by_nodes: bool) -> None:
    """Link a file of a tree; one that nodes are to read, and could not, gets an inode of its own."""
    if read_by_nodes and closed_to_nodes(source):
        copy_file(source, target)
    else:
        link_file(source, target)


def closed_to_nodes(path: Path) -> bool:
    """Whether a file that is there is a link elsewhere, which no export has to have, or not readable by all."""
    return path.is_file() and (path.is_symlink() or not path.stat().st_mode & 0o004)


def make_directory(path: Path) -> None:
    """Make a directory and its parents with mode 0755, whatever the umask is; one that is there stays as it is."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    path.chmod(DIRECTORY_MODE)


def walk_files(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(relative path, entry) of everything below `root` that is not a directory, sorted by path within each directory."""
    pending = [""]
    while pending:
        prefix = pending.pop()
        with os.scandir(root / prefix) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        for entry in ordered:
            name = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                pending.append(f"{name}/")
            else:
                yield name, entry


def clone_directories(source: Path, target: Path) -> None:
    """The same empty directories below `target` as below `source`, with their modes."""
    make_directory(target)
    target.chmod(stat.S_IMODE(source.stat().st_mode))
    with os.scandir(source) as entries:
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    for name in folders:
        clone_directories(source / name, target / name)


def clone_tree(source: Path, target: Path) -> None:
    """A new directory `target` with the same names as `source`, every file a hard link, modes of directories kept."""
    clone_directories(source, target)
    for name, _ in walk_files(source):
        link_file(source / name, target / name)


def remove_tree(path: Path) -> None:
    """Remove a directory and what is in it; nothing where there is none."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def remove_contents(folder: Path) -> tuple[OSError, ...]:
    """Remove what lies in a directory, as far as it can be, and say what refused: what another process has removed does not."""
    refusals: list[OSError] = []

    def note(error: OSError) -> None:
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):  # a directory is not empty where something in it has refused
            refusals.append(error)

    for parent, folders, files in os.walk(folder, topdown=False, onerror=note):
        for name in (*files, *folders):
            path = Path(parent, name)
            try:
                _remove_name(path)
            except OSError as error:
                note(error)
    return tuple(refusals)


def _remove_name(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()


def remove_empty(folder: Path) -> None:
    """Remove a directory that nothing lies in; one that is not empty, or not there, is left."""
    with suppress(OSError):
        folder.rmdir()


def exchange(left: Path, right: Path) -> None:
    """Let two names change places in one step, which `sync_names` makes durable: renameat2(RENAME_EXCHANGE), Linux 3.15.

    Raises PublishError where the file system or the kernel cannot; nothing has changed then.
    """
    try:
        exchange_names(left, right)
    except OSError as error:
        raise PublishError(f"{left}: cannot exchange it with {right}: {error.strerror}; the tree is as it was") from error


def exchange_names(left: Path, right: Path) -> None:
    """The system call itself: nothing is synced. Raises OSError."""
    if _libc().renameat2(_AT_FDCWD, os.fsencode(left), _AT_FDCWD, os.fsencode(right), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(left))


def move(source: Path, target: Path) -> None:
    """Rename within one file system and make it durable."""
    source.rename(target)
    sync_names(target, source)


def sync_names(*paths: Path) -> None:
    """Make durable what these names are, or that they are none."""
    for folder in dict.fromkeys(path.parent for path in paths):
        sync_directory(folder)


def point(link: Path, target: str, *, by: Path) -> None:
    """Let the symbolic link `link` point to `target` in one step, which `sync_names` makes durable.

    A new link is made at `by`, on the same file system, and renamed over it. Raises OSError; nothing has changed then.
    """
    by.unlink(missing_ok=True)
    by.symlink_to(target)
    by.rename(link)


def open_to_others(path: Path) -> None:
    """Let everybody enter and list a directory that is not shared with anything published."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o055 != 0o055:  # noqa: PLR2004  r-x for group and others
        path.chmod(mode | 0o055)


@contextmanager
def appending(path: Path, start: int) -> Iterator[BinaryIO]:
    """A partial file to write on from byte `start`; what it holds after that is cut off. Made where it is not there.

    Only for files that have no other name: this is the one place where an inode is written to again.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE), "r+b") as file:
        file.truncate(start)
        file.seek(start)
        yield file


def settle(partial: Path, target: Path, *, mode: int = FILE_MODE) -> None:
    """Make a file that was written in parts durable and put it at `target`, whose directory is made."""
    make_directory(target.parent)
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    move(partial, target)


def move_each(source: Path, target: Path, names: Sequence[str]) -> None:
    """Rename files of one folder, each in its own step and in this order, to the same paths below another one of the same file system.

    Their contents are made durable first, all at once; directories are made.
    """
    sync_filesystem(source)
    for name in names:
        make_directory((target / name).parent)
        (source / name).rename(target / name)
    for folder in sorted({(target / name).parent for name in names}):
        sync_directory(folder)


def stage_file(path: Path, content: bytes, *, mode: int = FILE_MODE) -> None:
    """Write a new file in a folder that nobody reads; its directory is made, and nothing is durable until `move_each`."""
    make_directory(path.parent)
    with path.open("xb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)


def remove_file(path: Path) -> None:
    """Remove a file's name; nothing where there is none."""
    path.unlink(missing_ok=True)


def opened_log(path: Path) -> int:
    """A descriptor that adds lines to the end of a file, which is made where it is not there: not for others to read."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
