"""The calls of a run that change the disk."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests import strace

LINKING = ("link", "linkat")
SYNCING = ("fsync", "fdatasync", "syncfs", "sync_file_range")
_OPENING = ("open", "openat", "openat2", "creat")
_WRITING = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "copy_file_range", "sendfile", "splice")
_SIZING = ("truncate", "ftruncate", "fallocate")
_NAMING = (*LINKING, "rename", "renameat", "renameat2", "symlink", "symlinkat", "unlink", "unlinkat", "mknod", "mknodat")
_FOLDING = ("mkdir", "mkdirat", "rmdir")
TIMING = ("utime", "utimes", "utimensat", "futimesat")
_DESCRIBING = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", *TIMING),
    *("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
)
TRACED = (*_OPENING, *_WRITING, *_SIZING, *SYNCING, *_NAMING, *_FOLDING, *_DESCRIBING)
"""Every call of Linux that changes a file system, but for what is written through a memory map: SQLite's caches have none here."""


@dataclass(frozen=True, slots=True)
class Call:
    """The `ordinal`-th call of this name of the run; the files it names or has open, process ids in their names as PID.

    changes: whether it can change the disk at all. An `open` that makes or empties nothing cannot.
    """

    name: str
    ordinal: int
    paths: tuple[str, ...]
    thread: int
    changes: bool
    injected: bool

    @property
    def identity(self) -> tuple[str, int, tuple[str, ...]]:
        """What is the same in each run of the same scenario."""
        return self.name, self.ordinal, self.paths

    def within(self, folder: str) -> bool:
        """Whether a file it names lies in `folder`."""
        return any(PurePosixPath(path).is_relative_to(folder) for path in self.paths)

    def described(self, folder: str) -> str:
        """A short line for people; files below `folder` by their relative paths."""
        return f"{self.name} #{self.ordinal} {' '.join(path.removeprefix(f'{folder}/') for path in self.paths)}"


def options(log: str, names: Iterable[str] = TRACED) -> tuple[str, ...]:
    """strace's options to write the calls of these names, which are all calls there are or a few, to `log` without what they write."""
    return (*strace.PLAIN, "-s", "0", "-o", log, "-e", f"trace={','.join(f'?{name}' for name in names)}")


def read_log(lines: Iterable[str], process: int) -> Iterator[Call]:
    """The calls of a log written with these options, with or without -f."""
    counts: Counter[tuple[int, str]] = Counter()
    for call in strace.read_calls(lines):
        thread = call.thread or process
        counts[thread, call.name] += 1
        paths = tuple(path.replace(f".{process}.", ".PID.") for path in call.paths())
        yield Call(call.name, counts[thread, call.name], paths, thread, _changes(call), call.injected)


def _changes(call: strace.Call) -> bool:
    return call.name not in _OPENING or call.name == "creat" or any(call.has(flag) for flag in ("O_CREAT", "O_TRUNC", "O_TMPFILE"))
