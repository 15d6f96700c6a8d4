"""Readers that open a tree's indexes again and again, and count what no installer may ever meet."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hdlists import HDLIST, HDLIST2

REPOMD = "repodata/repomd.xml"
_ROUND = 200  # readings between two looks at the clock and the marks


@dataclass(frozen=True, slots=True)
class Seen:
    """opens: of index files.  missing: those that were not there (ENOENT).  mixed: contents that no one generation has."""

    opens: int = 0
    missing: int = 0
    mixed: int = 0

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(self.opens + other.opens, self.missing + other.missing, self.mixed + other.mixed)


@dataclass(frozen=True, slots=True)
class Watch:
    """How long a reader goes on: until the file `stop` is there, or `limit` (monotonic seconds) has come.

    It makes the file `satisfied` once it has made `opens`.
    """

    stop: Path
    satisfied: Path
    opens: int
    limit: float

    def goes_on(self, seen: Seen) -> bool:
        if seen.opens >= self.opens:
            self.satisfied.touch()
        return not self.stop.exists() and time.monotonic() < self.limit


def read_by_path(path: Path, known: frozenset[bytes], watch: Watch) -> Seen:
    """Open and read one index by its path; `known` is what it has in each generation."""
    seen = Seen()
    while watch.goes_on(seen):
        seen += sum((_opened(path, known) for _ in range(_ROUND)), Seen())
    return seen


def _opened(path: Path, known: frozenset[bytes]) -> Seen:
    try:
        content = _content(os.open(path, os.O_RDONLY))
    except FileNotFoundError:
        return Seen(1, 1, 0)
    return Seen(1, 0, int(content not in known))


def read_pairs(tree: Path, pairs: Mapping[bytes, bytes], watch: Watch) -> Seen:
    """Hold the tree's directory, as a mount does, and read hdlist and hdlist2 below it; `pairs` are those that belong together."""
    seen = Seen()
    while watch.goes_on(seen):
        seen += sum((_paired(tree, pairs) for _ in range(_ROUND)), Seen())
    return seen


def _paired(tree: Path, pairs: Mapping[bytes, bytes]) -> Seen:
    try:
        directory = os.open(tree, os.O_PATH | os.O_DIRECTORY)
    except FileNotFoundError:
        return Seen(1, 1, 0)
    try:
        first = _content(os.open(HDLIST, os.O_RDONLY, dir_fd=directory))
        second = _content(os.open(HDLIST2, os.O_RDONLY, dir_fd=directory))
    except FileNotFoundError:
        return Seen(2, 1, 0)
    finally:
        os.close(directory)
    return Seen(2, 0, int(pairs.get(first) != second))


def _content(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        return file.read()
