"""Inputs out of the corpus, where it is: the small ones."""

import gzip
from collections.abc import Sequence

from mirrorsync.errors import HeaderError
from mirrorsync.rpmfile.header import read_rpm
from tests.corpus import CORPUS
from tests.fuzz.target import Seeds

_LARGEST = 1 << 15
_MOST = 40


def samples(*patterns: str, largest: int = _LARGEST) -> Seeds:
    """The smallest files of the corpus that the globs name, those that gzip packed unpacked."""

    def read() -> Sequence[bytes]:
        paths = sorted(
            (path for pattern in patterns for path in CORPUS.glob(pattern) if path.is_file()), key=lambda path: path.stat().st_size
        )
        contents = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in paths[:_MOST])
        return [content for content in contents if len(content) <= largest]

    return read


def package_heads() -> Sequence[bytes]:
    """The first bytes of packages, as far as their headers go."""
    found: list[bytes] = []
    for path in sorted(CORPUS.glob("r*/**/*.rpm"), key=lambda path: path.stat().st_size):
        try:
            end = read_rpm(path).end
        except HeaderError:
            continue
        if end <= _LARGEST and len(found) < _MOST:
            found.append(path.read_bytes()[:end])
    return found


def package_headers() -> Sequence[bytes]:
    """The main headers of packages."""
    return [head[head.find(b"\x8e\xad\xe8", 97) :] for head in package_heads()]
