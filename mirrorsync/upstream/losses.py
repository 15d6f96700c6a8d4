"""Mirrors that one file after the other do not give: given up before they take hours."""

import time
from dataclasses import dataclass
from threading import Lock
from urllib.parse import urlsplit

from mirrorsync.errors import UpstreamError

MOST = 8  # files in a row: with four connections, two each
LONGEST_SILENCE = 300.0  # seconds; eight that break off at once are no reason not to ask for a ninth


@dataclass(frozen=True, slots=True)
class _Row:
    count: int
    since: float  # the monotonic clock's
    last: str = ""


class Losses:
    """Packages lost in a row, by host: at `most` of them, in at least `silence` seconds, a host is given up. Five minutes by default.

    That one is refused, or is another file, is an answer and ends the row. Safe to use from several threads.
    """

    def __init__(self, most: int = MOST, silence: float | None = None) -> None:
        self._most = most
        self._silence = silence
        self._lock = Lock()
        self._rows: dict[str, _Row] = {}

    def begin(self, url: str) -> None:
        """One more is asked for. Raises UpstreamError where the host is given up."""
        with self._lock:
            row = self._rows.setdefault(_host(url), _Row(0, time.monotonic()))
        silence = LONGEST_SILENCE if self._silence is None else self._silence
        if row.count >= self._most and time.monotonic() - row.since >= silence:
            what = f"given up, for {row.count} packages in a row did not come; run again later, or use another mirror"
            raise UpstreamError(f"{_host(url)}: {what}; the last: {row.last}")

    def add(self, url: str, error: UpstreamError) -> None:
        """It was lost, for the error's reason."""
        with self._lock:
            row = self._rows[_host(url)]
            self._rows[_host(url)] = _Row(row.count + 1, row.since, str(error))

    def end(self, url: str) -> None:
        """The host answered."""
        with self._lock:
            self._rows[_host(url)] = _Row(0, time.monotonic())


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
