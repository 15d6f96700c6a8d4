"""A compressed image as a stream of at most so many bytes, whichever way it was compressed."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Protocol

import zstandard

from mirrorsync.errors import BootError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP = b"\x1f\x8b"
_BZIP2 = b"BZh"
_XZ = b"\xfd7zXZ\0"
_LZMA = b"\x5d\0\0"
_ZSTD = b"\x28\xb5\x2f\xfd"
_LONGEST_MAGIC = 6
_FAULTS = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, MemoryError)


class _Decompressor(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


@contextmanager
def unpacked(file: io.BufferedReader, *, limit: int) -> Iterator[io.BufferedReader]:
    """What `file` holds from where it stands on, unpacked; `file` itself where that is not compressed.

    Reading raises BootError where the stream is damaged, or longer than `limit` bytes.
    """
    inner = _decompressor(file)
    if inner is None:
        yield file
        return
    stream: io.BufferedReader = io.BufferedReader(_Bounded(inner, limit))
    with closing(inner), stream:
        yield stream


def _decompressor(file: io.BufferedReader) -> _Decompressor | None:
    head = file.peek(_LONGEST_MAGIC)
    if head.startswith(_GZIP):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(_BZIP2):
        return bz2.BZ2File(file)
    if head.startswith((_XZ, _LZMA)):
        return lzma.LZMAFile(file)
    if head.startswith(_ZSTD):
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False)
    return None


class _Bounded(io.RawIOBase):
    """A stream that ends in a BootError, not in endless memory: the decompressors' errors converted, and no more than `limit` bytes."""

    def __init__(self, inner: _Decompressor, limit: int) -> None:
        self._inner = inner
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        try:
            piece = self._inner.read(len(view))
        except _FAULTS as error:
            raise BootError(f"it is damaged: it cannot be unpacked ({str(error) or type(error).__name__})") from error
        self._left -= len(piece)
        if self._left < 0:
            raise BootError("it is damaged, or no installer's image: it unpacks to more than one could hold")
        view[: len(piece)] = piece
        return len(piece)
