"""Mirrors that one file after the other do not give: given up before they take hours."""

from collections import Counter
from threading import Lock
from urllib.parse import urlsplit

from mirrorsync.errors import UpstreamError

MOST = 8  # files in a row: with four connections, two each


class Losses:
    """How many transfers in a row were lost, by host. That one is refused, or is another file, is an answer and ends the row.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: Counter[str] = Counter()

    def add(self, url: str) -> None:
        """One more was lost."""
        with self._lock:
            self._rows[_host(url)] += 1

    def end(self, url: str) -> None:
        """The host answered."""
        with self._lock:
            self._rows[_host(url)] = 0

    def require_hope(self, url: str) -> None:
        """Raises UpstreamError for a host that is given up."""
        with self._lock:
            lost = self._rows[_host(url)]
        if lost >= MOST:
            raise UpstreamError(
                f"{_host(url)}: given up, for {MOST} packages in a row did not come; run again later, or use another mirror"
            )


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
