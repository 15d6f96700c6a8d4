"""Which boot images a mirror's .treeinfo offers anew, and why they are not taken: nothing of it is signed."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from mirrorsync.model.generation import Generation
from mirrorsync.model.package import Digest
from mirrorsync.model.plan import NewImage, NewImages
from mirrorsync.model.treeinfo import TreeInfo

_WRONG_CLOCK = 86400  # seconds
_FOLDERS = ("images/", "isolinux/", "EFI/", "LiveOS/")
"""Where distributions have them. No sum of .treeinfo lets anything else into a tree, neither packages nor keys."""


def followed(offered: TreeInfo, held: Mapping[str, str]) -> tuple[str, ...]:
    """Of the images that .treeinfo has sums of, those that nodes boot, and those that the tree has (`held`, by path) beside them.

    So a boot.iso of a gigabyte is taken only where somebody put one.
    """
    named = {*offered.booted, *offered.stages}
    return tuple(path for path in offered.sums if _is_image(path) and (path in named or path in held))


def new_images(origin: str, offered: TreeInfo, found: Mapping[str, Digest | None]) -> NewImages | None:
    """What is to be fetched; None where the tree's images are those already. found: of each that is followed, the tree's digest of
    that algorithm, None where it has no such file.
    """
    files = tuple(NewImage(path, offered.sums[path]) for path, digest in found.items() if digest != offered.sums[path])
    stamps = tuple((section, key, value) for (section, key), value in offered.stamps.items())
    return NewImages(origin, offered.build, files, stamps) if files else None


def is_older(offered: TreeInfo, own: TreeInfo | None) -> bool:
    """Whether the mirror has an older build than the tree: it lags behind, or plays an old one again."""
    if own is None or own.timestamp is None or offered.timestamp is None:
        return False
    return offered.timestamp < own.timestamp


def refusal(offered: TreeInfo, own: TreeInfo | None, now: datetime) -> str | None:
    """Why the images of `offered` cannot be taken into a tree whose .treeinfo is `own`; None where they can."""
    return next(_refusals(offered, own, now), None)


def _is_image(path: str) -> bool:
    """Whether it lies in a folder of images, whatever way the path goes."""
    return path.startswith(_FOLDERS) and path.isprintable() and not {"", ".", ".."} & set(path.split("/"))


def _refusals(offered: TreeInfo, own: TreeInfo | None, now: datetime) -> Iterator[str]:
    named = {*offered.booted, *offered.stages}
    for path in sorted(named):
        if not _is_image(path):
            yield f"names {path!r:.200}, which lies where no images do"
        elif path not in offered.sums:
            yield f"has no checksum of {path!r:.200}"
    if not offered.booted:
        yield "names no kernel and no initrd"
    if own is None:
        yield "cannot be taken, for the tree has none of its own: copy all images and .treeinfo of one build into it once"
    elif not named <= {*own.booted, *own.stages}:
        yield f"names {min(named - {*own.booted, *own.stages})!r:.200}, and the tree's own does not: their images lie elsewhere"
    if offered.timestamp is None:
        yield "does not say when it was built"
    elif offered.timestamp > now.timestamp() + _WRONG_CLOCK:
        yield f"is of {offered.build}, which is still to come: every later build would look older"


def images_of(records: Mapping[int, Generation], number: int) -> str:
    """The identity of the boot images that came in last before or with generation `number`, by way of its rollbacks; '' for the first."""
    while number in records:
        record = records[number]
        if record.back_to is not None and record.back_to < number:
            number = record.back_to
        elif record.images:
            return record.images
        else:
            number -= 1
    return ""
