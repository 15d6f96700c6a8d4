"""What a mirror answers: a file's bytes from a known start, paced, and whole or an error."""

import errno
import io
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from mirrorsync.errors import UpstreamError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 1 << 16
LONGEST_HEAD = 60.0  # seconds from the first to the last line of a reply
LONGEST_COLLECTION = 900.0  # seconds that a listing, repomd.xml or metadata may take that nothing announces the size of
_MOST_HEAD_BYTES = 256 << 10
_ATTEMPTS = 3

T = TypeVar("T")


class TransferCutError(UpstreamError):
    """The answer ended, broke or stood still before it was whole: what came so far can be resumed from."""


class RefusedError(UpstreamError):
    """The mirror answered, and the answer is that it does not have this file or does not give it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: seconds for a connection and for the next bytes, the slowest bytes per second over that time,
    and how often to ask again, later and later, a mirror that is busy or does not answer.
    """

    connect: float = 10.0
    read: float = 60.0
    slowest: int = 1024
    retries: int = 3


@dataclass(frozen=True, slots=True)
class Body:
    """A file, or the part of it that was asked for.

    chunks: the bytes from `start` on; raises TransferCutError where they end early.  start: what is really served: 0 where a range
    was ignored or the file is another than the validator's.  total: bytes of the whole file, None where the mirror does not say.
    validator: opaque, to hand back; None where the mirror gives none.  unchanged: the validator handed in still holds, no bytes follow.
    url: what answered, after redirects.
    """

    chunks: Iterator[bytes]
    start: int = 0
    total: int | None = None
    validator: str | None = None
    unchanged: bool = False
    url: str = ""


class HeadReader(io.RawIOBase):
    """What comes through a socket. Every single piece is waited for only so long, and within `head`, all of them together too.

    So they are until the first `head` has ended.
    """

    def __init__(self, source: io.RawIOBase) -> None:
        self._source = source
        self._until: float | None = time.monotonic() + LONGEST_HEAD
        self._size = 0

    @contextmanager
    def head(self) -> Iterator[None]:
        """A reply begins here, and has ended when the block does. Reading raises OSError where it takes too long, or is too long."""
        self._until = time.monotonic() + LONGEST_HEAD
        self._size = 0
        try:
            yield
        finally:
            self._until = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        """As the socket's own."""
        if self._until is not None:
            if time.monotonic() > self._until:
                raise TimeoutError(errno.ETIMEDOUT, "its reply did not come to an end in time")
            if self._size > _MOST_HEAD_BYTES:
                raise OSError(errno.EMSGSIZE, "a reply without end")
        size: int | None = self._source.readinto(buffer)
        self._size += size or 0
        return size

    def close(self) -> None:
        """Let go of the socket."""
        self._source.close()
        super().close()


class Pace:
    """What keeps a mirror's transfers, all together, to so many bytes per second."""

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._lock = Lock()
        self._free_at = 0.0

    @property
    def block(self) -> int:
        """Bytes to read at a time: never more than a second's worth."""
        return BLOCK if self._rate is None else max(1, min(BLOCK, self._rate))

    def spend(self, size: int) -> None:
        """Wait until `size` more bytes may be taken."""
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + size / self._rate
            pause = self._free_at - now
        time.sleep(pause)


class _Flow:
    """Notices a sender that keeps a connection alive and sends next to nothing; only the waiting for it counts."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._waited = 0.0
        self._received = 0

    def stalls(self, waited: float, received: int) -> bool:
        self._waited += waited
        self._received += received
        if self._waited < self._patience.read:
            return False
        slow = self._received < self._patience.slowest * self._waited
        self._waited, self._received = 0.0, 0
        return slow


def stream(
    read: Callable[[int], bytes], *, url: str, start: int, end: int | None, total: int | None, pace: Pace, patience: Patience
) -> Iterator[bytes]:
    """The bytes [start, end) of a file of `total` bytes as `read(size)` gives them; b'' is its end.

    Raises TransferCutError where the file is known to be longer, or where next to nothing comes.
    """
    last = min((limit for limit in (end, total) if limit is not None), default=None)
    flow = _Flow(patience)
    place = start
    while last is None or place < last:
        size = pace.block if last is None else min(pace.block, last - place)
        asked = time.monotonic()
        block = read(size)
        if not block:
            break
        if flow.stalls(time.monotonic() - asked, len(block)):
            raise TransferCutError(
                f"{url}: fewer than {patience.slowest} bytes a second came; given up at byte {place}: try later or another mirror"
            )
        place += len(block)
        pace.spend(len(block))
        yield block
    if total is not None and last is not None and place < last:
        raise TransferCutError(f"{url}: the answer ended after {place} of {total} bytes; try later or another mirror")


def collected(body: Body, url: str, limit: int) -> bytes:
    """All the bytes of a body, in memory. Raises UpstreamError past `limit` bytes, and past a quarter of an hour."""
    blocks = []
    size = 0
    for block in in_time(body.chunks, url):
        size += len(block)
        if size > limit:
            raise UpstreamError(f"{url}: more than {limit} bytes, which no such file should have; none was used: correct the mirror's URL")
        blocks.append(block)
    return b"".join(blocks)


def in_time(chunks: Iterable[bytes], url: str) -> Iterator[bytes]:
    """The same of a file that nothing announces the size of. Raises UpstreamError past a quarter of an hour."""
    until = time.monotonic() + LONGEST_COLLECTION
    for chunk in chunks:
        if time.monotonic() > until:
            raise UpstreamError(f"{url}: not whole after {LONGEST_COLLECTION:.0f} seconds; given up: try later or another mirror")
        yield chunk


def persistently(action: Callable[[], T]) -> T:
    """What `action` returns, tried again when its transfer is cut: three times in all."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return action()
        except TransferCutError:
            continue
    return action()


def plain(text: str, limit: int = 200) -> str:
    """A server's own words, fit for a terminal and a log: one line, printable, short."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(line.split())[:limit]
