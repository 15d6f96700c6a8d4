"""Compressed metadata unpacked block by block, to a limit: a small file must not fill the memory or the disk."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

import zstandard

from mirrorsync.errors import UpstreamError

_BLOCK = 1 << 14  # the XML of a larger one outlives the young generations of the garbage collector, which takes twice the time
_MEMORY_LIMIT = 128 << 20  # bytes a decoder's dictionary may take; xz -9 asks for 65 MiB, zstd --long for 128
_FAULTS = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


def unpacked(file: BinaryIO, *, source: str, limit: int) -> Iterator[bytes]:
    """The bytes of `file` (at its start), unpacked as its first bytes ask: gzip, xz, bzip2, zstd or as they are.

    Raises UpstreamError, which names `source`, for damaged data, zchunk, and more than `limit` bytes.
    """
    total = 0
    try:
        for block in _decoder(file, source)(file):
            total += len(block)
            if total > limit:
                raise UpstreamError(f"{source}: unpacks to more than the {limit} bytes it may have; refused")
            yield block
    except _FAULTS as error:
        raise UpstreamError(f"{source}: cannot be unpacked: {error}") from error


def _decoder(file: BinaryIO, source: str) -> Callable[[BinaryIO], Iterator[bytes]]:
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\0ZCK1"):
        raise UpstreamError(f"{source}: is zchunk, which is not read; the mirror should also offer it as gz, xz or zstd")
    known = {b"\x1f\x8b": _gzip, b"\xfd7zXZ\0": _xz, b"BZh": _bzip2, b"\x28\xb5\x2f\xfd": _zstd}
    return next((decode for start, decode in known.items() if magic.startswith(start)), _plain)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_BLOCK), b"")


_plain = _blocks


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
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT)
        while not decoder.eof:
            if decoder.needs_input and not rest:
                raise EOFError("it ends too early")
            yield decoder.decompress(rest, _BLOCK)
            rest = file.read(_BLOCK) if decoder.needs_input and not decoder.eof else b""
        rest = (decoder.unused_data or file.read(_BLOCK)).lstrip(b"\0")
