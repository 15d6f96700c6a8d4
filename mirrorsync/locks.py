"""One writer, whom others can name: flock(2) on the folder that is written to; a dead one holds nothing."""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mirrorsync.errors import LockedError
from mirrorsync.files import FILE_MODE, make_directory

_POLL = 0.1  # seconds
_SIGNATURE = 60  # bytes of who holds a lock
_AS_IT_LIES = os.O_NOFOLLOW | os.O_NONBLOCK  # be it a link to elsewhere, or a pipe that nobody writes to


@contextmanager
def locked(path: Path, purpose: str) -> Iterator[None]:
    """Be the one writer of the folder of `path`, and say so in the file `path`. Raises LockedError naming the present one.

    The folder itself is what is locked: whoever removes the file, or puts another there, lets nobody in.
    """
    make_directory(path.parent)
    with _opened(path.parent, os.O_RDONLY | os.O_DIRECTORY) as folder:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = lock_holder(path) or _note(path) or "another run"
            raise LockedError(f"{purpose}: {holder} is at work on it; nothing was done") from error
        _sign(path)
        yield


@contextmanager
def in_turn(folder: Path, purpose: str, *, patience: float) -> Iterator[None]:
    """Be the one writer of a folder that is there, after whoever is now; LockedError where that takes longer than `patience` seconds."""
    deadline = time.monotonic() + patience
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    holder = lock_holder(folder / "lock") or "another run"
                    raise LockedError(f"{purpose}: {holder} is at work on it; nothing was done") from error
            time.sleep(_POLL)
        yield


def lock_holder(path: Path) -> str | None:
    """Who holds the lock of `path` now, None where nobody does: read from /proc/locks, so that no writer is ever refused for it.

    What the file says is believed of no other process than the one that holds the lock.
    """
    try:
        process = _locker(path.parent)
    except OSError:
        return None
    if process is None:
        return None
    note = _note(path)
    return note if note.startswith(f"process {process} since ") else f"process {process}"


def _locker(folder: Path) -> str | None:
    """The process that holds the folder's flock, by proc_locks(5); those that wait for it have an arrow in their lines."""
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        major, minor = _device(descriptor)
        place = f"{major:02x}:{minor:02x}:{os.fstat(descriptor).st_ino}"
    lines = (line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines())
    return next((words[4] for words in lines if words[1] == "FLOCK" and words[5] == place), None)


def _device(descriptor: int) -> tuple[int, int]:
    """Major and minor number of an open file's file system as the kernel's lists of locks and mounts have them.

    They are looked up by its mount: stat(2) tells another device for each of btrfs's subvolumes. Inodes of two subvolumes can have
    one number, so that there, and only in what is told, one tree's writer can be taken for another's.
    """
    described = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii").split()
    mount = described[described.index("mnt_id:") + 1]
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        words = line.split()
        if words[0].decode() == mount:
            major, minor = words[2].decode().split(":")
            return int(major), int(minor)
    device = os.fstat(descriptor).st_dev  # what lies in no mount that this process sees
    return os.major(device), os.minor(device)


def _note(path: Path) -> str:
    """What the lock file says, '' where there is none that can be read."""
    try:
        with _opened(path, os.O_RDONLY | _AS_IT_LIES) as descriptor:
            return os.pread(descriptor, _SIGNATURE, 0).decode(errors="replace").strip()
    except OSError:
        return ""


def _sign(path: Path) -> None:
    """Say in the lock file who has the lock: over what it says, so that it takes no block anew; not at all where that cannot be."""
    text = f"process {os.getpid()} since {time.strftime('%Y-%m-%d %H:%M:%S')}"
    with suppress(OSError), _opened(path, os.O_RDWR | os.O_CREAT | _AS_IT_LIES) as descriptor:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:  # another name of it may be anybody's file
            os.fchmod(descriptor, FILE_MODE)
            os.pwrite(descriptor, text.ljust(_SIGNATURE).encode(), 0)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, FILE_MODE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
