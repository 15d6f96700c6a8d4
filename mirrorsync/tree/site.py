"""A tree and the folder beside it: where everything of one tree lies on this machine."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from mirrorsync.model.choices import Compression, Layout
from mirrorsync.tree.layout import STAMP, Shape

_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Tree:
    """An install tree as the configuration describes it.

    path: what nodes mount: a directory, or a symbolic link to one.  arches: of the machines that install from it.
    state: this tree's folder under the state directory (caches).
    grace: how long a superseded file stays.  keep: how many former generations stay.
    genhdlist: the command that writes hdlist instead of ours, with the tree's path as last argument; () for ours.
    compression: of repodata.  kickstarts: files whose package names must stay listed.
    repositories: the folders below the tree that have repodata of their own; "" for the tree itself.
    """

    name: str
    path: Path
    layout: Layout
    state: Path
    arches: tuple[str, ...]
    grace: timedelta = timedelta(days=7)
    keep: int = 3
    genhdlist: Sequence[str] = ()
    compression: Compression = Compression.GZ
    kickstarts: tuple[Path, ...] = ()
    repositories: tuple[str, ...] = ("",)

    @property
    def shape(self) -> Shape:
        """Where in it packages and indexes lie."""
        return Shape(self.layout, self.repositories)

    @property
    def home(self) -> Path:
        """The folder beside the tree, on its file system, that holds everything the tree is made from."""
        return self.path.parent / ".mirrorsync" / self.path.name

    @property
    def pool(self) -> Path:
        """Verified files by their SHA-256."""
        return self.home / "pool"

    @property
    def generations(self) -> Path:
        """Every kept generation, the current one too, under its number: a name that never shows another."""
        return self.home / "generations"

    @property
    def retired(self) -> Path:
        """The directories that were the tree: mounts made while they were go on in them."""
        return self.home / "retired"

    @property
    def journal(self) -> Path:
        """One record a generation."""
        return self.home / "journal"

    @property
    def building(self) -> Path:
        """The next generation while it is built; for an instant after the exchange, the former tree."""
        return self.home / "building"

    @property
    def discarded(self) -> Path:
        """Former generations on their way out."""
        return self.home / "discarded"

    @property
    def trial(self) -> Path:
        """Where it is tried what the file system can do."""
        return self.home / "trial"

    @property
    def genhdlist_stage(self) -> Path:
        """What a configured genhdlist is run on."""
        return self.home / "genhdlist"

    @property
    def next_link(self) -> Path:
        """The link that is about to be renamed over the tree's path, where that is one."""
        return self.home / "link"

    @property
    def marker(self) -> Path:
        """Which generation was published last, said once it is: a stamp that says less was changed by hand."""
        return self.home / "published"

    @property
    def forerunners(self) -> Path:
        """Which directories the tree's link led to before generations, and which one it led to next."""
        return self.home / "forerunners"

    @property
    def lock(self) -> Path:
        """Who the tree's one writer is; what is locked is the folder that this lies in."""
        return self.home / "lock"

    @property
    def cache(self) -> Path:
        """What was read of the tree's files."""
        return self.state / "tree.sqlite"

    @property
    def places(self) -> tuple[Path, ...]:
        """Everything that may lie in the folder beside the tree."""
        folders = (self.pool, self.generations, self.retired, self.journal, self.building, self.discarded, self.genhdlist_stage)
        return (*folders, self.lock, self.marker, self.forerunners, self.trial, self.next_link)

    def stamp(self, root: Path | None = None) -> int | None:
        """The number of the generation that lies at `root` (by default, at the tree's path), None for a tree never published here."""
        return self.stamped(root)[0]

    def seal(self, root: Path | None = None) -> str:
        """The SHA-256 of the journal's record of what lies at `root`, as its stamp has it; '' where it has none."""
        return self.stamped(root)[1]

    def stamped(self, root: Path | None = None) -> tuple[int | None, str]:
        """Both, of one and the same state of the path."""
        line = _line(root or self.path, STAMP)
        return _number(line), line.partition(" ")[2]

    def last(self) -> int:
        """The newest generation that was ever published, whatever the tree shows now; 0 for none. What is newer never was.

        A stamp counts where the journal has its record: a run can have been stopped before it said so at `marker`.
        """
        number = self.stamp() or 0
        recorded = number if (self.journal / f"{number}.json").exists() else 0
        return max(_number(_line(self.home, self.marker.name)) or 0, recorded)

    def shown(self) -> int | None:
        """The generation that lies at the tree's path, None where it is not the one that was published last."""
        number = self.stamp()
        return number if number == self.last() else None

    def kept_generations(self) -> tuple[int, ...]:
        """The generations that can be gone back to, and the current one, oldest first."""
        if not self.generations.is_dir():
            return ()
        last = self.last()
        return tuple(number for number in numbered(path.name for path in self.generations.iterdir()) if number <= last)


def numbered(names: Iterable[str]) -> tuple[int, ...]:
    """The names that are a generation's number, as numbers, sorted."""
    return tuple(sorted(number for name in names if (number := _number(name)) is not None))


def _number(text: str) -> int | None:
    word = text.partition(" ")[0]
    return int(word) if _NUMBER.fullmatch(word) else None


def _line(folder: Path, name: str) -> str:
    """What a file of one line says; '' where there is none."""
    path = folder / name
    return path.read_text(encoding="ascii", errors="replace").strip() if path.is_file() else ""
