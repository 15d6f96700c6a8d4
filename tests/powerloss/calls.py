"""The calls in strace's log: names, arguments and results, with every string in hex so that none can be taken for something else."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    "open|openat|openat2|creat|mkdir|mkdirat|rmdir|unlink|unlinkat|rename|renameat|renameat2|link|linkat|symlink|symlinkat|mknod|mknodat"
    "|write|pwrite64|writev|pwritev|pwritev2|lseek|truncate|ftruncate|fallocate|copy_file_range|sendfile|splice|mmap|ioctl"
    "|chmod|fchmod|fchmodat|fchmodat2|fsync|fdatasync|syncfs|sync|umask"
)
OPTIONS = ("-f", "-y", "-xx", "-s", str(1 << 21), "-e", "signal=none", "-e", f"trace=/^({NAMES})$")
_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\w+)(<.*| E\w+ \(.*)?")
_CUT = " <unfinished ...>"
_UNFINISHED = re.compile(rf"(\d+) +\w+\(.*{re.escape(_CUT)}")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"(AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded: its arguments as strace shows them."""

    name: str
    arguments: tuple[str, ...]
    result: str

    def has(self, flag: str) -> bool:
        """Whether a flag is among the arguments."""
        return any(flag in argument.split("|") for argument in self.arguments)

    def octets(self, position: int) -> bytes:
        """A string argument. Raises ValueError where strace has cut it."""
        match = _STRING.fullmatch(self.arguments[position])
        if match is None:
            raise ValueError(f"{self.name}: not a whole string: {self.arguments[position][:80]}")
        return _unescaped(match[1])

    def descriptor(self, position: int) -> int:
        """The number of an open file."""
        return int(self.arguments[position].partition("<")[0])

    def opened(self, position: int) -> str | None:
        """Where the open file lay when the call was made; None where it has no name any more, or is none."""
        match = _DESCRIPTOR.fullmatch(self.arguments[position])
        return None if match is None or match[3] else _unescaped(match[2]).decode(errors="surrogateescape")

    def path(self, position: int, folder: int | None = None) -> str:
        """A path argument, beginning at the open directory that argument `folder` is."""
        own = self.octets(position).decode(errors="surrogateescape")
        return own if folder is None else str(Path(self.opened(folder) or "/", own))


def read_calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls of a log that succeeded, in the order of their ends. Raises ValueError for a line that cannot be read."""
    for line in _joined(lines):
        match = _LINE.fullmatch(line)
        if match is not None and match[4] != "-1":
            yield Call(match[2], tuple(match[3].split(", ")), match[4])
        elif match is None and "+++ exited with" not in line:
            raise ValueError(f"strace wrote what cannot be read: {line[:120]}…{line[-120:]}")


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """The lines, those put together that strace took apart when another thread's call came between."""
    begun: dict[str, str] = {}
    for line in lines:
        if (match := _UNFINISHED.fullmatch(line.rstrip("\n"))) is not None:
            begun[match[1]] = match[0].removesuffix(_CUT)
        elif (match := _RESUMED.fullmatch(line.rstrip("\n"))) is not None:
            yield begun.pop(match[1]) + match[2]
        else:
            yield line.rstrip("\n")


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def in_hex(text: str) -> str:
    """A text as strace shows it."""
    return "".join(f"\\x{octet:02x}" for octet in os.fsencode(text))
