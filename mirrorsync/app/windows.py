"""What nodes are given below a tree's URLs, asked for through the doors that mirrors are asked through."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mirrorsync.errors import ProbeError, UpstreamError
from mirrorsync.probes.urls import MissingError
from mirrorsync.upstream.mirror import Mirror, place
from mirrorsync.upstream.transport import Body, Patience, RefusedError, Transport, open_transport

_PATIENCE = Patience(connect=5.0, read=15.0, slowest=64 << 10, retries=0)  # a server of the cluster's own, for which 64 KiB/s is no speed


@dataclass(frozen=True, slots=True)
class UrlWindow:
    """What one URL gives, by a transport that is open."""

    url: str
    transport: Transport

    @contextmanager
    def open(self, path: str, *, start: int = 0, end: int | None = None) -> Iterator[Body]:
        """As probes.urls.Window says."""
        where = place(self.url, path)
        try:
            with self.transport.open(where, start=start, end=end) as body:
                yield body
        except RefusedError as error:
            raise MissingError(_what(error, where)) from error
        except UpstreamError as error:
            raise ProbeError(_what(error, where)) from error


@contextmanager
def window_at(url: str) -> Iterator[UrlWindow]:
    """The window below a URL; its connections are closed when the block ends."""
    mirror = Mirror.at(url)
    with open_transport(mirror, _PATIENCE) as transport:
        yield UrlWindow(mirror.url, transport)


def _what(error: UpstreamError, where: str) -> str:
    """What went wrong, without what to do about a mirror, which this is not."""
    return str(error).removeprefix(f"{where}: ").partition("; ")[0]
