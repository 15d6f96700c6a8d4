"""The calls of a run that change the disk, read from strace's log."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

LINKING = ("link", "linkat")
_OPENING = ("open", "openat", "openat2", "creat")
_WRITING = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "copy_file_range", "sendfile", "splice")
_SIZING = ("truncate", "ftruncate", "fallocate")
_SYNCING = ("fsync", "fdatasync", "syncfs", "sync_file_range")
_NAMING = (*LINKING, "rename", "renameat", "renameat2", "symlink", "symlinkat", "unlink", "unlinkat", "mknod", "mknodat")
_FOLDING = ("mkdir", "mkdirat", "rmdir")
_DESCRIBING = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat"),
    *("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
)
TRACED = (*_OPENING, *_WRITING, *_SIZING, *_SYNCING, *_NAMING, *_FOLDING, *_DESCRIBING)
"""Every call of Linux that changes a file system, but for what is written through a memory map: SQLite's caches have none here."""

_LINE = re.compile(r"(?:(?P<thread>\d+) +)?(?P<name>\w+)\((?P<rest>.*)")
_WORDS = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"|<(?P<open>/[^>]*)>')
_CHANGING_FLAGS = re.compile(r"O_(?:CREAT|TRUNC|TMPFILE)\b")


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


def read_log(lines: Iterable[str], process: int) -> Iterator[Call]:
    """The calls of strace's log (-y -s 0, with or without -f), in their order."""
    counts: Counter[tuple[int, str]] = Counter()
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue  # how the process ended
        thread, name = int(match["thread"] or process), match["name"]
        counts[thread, name] += 1
        arguments = match["rest"].rpartition(") = ")[0] or match["rest"]
        changes = name not in _OPENING or name == "creat" or bool(_CHANGING_FLAGS.search(arguments))
        paths = tuple(path.replace(f".{process}.", ".PID.") for path in _paths(arguments))
        yield Call(name, counts[thread, name], paths, thread, changes, line.rstrip().endswith("(INJECTED)"))


def _paths(arguments: str) -> Iterator[str]:
    """The files among a call's arguments; a name after an open directory lies in it."""
    folder = ""
    for match in _WORDS.finditer(arguments):
        if (opened := match["open"]) is not None:
            if folder:
                yield folder
            folder = opened
        elif match["quoted"]:
            yield str(PurePosixPath(folder, match["quoted"]))
            folder = ""
    if folder:
        yield folder
