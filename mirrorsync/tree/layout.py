"""Where each layout keeps its packages and indexes (../docs/ARCHITECTURE.md, "Layouts")."""

from collections import Counter
from collections.abc import Iterable

from mirrorsync.model.choices import Layout
from mirrorsync.model.package import Package

RPMS = "RedHat/RPMS"
BASE = "RedHat/base"
HDLIST = f"{BASE}/hdlist"
HDLIST2 = f"{BASE}/hdlist2"
REPODATA = "repodata"
REPOMD = f"{REPODATA}/repomd.xml"
TREEINFO = (".treeinfo", "treeinfo")
STAMP = ".mirrorsync-generation"
KERNEL = "images/pxeboot/vmlinuz"
INITRD = "images/pxeboot/initrd.img"
FOLDERS = {Layout.REDHAT: ("RedHat", RPMS, BASE), Layout.REPODATA: ("Packages", REPODATA)}
"""What must lie in the tree itself, not behind a symbolic link."""


def is_package(layout: Layout, path: str) -> bool:
    """Whether the installer's index is to list the file at `path` (below the tree's root)."""
    if not path.endswith(".rpm") or path.endswith((".src.rpm", ".nosrc.rpm")):
        return False
    return layout is Layout.REPODATA or path.rpartition("/")[0] == RPMS


def is_index(layout: Layout, path: str) -> bool:
    """Whether the file at `path` is made anew with each generation rather than carried along."""
    if layout is Layout.REDHAT:
        return path in (HDLIST, HDLIST2)
    return path.startswith(f"{REPODATA}/") or path in TREEINFO


def read_by_nodes(layout: Layout, path: str) -> bool:
    """Whether an installer opens the file at `path`: what must be a file, and open to all."""
    return is_package(layout, path) or (is_index(layout, path) and path not in TREEINFO)


def outlives(layout: Layout, path: str) -> bool:
    """Whether an index file is still asked for by name, over HTTP and FTP, when its generation is no longer the tree: repomd.xml named it.

    Not repomd.xml itself, nor its signature, which would be another's.
    """
    return layout is Layout.REPODATA and path.startswith(f"{REPODATA}/") and not path.startswith(REPOMD)


def new_location(layout: Layout, package: Package, replaced: Iterable[str], packages: Iterable[str]) -> str:
    """Where a package that comes into the tree goes.

    In the folder of a package it replaces (`replaced`, paths); else, as the tree's other `packages` lie:
    by first letter (Packages/b/bash-…) where they do, in the fullest folder where not.
    """
    if layout is Layout.REDHAT:
        return f"{RPMS}/{package.filename}"
    for path in replaced:
        return _inside(path.rpartition("/")[0], package.filename)
    folders = Counter(path.rpartition("/")[0] for path in packages)
    if not folders:
        return f"Packages/{package.filename}"
    fullest = max(folders, key=lambda folder: (folders[folder], folder))
    parent, _, letter = fullest.rpartition("/")
    return _inside(_inside(parent, package.name[0].lower()) if len(letter) == 1 and parent else fullest, package.filename)


def _inside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
