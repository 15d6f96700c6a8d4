"""The daemon's log: with priorities for the journal, with the time for everybody else."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from enum import IntEnum
from pathlib import Path

from mirrorsync.files import opened_log
from mirrorsync.report.text import visible

_STDERR = 2


class Priority(IntEnum):
    """syslog(3)'s."""

    ERROR = 3
    WARNING = 4
    INFO = 6


class Log:
    """Lines on standard error, or in a file; a file that was rotated away is opened anew.

    What cannot be written is lost: the work does not end because nobody reads on.
    """

    def __init__(self, file: Path | None, environ: Mapping[str, str], least: Priority) -> None:
        """Raises OSError where the file cannot be written. least: what is less grave is not said."""
        self._file = file
        self._least = least
        self._descriptor = opened_log(file) if file else _STDERR
        self._journal = not file and environ.get("JOURNAL_STREAM") == _identity(_STDERR)

    def say(self, text: str, priority: Priority = Priority.INFO) -> None:
        """One line; what comes from elsewhere can do a terminal no harm."""
        if priority > self._least:
            return
        head = f"<{int(priority)}>" if self._journal else f"{time.strftime('%Y-%m-%d %H:%M:%S')} "
        with suppress(OSError):
            self._follow()
            os.write(self._descriptor, f"{head}{visible(text)}\n".encode(errors="backslashreplace"))

    def close(self) -> None:
        """Close the file."""
        if self._file:
            os.close(self._descriptor)

    def _follow(self) -> None:
        """Go on in the file that has the name now."""
        if self._file and (not self._file.exists() or not os.path.samestat(self._file.stat(), os.fstat(self._descriptor))):
            descriptor = opened_log(self._file)
            os.close(self._descriptor)
            self._descriptor = descriptor


def _identity(descriptor: int) -> str:
    """As JOURNAL_STREAM has it."""
    status = os.fstat(descriptor)
    return f"{status.st_dev}:{status.st_ino}"
