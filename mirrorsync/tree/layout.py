"""Where a tree keeps its packages and indexes: by its layout, and with yum metadata by its repositories."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mirrorsync.model.choices import Layout
from mirrorsync.model.package import Package

RPMS = "RedHat/RPMS"
BASE = "RedHat/base"
HDLIST = f"{BASE}/hdlist"
HDLIST2 = f"{BASE}/hdlist2"
REPODATA = "repodata"
_REPOMD_NAME = "repomd.xml"
REPOMD = f"{REPODATA}/{_REPOMD_NAME}"
TREEINFO = (".treeinfo", "treeinfo")
STAMP = ".mirrorsync-generation"
KERNEL = "images/pxeboot/vmlinuz"
INITRD = "images/pxeboot/initrd.img"


@dataclass(frozen=True, slots=True)
class Shape:
    """A tree's layout, and of `REPODATA` the folders below its root that are repositories: with packages and repodata of their own.

    "" is the root itself. A repository inside another's folder has its packages for itself.
    """

    layout: Layout
    repositories: tuple[str, ...] = ("",)

    @property
    def folders(self) -> tuple[str, ...]:
        """What must lie in the tree itself, not behind a symbolic link."""
        if self.layout is Layout.REDHAT:
            return ("RedHat", RPMS, BASE)
        return tuple(dict.fromkeys(folder for repository in self.repositories for folder in _folders(repository)))

    def repository_of(self, path: str) -> str | None:
        """The repository that the file at `path` (below the tree's root) lies in, None for none."""
        around = [repository for repository in self.repositories if not repository or path.startswith(f"{repository}/")]
        return max(around, key=len, default=None)

    def is_package(self, path: str) -> bool:
        """Whether the installer's index is to list the file at `path`."""
        if not path.endswith(".rpm") or path.endswith((".src.rpm", ".nosrc.rpm")):
            return False
        if self.layout is Layout.REDHAT:
            return path.rpartition("/")[0] == RPMS
        return self.repository_of(path) is not None

    def is_index(self, path: str) -> bool:
        """Whether the file at `path` is made anew with each generation rather than carried along."""
        if self.layout is Layout.REDHAT:
            return path in (HDLIST, HDLIST2)
        return self._in_repodata(path) or path in TREEINFO

    def read_by_nodes(self, path: str) -> bool:
        """Whether an installer opens the file at `path`: what must be a file, and open to all."""
        return self.is_package(path) or (self.is_index(path) and path not in TREEINFO)

    def outlives(self, path: str) -> bool:
        """Whether an index file is still asked for by name, over HTTP and FTP, when another generation is the tree: repomd.xml named it.

        Not repomd.xml itself, nor its signature, which would be another's.
        """
        return self.layout is Layout.REPODATA and self._in_repodata(path) and not path.rpartition("/")[2].startswith(_REPOMD_NAME)

    def new_location(self, package: Package, replaced: Iterable[str], packages: Iterable[str], repository: str) -> str:
        """Where a package that comes into a repository goes.

        In the folder of a package that it replaces (`replaced`, paths) there; else, as the repository's other `packages` lie:
        by first letter (Packages/b/bash-…) where they do, in the fullest folder where not.
        """
        if self.layout is Layout.REDHAT:
            return f"{RPMS}/{package.filename}"
        for path in replaced:
            if self.repository_of(path) == repository:
                return inside(path.rpartition("/")[0], package.filename)
        folders = Counter(path.rpartition("/")[0] for path in packages if self.repository_of(path) == repository)
        if not folders:
            return inside(repository, f"Packages/{package.filename}")
        fullest = max(folders, key=lambda folder: (folders[folder], folder))
        parent, _, letter = fullest.rpartition("/")
        by_letter = len(letter) == 1 and parent and fullest != repository
        return inside(inside(parent, package.name[0].lower()) if by_letter else fullest, package.filename)

    def _in_repodata(self, path: str) -> bool:
        return any(path.startswith(f"{inside(repository, REPODATA)}/") for repository in self.repositories)


def inside(folder: str, name: str) -> str:
    """The path of `name` in a folder that may be the root."""
    return f"{folder}/{name}" if folder else name


def _folders(repository: str) -> tuple[str, ...]:
    """A repository's own, those on the way to it, and those in it."""
    parts = repository.split("/") if repository else []
    return (*("/".join(parts[:count]) for count in range(1, len(parts) + 1)), inside(repository, "Packages"), inside(repository, REPODATA))
