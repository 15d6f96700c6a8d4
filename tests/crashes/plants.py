"""Faults planted into the product, one for each thing that is looked at: an enumeration that does not find them shows nothing."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirrorsync import files
from mirrorsync.boot import undi
from mirrorsync.boot.bootset import BootSet
from mirrorsync.errors import PublishError
from mirrorsync.model.choices import Layout
from mirrorsync.tree import publication
from mirrorsync.tree.site import Tree
from tests.crashes.calls import Call
from tests.crashes.program import Plant, substitute
from tests.crashes.scenarios import TREE
from tests.hdlists import HDLIST, HDLIST2

_INDEXES = (HDLIST, HDLIST2)
_write_file = files.write_file
_exchange = files.exchange
_finish = publication._finish


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault of the product, in the later update.

    near: only points that have one of these in `CALL PATH PATH ` are tried.  symptom: what is found, as a regular expression.
    fails: calls fail instead of killing.
    """

    name: str
    put: Plant
    near: Sequence[str]
    symptom: str
    layouts: Sequence[Layout] = tuple(Layout)
    fails: bool = False

    def selects(self, point: Call) -> bool:
        """Whether a point is to be tried."""
        text = f"{point.name} {' '.join(point.paths)} "
        return any(part in text for part in self.near)

    def shows(self, fault: str) -> bool:
        """Whether this is what the fault does."""
        return re.match(self.symptom, fault) is not None


def _replacing(original: Callable[..., object], wrong: Callable[..., object]) -> Plant:
    return lambda: substitute(original, wrong)


def _indexes_first(left: Path, right: Path) -> None:
    """The new indexes are put into the published tree, each by a rename; the packages come after them."""
    paths = [right / name for name in _INDEXES if (right / name).exists()] or sorted((right / "repodata").iterdir())
    for path in paths:
        new = left / "new"
        os.link(path, new)
        new.replace(left / path.relative_to(right))
        new.unlink(missing_ok=True)  # where both were one file already, nothing was renamed
    _exchange(left, right)


def _two_renames(left: Path, right: Path) -> None:
    """For an instant the tree's path is nothing."""
    aside = left.with_name(f"{left.name}.aside")
    left.rename(aside)
    right.rename(left)
    aside.rename(right)


def _other_pair(left: Path, right: Path) -> None:
    """What is published has the former tree's hdlist2."""
    (right / _INDEXES[1]).unlink()
    shutil.copy(left / _INDEXES[1], right / _INDEXES[1])
    _exchange(left, right)


def _through_link(path: Path, content: bytes | Iterable[bytes], *, mode: int = files.FILE_MODE) -> None:
    """An index of the next generation is written into the published one's file."""
    home, building, name = str(path).partition("/building/")
    published = Path(home).parent.parent / Path(home).name / name
    if not building or path.name not in ("hdlist", "repomd.xml"):
        _write_file(path, content, mode=mode)
        return
    path.unlink(missing_ok=True)
    os.link(published, path)
    with path.open("wb") as file:
        file.writelines([content] if isinstance(content, bytes) else content)


def _apart(boot_set: BootSet, directory: Path) -> None:
    """The kernel long before the initrd."""
    _write_file(directory / undi.KERNEL_NAME, boot_set.kernel.read_bytes())
    _write_file(directory / undi.INITRD_NAME, boot_set.initrd.read_bytes())


def _forget(*_: object) -> None:
    """What a stopped run left is left."""


def _unanswered(path: Path, content: bytes | Iterable[bytes], *, mode: int = files.FILE_MODE) -> None:
    """What the disk refuses comes up as an error nobody expects."""
    try:
        _write_file(path, content, mode=mode)
    except OSError as error:
        raise KeyError(path) from error


def _hiding(tree: Tree, number: int, former: int | None) -> None:
    """What the disk refuses after the publication is told as if there had been none."""
    try:
        _finish(tree, number, former)
    except OSError as error:
        raise PublishError(f"{tree.path}: {error.strerror}; the tree is whole") from error


_THE_EXCHANGE = ("renameat2 ",)
_THE_PATH = (f"/{TREE} ",)
_NO_PACKAGE = r"the tree: .*/[a-z]+-3-1\.noarch\.rpm: No such file"
_NO_PAIR = "the tree: hdlist and hdlist2: "
_AFTER = ("/retired/", "/published")
_BUILDING = ("/building/RedHat/base/", "/building/repodata/")

PLANTED = (
    Planted("indexes before packages", _replacing(files.exchange, _indexes_first), _THE_EXCHANGE, _NO_PACKAGE),
    Planted("two renames for the exchange", _replacing(files.exchange, _two_renames), _THE_PATH, "the tree: "),
    Planted("hdlist and hdlist2 of two trees", _replacing(files.exchange, _other_pair), ("/retired",), _NO_PAIR, (Layout.REDHAT,)),
    Planted("written through a link", _replacing(files.write_file, _through_link), _BUILDING, "the tree: "),
    Planted("kernel long before initrd", _replacing(undi._stage, _apart), ("/tftpboot",), "the boot directory: .*no boot set"),
    Planted("recovery that forgets", _replacing(publication.recover, _forget), ("/generations/3",), "after the next run: "),
    Planted("an error nobody expects", _replacing(files.write_file, _unanswered), ("/journal/",), "it said: KeyError", fails=True),
    Planted("a hidden publication", _replacing(publication._finish, _hiding), _AFTER, "it ended as if generation", fails=True),
)
