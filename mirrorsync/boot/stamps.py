"""The build stamp inside an initrd or a stage image: equal in both, or the node reboots."""

from contextlib import closing
from pathlib import Path

from mirrorsync.boot.members import members
from mirrorsync.errors import BootError

STAMP = b".buildstamp"
LARGEST_STAMP = 4096  # bytes
_COMPARED = 12  # characters: what the loaders of RHL 7 to RHEL 5 compare, year to minute


def read_build(path: Path) -> str | None:
    """Which build an image is of, by the first /.buildstamp in it; None where it says nothing. Raises BootError where it is damaged."""
    with closing(members(path, {STAMP: LARGEST_STAMP})) as found:
        return build_of(next((content for name, content in found if name == STAMP), b""))


def build_of(stamp: bytes) -> str | None:
    """The first 12 characters of a .buildstamp, or the UUID in one of EL 7 and later. Raises BootError where it is not text."""
    lines = stamp.decode(errors="replace").splitlines() or [""]
    if not lines[0].isprintable():
        raise BootError("it is damaged: its .buildstamp is not text")
    if not lines[0].startswith("["):
        return lines[0].strip()[:_COMPARED] or None
    values = dict(line.partition("=")[::2] for line in lines)
    return values.get("UUID", "").strip() or None
