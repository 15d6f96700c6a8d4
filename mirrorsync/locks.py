"""Lock files: one writer, whom others can name; a dead one holds nothing (flock(2))."""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mirrorsync.errors import LockedError
from mirrorsync.files import FILE_MODE, make_directory

_SIGNATURE = 60  # bytes of who holds a lock


@contextmanager
def locked(path: Path, purpose: str) -> Iterator[None]:
    """Hold the lock file `path` (flock: a dead process holds nothing), or raise LockedError naming its holder."""
    make_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"{purpose}: {_holder(descriptor)} is at work on it; nothing was done") from error
        os.fchmod(descriptor, FILE_MODE)
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    """Say in a lock file who holds it: over what it says, so that it takes no block anew, and not at all where a full disk has none."""
    text = f"process {os.getpid()} since {time.strftime('%Y-%m-%d %H:%M:%S')}"
    with suppress(OSError):
        os.pwrite(descriptor, text.ljust(_SIGNATURE).encode(), 0)


def lock_holder(path: Path) -> str | None:
    """Who holds the lock file `path` now, None where nobody does: read from /proc/locks, so that no writer is ever refused for it."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        held = Path("/proc/locks").read_text(encoding="ascii")
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    locks = (line.split() for line in held.splitlines())
    held_here = any("FLOCK" in words and any(word.endswith(f":{status.st_ino}") for word in words) for words in locks)
    return text or "another run" if held_here else None


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another run"
