"""The staged boot files as nodes are given them by TFTP: there, and the same bytes as in the boot directory."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from mirrorsync.errors import ProbeError
from mirrorsync.files import sha256_of
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.probes.tftp import BLOCK, LARGEST_PLAIN, Granted, TftpPlace, fetch, look

_ROOT = "look at the TFTP server: is it running, is its root (-s) the one below which the boot directory lies, is boot.tftp right?"
_OTHER = "let the TFTP server serve the boot directory, or correct boot.tftp; then `mirrorsync check --deep`"


def served_findings(folder: TftpPlace, directory: Path, names: Sequence[str], *, deep: bool) -> Iterator[Finding]:
    """What a node would meet that asks for these files of the boot directory. `deep`: every byte of them is fetched.

    Files that are not in the directory are passed over: what is staged is looked at elsewhere.
    """
    for name in names:
        if (directory / name).is_file():
            yield from _faults(folder / name, directory / name, deep=deep)


def _faults(place: TftpPlace, path: Path, *, deep: bool) -> Iterator[Finding]:
    try:
        granted, differs = _fetched(place, path) if deep else _looked(place, path)
    except ProbeError as error:
        yield Finding(Severity.ERROR, "boot-not-served", str(place), f"nodes cannot load it: {error}", _ROOT)
        return
    if differs:
        yield Finding(Severity.ERROR, "boot-served-differs", str(place), f"{differs}: nodes load something else than was staged", _OTHER)
    if granted.block <= BLOCK and path.stat().st_size >= LARGEST_PLAIN:
        what = f"the server grants no blocks of more than {granted.block} bytes: with them no more than {LARGEST_PLAIN} can be numbered"
        yield Finding(Severity.WARNING, "boot-served-blocks", str(place), what, "use a server that knows the option blksize (RFC 2348)")


def _looked(place: TftpPlace, path: Path) -> tuple[Granted, str]:
    """What the server grants, and how its size differs where it tells it."""
    granted, size = look(place), path.stat().st_size
    return granted, f"has {granted.size} bytes there, and {size} in {path.parent}" if granted.size not in (None, size) else ""


def _fetched(place: TftpPlace, path: Path) -> tuple[Granted, str]:
    """The same of all its bytes."""
    digest = hashlib.sha256()
    granted = fetch(place, digest.update)
    found, own = digest.hexdigest(), sha256_of(path)
    return granted, f"its sha256 is {found[:16]}… there, and {own[:16]}… in {path.parent}" if found != own else ""
