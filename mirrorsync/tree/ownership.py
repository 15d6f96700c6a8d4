"""Whether the user who runs mirrorsync may link a tree's files and replace the tree: the kernel lets nobody link what others own.

fs.protected_hardlinks, which distributions set to 1: a file of another owner can be linked by those only who may write to it, and a
symbolic link by none. To move a directory to another takes the right to write to it.
"""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from mirrorsync.errors import PublishError
from mirrorsync.tree.site import Tree


def require_owned(tree: Tree) -> None:
    """Raises PublishError, with the command that gives the tree away, where another generation of it could not be made."""
    if problem := foreign_text(tree):
        raise PublishError(f"{problem}; nothing was done")


def foreign_text(tree: Tree) -> str | None:
    """What of the tree, of the folder beside it or of that above belongs to others, and the cure; None where all is this user's."""
    parent = tree.path.parent
    if not _writable(parent):
        what = f"{_user()} may not write there, and in it the tree is replaced"
        return f"{tree.name}: {parent}: {what}; `chown {_user()} {parent}`, as root, once"
    foreign = [*_foreign(tree.path.resolve()), *_foreign_folders(tree)]
    if not foreign:
        return None
    first, more = foreign[0], len(foreign) - 1
    which, them = (f"{first} and {more} more: belong", "them") if more else (f"{first}: belongs", "it")
    places = " ".join(str(path) for path in dict.fromkeys((tree.path.resolve(), tree.home)) if path.exists())
    what = f"{which} to another user, and the kernel does not let {_user()} link or replace {them}"
    return f"{tree.name}: {what}; `chown -R {_user()}: {places}`, as root, once"


def _foreign(root: Path) -> Iterator[Path]:
    """What of a tree this user can neither link nor move nor remove."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        if not _writable(Path(folder)):
            yield Path(folder)
        links = [name for name in folders if Path(folder, name).is_symlink()]
        yield from (path for name in sorted([*files, *links]) if not _linkable(path := Path(folder, name)))


def _foreign_folders(tree: Tree) -> Iterator[Path]:
    """The folders beside the tree in which something is made."""
    if tree.home.is_dir():
        inner = [path for path in (tree.home, tree.pool) for path in path.glob("*/")]
        yield from (folder for folder in (tree.home, *sorted(inner)) if not _writable(folder))


def _writable(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True)


def _linkable(path: Path) -> bool:
    """As the kernel's may_linkat decides it of a file without special bits."""
    if path.lstat().st_uid == os.geteuid():
        return True
    return not path.is_symlink() and os.access(path, os.R_OK | os.W_OK, effective_ids=True)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a user id without a name
        return str(os.geteuid())
