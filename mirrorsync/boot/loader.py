"""The boot program under the TFTP root, which is the administrator's: whether what it loads of its own is there."""

from collections.abc import Iterator
from pathlib import Path

from mirrorsync.files import read_plain
from mirrorsync.model.finding import Finding, Severity

_CORE = "ldlinux.c32"
_MOST_BYTES = 1 << 20
_COPY = "copy it from the same build of SYSLINUX (modules/bios), with mode 0644"


def loader_faults(loader: Path) -> Iterator[Finding]:
    """PXELINUX since SYSLINUX 5 loads ldlinux.c32 from its own folder before anything else; without it a node is silent."""
    if loader.is_file() and _CORE.encode() in read_plain(loader, _MOST_BYTES) and not (loader.parent / _CORE).is_file():
        what = f"is not there, and {loader.name} loads it first: nodes stop before they ask for a kernel"
        yield Finding(Severity.ERROR, "boot-loader-missing", str(loader.parent / _CORE), what, _COPY)
