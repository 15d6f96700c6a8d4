"""Boot images that a mirror has of another build than the tree: noticed, planned, and brought into the pool."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from mirrorsync.app.run import Run
from mirrorsync.app.site import Site, Source
from mirrorsync.boot.bootset import read_treeinfo
from mirrorsync.boot.treeinfo import parse_treeinfo
from mirrorsync.errors import BootError, UpstreamError
from mirrorsync.model.choices import Images
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import FailedFetch
from mirrorsync.model.package import Digest
from mirrorsync.model.plan import NewImages
from mirrorsync.model.treeinfo import TreeInfo
from mirrorsync.planning.images import followed, is_older, new_images, refusal
from mirrorsync.tree.pool import Pool
from mirrorsync.tree.reading import Holding
from mirrorsync.upstream.images import Image, announced, fetch_image, read_offer


@dataclass(frozen=True, slots=True)
class Offer:
    """What is done about a mirror's boot images, if they are of another build, and what is to be said of them."""

    images: NewImages | None = None
    findings: tuple[Finding, ...] = ()


def revision(source: Source) -> str:
    """The mirror's own, and with it the digest of its .treeinfo where that is looked at. Raises UpstreamError."""
    own = source.upstream.revision()
    if source.images is Images.IGNORE:
        return own
    with suppress(UpstreamError):  # packages are to be had all the same; what is wrong is told where it is read
        return f"{own} treeinfo:{hashlib.sha256(read_offer(source.transport, source.upstream.bases()) or b'').hexdigest()}"
    return f"{own} treeinfo:"


def offered_images(site: Site, sources: Sequence[Source], holding: Holding, former: Generation | None, run: Run) -> Offer:
    """The boot images of the one source that is asked for them."""
    for source in (source for source in sources if source.images is not Images.IGNORE):
        return _offered(site, source, holding, former, run)
    return Offer()


def _offered(site: Site, source: Source, holding: Holding, former: Generation | None, run: Run) -> Offer:
    try:
        text = read_offer(source.transport, source.upstream.bases())
        if text is None:
            raise BootError("it has no .treeinfo")
        offered = parse_treeinfo(text.decode())
    except (UpstreamError, BootError, UnicodeDecodeError) as error:
        what = f"its boot images cannot be looked at: {error}"
        return _told("images-unknown", source, what, 'correct the mirror\'s URL, or set images = "ignore"')
    images = new_images(source.upstream.mirror.name, offered, _found(site, offered, holding))
    if images is None:
        return Offer()
    barred = former is not None and images.identity in former.barred and not run.reapply
    return _judged(source, images, offered, read_treeinfo(site.tree.path), run, barred=barred)


def _judged(source: Source, images: NewImages, offered: TreeInfo, own: TreeInfo | None, run: Run, *, barred: bool) -> Offer:
    """What becomes of images that the tree has not. own: the tree's .treeinfo."""
    if own and is_older(offered, own):
        what = f"has boot images of {offered.build}, which is older than the tree's ({own.build})"
        return _told("images-older", source, what, "the tree keeps its images; use a mirror that is up to date", Severity.NOTE)
    if reason := refusal(offered, own, run.now):
        remedy = "the tree keeps its images; copy others by hand if they are meant"
        return _told("images-refused", source, f"its .treeinfo {reason}", remedy)
    if barred:
        what = f"boot images of {images.build} were taken out by a rollback"
        return _told("images-barred", source, what, "`mirrorsync update --reapply` lets them in again", Severity.NOTE)
    if source.images is Images.NOTICE:
        what = f"has boot images of {images.build}, which the tree has not"
        return _told("images-newer", source, what, 'set images = "follow" for this mirror, or copy them by hand', Severity.NOTE)
    return Offer(images)


def _told(code: str, source: Source, what: str, remedy: str, severity: Severity = Severity.WARNING) -> Offer:
    return Offer(findings=(Finding(severity, code, source.upstream.mirror.name, what, remedy),))


def _found(site: Site, offered: TreeInfo, holding: Holding) -> dict[str, Digest | None]:
    """Of each image that is followed, what the tree has."""
    held = {record.path: record.sha256 for record in holding.files}
    return {path: _digest(site, path, held.get(path), offered.sums[path].algorithm) for path in followed(offered, held)}


def _digest(site: Site, path: str, sha256: str | None, algorithm: str) -> Digest | None:
    """By the kind of checksum that the mirror gives; None where there is no such file."""
    file = site.tree.path / path
    if sha256 is None or file.is_symlink():
        return None
    if algorithm == "sha256":
        return Digest(algorithm, sha256)
    with file.open("rb") as opened:
        return Digest(algorithm, hashlib.file_digest(opened, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest())


def obtain_images(sources: Sequence[Source], images: NewImages, pool: Pool, run: Run) -> tuple[Image, ...] | FailedFetch:
    """All of them in the pool, or why none is taken. Raises OSError where the disk does not take them."""
    source = next(source for source in sources if source.upstream.mirror.name == images.origin)
    try:
        bases = source.upstream.bases()
        wanted = [announced(source.transport, bases, image) for image in images.files]
        with run.progress(wanted) as shown:
            return tuple(fetch_image(source.transport, bases, image, pool, shown) for image in wanted)
    except UpstreamError as error:
        return FailedFetch(f"boot images of {images.build}", f"boot images of {images.build}: {error}")
