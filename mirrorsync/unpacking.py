"""Compressed files unpacked block by block, to a limit: a small file must not fill the memory or the disk."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import zstandard

from mirrorsync.errors import UnpackingError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 1 << 14  # the XML of a larger one outlives the young generations of the garbage collector, which takes twice the time
_MEMORY_LIMIT = 128 << 20  # bytes a decoder's dictionary may take; xz -9 asks for 65 MiB, zstd --long for 128
_FAULTS = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError, MemoryError)


def unpacked(file: BinaryIO, *, limit: int) -> Iterator[bytes]:
    """The bytes of `file` from where it stands on, unpacked as the first of them ask: gzip, xz, lzma, bzip2, zstd or as they are.

    Raises UnpackingError for damaged data, zchunk, and more than `limit` bytes.
    """
    total = 0
    try:
        for block in _decoder(file)(file):
            total += len(block)
            if total > limit:
                raise UnpackingError(f"unpacks to more than the {limit} bytes it may have")
            yield block
    except _FAULTS as error:
        raise UnpackingError(f"cannot be unpacked: {str(error) or type(error).__name__}") from error


def unpacked_stream(file: BinaryIO, *, limit: int) -> io.BufferedReader:
    """The same as a file to read from; reading raises UnpackingError."""
    return io.BufferedReader(_Stream(unpacked(file, limit=limit)))


class _Stream(io.RawIOBase):
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        while not self._rest and (block := next(self._blocks, None)) is not None:
            self._rest = block
        piece, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(piece)] = piece
        return len(piece)


def _decoder(file: BinaryIO) -> Callable[[BinaryIO], Iterator[bytes]]:
    start = file.tell()
    magic = file.read(6)
    file.seek(start)
    if magic.startswith(b"\0ZCK1"):
        raise UnpackingError("is zchunk, which is not read; it should also be offered as gz, xz or zstd")
    return next((decode for known, decode in _DECODERS.items() if magic.startswith(known)), _blocks)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_BLOCK), b"")


def _gzip(file: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as stream:
        yield from iter(lambda: stream.read(_BLOCK), b"")


def _bzip2(file: BinaryIO) -> Iterator[bytes]:
    with bz2.BZ2File(file) as stream:
        yield from iter(lambda: stream.read(_BLOCK), b"")


def _zstd(file: BinaryIO) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=_MEMORY_LIMIT)
    with decoder.stream_reader(file, read_across_frames=True, closefd=False) as stream:
        yield from iter(lambda: stream.read(_BLOCK), b"")


def _xz(file: BinaryIO) -> Iterator[bytes]:
    """Every stream in the file; LZMAFile has no limit on the dictionary, so not by it."""
    rest = file.read(_BLOCK)
    while rest:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_MEMORY_LIMIT)
        while not decoder.eof:
            if decoder.needs_input and not rest:
                raise EOFError("it ends too early")
            yield decoder.decompress(rest, _BLOCK)
            rest = file.read(_BLOCK) if decoder.needs_input and not decoder.eof else b""
        rest = (decoder.unused_data or file.read(_BLOCK)).lstrip(b"\0")


_DECODERS: dict[bytes, Callable[[BinaryIO], Iterator[bytes]]] = {
    b"\x1f\x8b": _gzip,
    b"\xfd7zXZ\0": _xz,
    b"\x5d\0\0": _xz,  # lzma of before xz
    b"BZh": _bzip2,
    b"\x28\xb5\x2f\xfd": _zstd,
}
