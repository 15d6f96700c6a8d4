"""A Red Hat Linux 7.3 install as the tree meets it: hdlist, hdlist2 paired by position and matcher, then every package in turn."""

import errno
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hdlists import HDLIST, HDLIST2, UnpairedError, records, require_pair

RPMS = "RedHat/RPMS"
STAMP = ".mirrorsync-generation"

Pause = Callable[[], None]


class BrokenTreeError(Exception):
    """The installer would stop here, or install something that does not belong together."""


@dataclass(frozen=True, slots=True)
class Install:
    """How an install went. listed: the file names that hdlist had when it began. fault: what stopped it, "" for nothing."""

    listed: tuple[str, ...]
    fault: str = ""


def install(root: Path, digests: Mapping[str, str], pause: Pause) -> Install:
    """Install from the tree at `root`. `digests` has the SHA-256 of every package ever built, by file name.

    `pause` is called between the steps: after hdlist, and before each package.
    """
    listed: tuple[str, ...] = ()
    try:
        stamp = _stamp(root)
        packages = records((root / HDLIST).read_bytes())
        listed = tuple(package.filename for package in packages)
        pause()
        require_pair(packages, records((root / HDLIST2).read_bytes()))
        for package in packages:
            pause()
            _open_package(root / RPMS / package.filename, digests)
        _same_tree(stamp, _stamp(root))
    except OSError as error:
        return Install(listed, f"{errno.errorcode[error.errno or 0]}: {error.filename}")
    except (BrokenTreeError, UnpairedError) as error:
        return Install(listed, str(error))
    return Install(listed)


def _open_package(path: Path, digests: Mapping[str, str]) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digests.get(path.name):
        raise BrokenTreeError(f"another file: {path.name}: sha256 {found[:12]}…, built with {digests.get(path.name, 'no such name')[:12]}…")


def _stamp(root: Path) -> str:
    try:
        return (root / STAMP).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _same_tree(began: str, ended: str) -> None:
    """A tree that was not published by mirrorsync has no stamp; its adoption gives it the first."""
    number = ended.partition(" ")[0]
    if began != ended and not (began == "" and number == "1"):
        raise BrokenTreeError(f"mixed: began in generation {began or 'none'}, ended in {ended or 'none'}")
