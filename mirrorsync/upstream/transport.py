"""The door to a mirror, whatever its scheme: open a file from any byte on, list a folder."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from mirrorsync.upstream.body import Body, Patience, RefusedError, TransferCutError, collected, persistently
from mirrorsync.upstream.ftp import FtpTransport
from mirrorsync.upstream.http import HttpTransport
from mirrorsync.upstream.local import LocalTransport
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.pages import Entry

__all__ = ["Body", "Patience", "RefusedError", "TransferCutError", "Transport", "open_transport", "read_all"]


class Transport(Protocol):
    """One per mirror, safe to use from several threads; use it as a context manager.

    Every method raises UpstreamError: RefusedError where the mirror answers that it does not give this file,
    TransferCutError where trying again can help.
    """

    def open(self, url: str, *, start: int = 0, end: int | None = None, validator: str | None = None) -> AbstractContextManager[Body]:
        """The bytes [start, end) of a file. With a `validator` and start 0, none of them where it still holds;
        with a `validator` and a later start, all from 0 on where it holds no more.
        """

    def entries(self, url: str) -> tuple[Entry, ...]:
        """What lies in a folder, sorted by name."""

    def __enter__(self) -> Self:
        """The transport itself; connections are made when they are needed."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close every connection."""


def open_transport(mirror: Mirror, patience: Patience | None = None) -> Transport:
    """The door that the mirror's scheme asks for."""
    patience = patience or Patience()
    scheme = mirror.url.partition(":")[0].lower()
    if scheme == "file":
        return LocalTransport(mirror)
    if scheme == "ftp":
        return FtpTransport(mirror, patience)
    return HttpTransport(mirror, patience)


def read_all(transport: Transport, url: str, limit: int) -> bytes:
    """A whole small file, asked for again where the answer is cut. Raises UpstreamError, also past `limit` bytes."""

    def read_once() -> bytes:
        with transport.open(url) as body:
            return collected(body, url, limit)

    return persistently(read_once)
