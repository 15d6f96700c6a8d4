"""The calls in a log of strace's: names, arguments and results, with every string in hex so that none can be taken for something else."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PLAIN = ("-y", "-xx", "-e", "signal=none")
"""Options that a log must be written with to be read here."""

_LINE = re.compile(r"(?:(\d+) +)?(\w+)\((.*)\) += (-?\w+|\?)(.*)")
_CUT = " <unfinished ...>"
_UNFINISHED = re.compile(rf"(\d+) +\w+\(.*{re.escape(_CUT)}")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")
_ENDED = re.compile(r"(?:\d+ +)?\+\+\+ (?:exited with|killed by) .*")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"(AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")
_UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its arguments and its result as strace shows them.

    result: '-1' where it failed, '?' where it never came back.  injected: whether strace made it fail.
    thread: 0 where the log does not say which.
    """

    name: str
    arguments: tuple[str, ...]
    result: str
    thread: int = 0
    injected: bool = False

    @property
    def succeeded(self) -> bool:
        return self.result not in ("-1", _UNKNOWN)

    def has(self, flag: str) -> bool:
        """Whether a flag is among the arguments."""
        return any(flag in argument.split("|") for argument in self.arguments)

    def octets(self, position: int) -> bytes:
        """A string argument. Raises ValueError where strace has cut it, or it is none."""
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
        return None if match is None or match[3] else os.fsdecode(_unescaped(match[2]))

    def path(self, position: int, folder: int | None = None) -> str:
        """A path argument, beginning at the open directory that argument `folder` is."""
        own = os.fsdecode(self.octets(position))
        return own if folder is None else str(Path(self.opened(folder) or "/", own))

    def paths(self) -> Iterator[str]:
        """Every file that it names or has open; a name that follows an open directory lies in it."""
        folder = ""
        for argument in self.arguments:
            if (match := _DESCRIPTOR.fullmatch(argument)) is not None:
                if folder:
                    yield folder
                folder = _file(match[2])
            elif (match := _STRING.fullmatch(argument)) is not None and match[1]:
                yield str(Path(folder, os.fsdecode(_unescaped(match[1]))))
                folder = ""
        if folder:
            yield folder


def read_calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls of a log in the order of their ends, last those that never ended. Raises ValueError for a line that cannot be read."""
    for line in _joined(lines):
        match = _LINE.fullmatch(line)
        if match is not None:
            arguments, injected = tuple(match[3].split(", ")), match[5].endswith("(INJECTED)")
            yield Call(match[2], arguments, match[4], int(match[1] or 0), injected)
        elif not _ENDED.fullmatch(line):
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
    for line in begun.values():
        yield f"{line}) = {_UNKNOWN}"


def _file(text: str) -> str:
    """What an open file's description names, '' where that is a pipe or a socket."""
    name = os.fsdecode(_unescaped(text))
    return name if name.startswith("/") else ""


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def in_hex(text: str) -> str:
    """A text as strace shows it."""
    return "".join(f"\\x{octet:02x}" for octet in os.fsencode(text))
