"""How a tree can be put in its place where it lies: by exchanging two directories, by a new symbolic link, or not at all."""

from enum import Enum
from pathlib import Path

from mirrorsync.errors import PublishError, TreeError
from mirrorsync.files import make_directory, remove_empty
from mirrorsync.filesystem import Ability, abilities, mount_points, unsupported
from mirrorsync.model.choices import Layout
from mirrorsync.tree.layout import REPOMD
from mirrorsync.tree.site import Tree

_SERVING = "use ext4, xfs or btrfs"


class Way(Enum):
    """What one system call puts a generation in the tree's place."""

    EXCHANGE = "the tree's directory and the new one change places (renameat2, RENAME_EXCHANGE)"
    LINK = "a new symbolic link is renamed over the tree's path"


def way_of(tree: Tree) -> Way:
    """A path that is a symbolic link is replaced by another one; a directory is exchanged."""
    return Way.LINK if tree.path.is_symlink() else Way.EXCHANGE


def check_path(tree: Tree) -> None:
    """Raises TreeError where what lies at the tree's path cannot be replaced, or could not be taken along."""
    remedy = f"set [trees.{tree.name}] path to the directory that nodes mount"
    if not tree.path.is_dir():
        what = "a symbolic link to nowhere" if tree.path.is_symlink() else "not a directory" if tree.path.exists() else "no such directory"
        raise TreeError(f"{tree.name}: {tree.path}: {what}; {remedy}")
    _check_mounts(tree)
    if tree.path.stat().st_dev != tree.path.parent.stat().st_dev:
        what = "a link to another file system" if tree.path.is_symlink() else "a subvolume or file system of its own"
        remedy = f"let it be a directory of the file system of {tree.path.parent}"
        raise TreeError(f"{tree.name}: {tree.path}: {what}, and no hard links can be made to there; {remedy}")
    if tree.layout is Layout.REPODATA:
        _check_repositories(tree)
    for folder in tree.shape.folders:
        if (tree.path / folder).is_symlink():
            remedy = "put the packages and indexes themselves there"
            raise TreeError(f"{tree.name}: {tree.path / folder}: a symbolic link, which a new generation cannot take along; {remedy}")


def _check_repositories(tree: Tree) -> None:
    """A tree of several repositories would get one over all of them at its root, which no .treeinfo names."""
    missing = [name for name in tree.repositories if not (tree.path / name).is_dir()]
    if missing:
        remedy = "copy it there from the distribution, or correct repositories"
        raise TreeError(f"{tree.name}: {tree.path / missing[0]}: no such folder, and it is to be one of the tree's repositories; {remedy}")
    if tree.stamp() is not None or tree.repositories != ("",) or (tree.path / REPOMD).is_file():
        return
    if below := sorted(path.parent.parent.name for path in tree.path.glob(f"*/{REPOMD}")):
        names = ", ".join(f'"{name}"' for name in below)
        what = f"has no repodata of its own, and {', '.join(below)} below it have"
        raise TreeError(f"{tree.name}: {tree.path}: {what}; set repositories = [{names}] in [trees.{tree.name}]")


def _check_mounts(tree: Tree) -> None:
    for point in mount_points(tree.path):
        if point.name == tree.path.name and point.parent == tree.path.parent.resolve():
            remedy = "configure a folder below it as the tree"
            raise TreeError(f"{tree.name}: {tree.path}: a mount point, which cannot be replaced; {remedy}")
        remedy = "copy its files into the tree, or mount it elsewhere"
        raise TreeError(f"{tree.name}: {point}: mounted inside the tree, and a new generation cannot take it along; {remedy}")


def make_home(tree: Tree) -> None:
    """Make the folder beside the tree. Raises PublishError, with nothing made, where directories and files have no modes of their own."""
    missing = [folder for folder in (tree.home, tree.home.parent) if not folder.exists()]
    try:
        make_directory(tree.home)
    except OSError as error:
        made = [folder for folder in missing if folder.is_dir()]
        if not made or not unsupported(error):
            raise
        for folder in made:
            remove_empty(folder)
        what = f"keeps no modes, without which nodes may not read what is made there ({error.strerror})"
        raise PublishError(f"{tree.name}: the file system of {tree.path.parent} {what}; {_SERVING}; nothing was done") from error


def require_way(tree: Tree) -> None:
    """Try, beside the tree, what a publication needs of the file system. Raises PublishError with what to do where it cannot."""
    if tree.home.stat().st_dev != tree.path.stat().st_dev:
        what = f"{tree.home} is on another file system than the tree, and no hard links can be made to there"
        raise PublishError(f"{tree.name}: {what}; put it beside the tree; nothing was done")
    able = abilities(tree.trial)
    where = f"{tree.name}: the file system of {tree.path.parent}"
    if Ability.LINKS not in able:
        raise PublishError(f"{where} has no hard links, of which generations are made; {_SERVING}; nothing was done")
    if way_of(tree) is Way.EXCHANGE and Ability.EXCHANGE not in able:
        remedy = f"make the tree's path a link: `{_conversion(tree.path)}`"
        raise PublishError(f"{where} cannot exchange two directories (RENAME_EXCHANGE); {remedy}; nothing was done")


def _conversion(path: Path) -> str:
    return f"mv {path} {path}.first && ln -s {path.name}.first {path}"
