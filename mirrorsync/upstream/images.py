"""Boot images beside a repository, and the .treeinfo that announces them: taken only from where nobody on the way can change them.

A .treeinfo has checksums and no signature (https://release-engineering.github.io/productmd/treeinfo-1.1.html): who can change it
can change what nodes boot. So it is asked for by https, or from this machine's own disk.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial as applied
from pathlib import Path
from urllib.parse import urlsplit

from mirrorsync.errors import UpstreamError
from mirrorsync.files import sha256_of
from mirrorsync.model.package import Digest
from mirrorsync.model.plan import NewImage
from mirrorsync.upstream.body import RefusedError, persistently
from mirrorsync.upstream.download import Partial, Progress
from mirrorsync.upstream.fetch import Pool
from mirrorsync.upstream.mirror import place
from mirrorsync.upstream.transport import Transport, read_all

TREEINFO = (".treeinfo", "treeinfo")
_MOST_TREEINFO_BYTES = 1 << 20
MOST_IMAGE_BYTES = 8 << 30
_SAFE = ("https", "file")
_MOST_PLACES = 8


@dataclass(frozen=True, slots=True)
class Announced:
    """An image to fetch: where it lies below each mirror's URL, its digest, and its bytes; 0 where nobody says."""

    location: str
    digest: Digest
    size: int

    @property
    def filename(self) -> str:
        """The last part of its location."""
        return self.location.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Image:
    """A verified file of the pool."""

    path: str
    sha256: str
    size: int
    source: str


def read_offer(transport: Transport, bases: Sequence[str]) -> bytes | None:
    """The .treeinfo of the first place that has one; None where none of those asked has.

    Raises UpstreamError where none can be asked safely, or one is cut off or too long.
    """
    safe = _safe(bases)
    if not safe:
        raise UpstreamError(f"{bases[0] if bases else 'no place'}: boot images are not signed, and are taken by https or from a disk only")
    for base in safe:
        for name in TREEINFO:
            try:
                return persistently(applied(read_all, transport, place(base, name), _MOST_TREEINFO_BYTES))
            except RefusedError:
                continue
    return None


def announced(transport: Transport, bases: Sequence[str], image: NewImage) -> Announced:
    """An image with its size, which only a server says. Raises UpstreamError where the first mirror does not have it."""
    url = place(_safe(bases)[0], image.path)
    with transport.open(url) as body:
        return Announced(image.path, image.digest, body.total or 0)


def fetch_image(transport: Transport, bases: Sequence[str], image: Announced, pool: Pool, progress: Progress) -> Image:
    """Bring an image into the pool, from the first mirror that has it with its digest. Raises UpstreamError, OSError.

    What has arrived of it stays, and is gone on from by the next run.
    """
    failure = UpstreamError(f"{image.location}: no mirror that can be asked safely")
    for base in _safe(bases):
        try:
            return persistently(applied(_fetched, transport, place(base, image.location), image, pool, progress))
        except UpstreamError as error:
            failure = error
        finally:
            progress.finished(image)
    raise failure


def _safe(bases: Sequence[str]) -> list[str]:
    return [base for base in bases if urlsplit(base).scheme in _SAFE][:_MOST_PLACES]


def _fetched(transport: Transport, url: str, image: Announced, pool: Pool, progress: Progress) -> Image:
    path, digest = image.location, image.digest
    key = hashlib.sha256(f"{path}\n{digest}".encode(errors="surrogateescape")).hexdigest()
    known = pool.arrived(key)
    if known and _matches(pool.path_of(known), digest):
        return Image(path, known, pool.path_of(known).stat().st_size, pool.source(key) or url)
    partial = Partial(pool.incoming(key))
    _download(transport, url, image, partial, progress)
    if not _matches(partial.path, digest):
        partial.discard()
        raise UpstreamError(f"{url}: is not the file that .treeinfo has the {digest.algorithm} of; none of its images was used: run again")
    sha256, size = sha256_of(partial.path), partial.size
    source = partial.source or url
    pool.keep(partial.path, sha256, source)
    partial.forget_origin()
    return Image(path, sha256, size, source)


def _download(transport: Transport, url: str, image: Announced, partial: Partial, progress: Progress) -> None:
    """Bring `partial` to its end, going on from what is there of the same file. Raises UpstreamError past eight gigabytes."""
    too_long = f"{url}: more than {MOST_IMAGE_BYTES} bytes, which no boot image has; none was used"
    validator = partial.validator(url)
    start = partial.size if validator else 0
    with transport.open(url, start=start, validator=validator if start else None) as body:
        if (body.total or 0) > MOST_IMAGE_BYTES:
            raise UpstreamError(too_long)
        size = body.start
        progress.started(image, size)
        with partial.writing(body.start, url, body.validator) as file:
            for chunk in body.chunks:
                size += len(chunk)
                if size > MOST_IMAGE_BYTES:
                    break
                file.write(chunk)
                progress.received(image, len(chunk))
    if size > MOST_IMAGE_BYTES:
        partial.discard()
        raise UpstreamError(too_long)


def _matches(path: Path, digest: Digest) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(digest.algorithm, usedforsecurity=False)).hexdigest() == digest.value
