"""A tree as an installer and a booting node find it: whole, or what is wrong with it."""

import configparser
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import createrepo_c

from mirrorsync.model.choices import Layout
from tests.hdlists import HDLIST, HDLIST2, UnpairedError, paired

Listing = frozenset[str]
"""The packages that a tree's indexes name, by file name."""

Boot = tuple[str, str]
"""SHA-256 of a kernel and of the initrd that belongs to it."""

FOLDERS = {Layout.REDHAT: "RedHat/RPMS", Layout.REPODATA: "Packages"}
KERNEL, INITRD = "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"


class BrokenError(Exception):
    """What an installer or a node stumbles over."""


@dataclass(frozen=True, slots=True)
class Known:
    """What may be in a tree, taken down when it was built.

    packages: SHA-256 by file name.  others: SHA-256 by path of what every generation has.  boots: the boot sets that were ever in it.
    """

    layout: Layout
    packages: Mapping[str, str]
    others: Mapping[str, str]
    boots: frozenset[Boot]


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def install(root: Path, known: Known) -> Listing:
    """Read the indexes at `root` and then everything an install needs; what they list. Raises BrokenError."""
    try:
        indexed = _read_hdlists(root) if known.layout is Layout.REDHAT else _read_repodata(root)
        for name, size in sorted(indexed.items()):
            _check_package(root / FOLDERS[known.layout] / name, size, known)
        for name, digest in sorted(known.others.items()):
            if sha256(root / name) != digest:
                raise BrokenError(f"{name} has other content than it ever had")
        if boot_at(root / KERNEL, root / INITRD) not in known.boots:
            raise BrokenError("kernel and initrd in the tree are not of one build")
        if (root / ".treeinfo").exists():
            _check_treeinfo(root)
    except OSError as error:
        raise BrokenError(f"{error.filename or root}: {error.strerror or error}") from error
    return frozenset(indexed)


def _check_treeinfo(root: Path) -> None:
    parser = configparser.ConfigParser(interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[method-assign, assignment]  # paths keep their case
    parser.read_string((root / ".treeinfo").read_text())
    for path, value in parser["checksums"].items():
        if value != f"sha256:{sha256(root / path)}":
            raise BrokenError(f".treeinfo has another checksum of {path} than it has")


def boot_at(kernel: Path, initrd: Path) -> Boot:
    """The boot set in these two files."""
    return sha256(kernel), sha256(initrd)


def _check_package(path: Path, size: int, known: Known) -> None:
    if path.name not in known.packages:
        raise BrokenError(f"the indexes list {path.name}, which nobody built")
    if path.stat().st_size != size:
        raise BrokenError(f"{path.name} is {path.stat().st_size} bytes, and {size} by the indexes")
    if sha256(path) != known.packages[path.name]:
        raise BrokenError(f"{path.name} is not the file that was built")


def _read_hdlists(root: Path) -> dict[str, int]:
    try:
        pair = paired((root / HDLIST).read_bytes(), (root / HDLIST2).read_bytes())
    except UnpairedError as error:
        raise BrokenError(f"hdlist and hdlist2: {error}") from error
    return {package.filename: package.size or 0 for package in pair}


def _read_repodata(root: Path) -> dict[str, int]:
    """primary's packages by file name; filelists and other must be of the same packages."""
    try:
        records = {record.type: record for record in createrepo_c.Repomd(str(root / "repodata/repomd.xml")).records}
        files = {kind: root / records[kind].location_href for kind in ("primary", "filelists", "other")}
        for record in records.values():
            _check_metadata(root / record.location_href, record.checksum)
        packages = list(_packages(str(files["primary"]), createrepo_c.xml_parse_primary, do_files=False))
        for kind, parse in (("filelists", createrepo_c.xml_parse_filelists), ("other", createrepo_c.xml_parse_other)):
            if [package.pkgId for package in _packages(str(files[kind]), parse)] != [package.pkgId for package in packages]:
                raise BrokenError(f"{kind} and primary are of different packages")
    except (KeyError, createrepo_c.CreaterepoCError) as error:
        raise BrokenError(f"repodata: {error}") from error
    return {Path(package.location_href).name: package.size_package for package in packages}


def _check_metadata(path: Path, digest: str) -> None:
    if sha256(path) != digest:
        raise BrokenError(f"{path.name} is not the file that repomd.xml names")


def _packages(path: str, parse: "createrepo_c.xml_parse_primary", **options: bool) -> Iterator["createrepo_c.Package"]:
    found: list[createrepo_c.Package] = []
    parse(path, pkgcb=found.append, **options)
    return iter(found)
