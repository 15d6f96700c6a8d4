"""Where a command's words go: lines harmless to a terminal, documents, and streams that no reader's leaving can break."""

import io
import json
import os
import select
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from mirrorsync.report.text import visible


class EnduringFile(io.FileIO):
    """A descriptor that takes everything: what a closed pipe or a full disk refuses is dropped, and `refusal` says why."""

    refusal: OSError | None = None

    def write(self, content: Any, /) -> int:
        """Write it, or drop it; either way all that is returned as written is done with."""
        try:
            while (written := super().write(content)) is None:  # a descriptor that does not block, whose reader is slow
                select.select((), (self,), ())
        except OSError as error:
            self.refusal = error
            return memoryview(content).nbytes
        return written


def enduring_streams() -> tuple[EnduringFile, ...]:
    """Put streams in the places of standard output and error that take everything in any encoding, and return what they write to.

    The work on a tree must not end because nobody reads on. A stream that was closed becomes /dev/null, on its own descriptor, which
    a file that is written would otherwise get.
    """
    files = []
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        file = EnduringFile(stream.fileno() if stream else os.open(os.devnull, os.O_WRONLY), "wb", closefd=False)
        encoding = stream.encoding if stream else "utf-8"
        setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(file), encoding, errors="backslashreplace", line_buffering=name == "stderr"))
        files.append(file)
    return tuple(files)


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Lines on standard output, or on standard error; what was read of mirrors and packages can do a terminal no harm."""
    stream = sys.stderr if err else sys.stdout
    stream.writelines(f"{visible(line)}\n" for line in lines)
    stream.flush()


def print_document(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output, in ASCII: the same in every encoding, and whatever bytes a file's name has."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    sys.stdout.flush()
