"""One tree with its mirror, and what is published to it: new packages by update, and former generations by rollback."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mirrorsync.model.choices import Layout
from tests.commands import Result, configured
from tests.inflight.ledger import Ledger
from tests.inflight.stock import Stock, with_replaced
from tests.warm import Program, warm_program

ROLLBACK_EVERY = 3
UPDATES = 'kind = "listing"\nsignatures = "digest-only"'
FOLDERS = {Layout.REDHAT: "RedHat/RPMS", Layout.REPODATA: "Packages"}
_PUBLISHED = (0, 3, 4)  # done; something held back; something found around it


class UnpublishedError(Exception):
    """The program did not publish what it was told to."""


@dataclass(slots=True)
class Strand:
    """A tree named `name` at `served`/u1/NAME.  afterwards: called with the tree's path after each publication."""

    layout: Layout
    name: str
    served: Path
    mirror: Path
    stock: Stock
    program: Program
    config: Path
    ledger: Ledger = field(default_factory=Ledger)
    afterwards: Callable[[Path], None] = lambda _: None
    rollbacks: int = 0
    _used: int = 0

    @property
    def path(self) -> str:
        """The tree's path below what is served."""
        return f"u1/{self.name}"

    def generation_path(self, number: int) -> str:
        """The path of a generation that never shows another one, below what is served."""
        return f"u1/.mirrorsync/{self.name}/generations/{number}"

    def publish(self, step: int) -> None:
        """One publication: each third takes the tree back two generations. Raises UnpublishedError."""
        if step % ROLLBACK_EVERY == ROLLBACK_EVERY - 1 and self.ledger.count >= ROLLBACK_EVERY:
            self._roll_back()
        else:
            self._update()
        self.afterwards(self.served / self.path)

    def _update(self) -> None:
        new = self.stock.later[self._used]
        self._used += 1
        shutil.copy(new, self.mirror)
        expected = with_replaced(self.ledger.expected[self.ledger.newest], [new.name])
        self.ledger.add(self._published(self._call("update")), expected)

    def _roll_back(self) -> None:
        back_to = self.ledger.newest - 2
        number = self._published(self._call("rollback", str(back_to)))
        self.rollbacks += 1
        self.ledger.add(number, self.ledger.expected[back_to])

    def begin(self) -> None:
        """Adopt the tree as it was copied and publish its first update."""
        self.ledger.add(0, frozenset(path.name for path in self.stock.first))
        self._update()
        del self.ledger.expected[0]

    def _call(self, command: str, *arguments: str) -> Result:
        return self.program("--config", str(self.config), command, "--json", self.name, *arguments)

    def _published(self, result: Result) -> int:
        if result.code not in _PUBLISHED:
            raise UnpublishedError(f"{self.name}: ended with {result.code}: {result.err.strip()} {result.out.strip()[:500]}")
        number = result.tree["generation"]
        if number is None:
            raise UnpublishedError(f"{self.name}: nothing was published: {result.out.strip()[:500]}")
        return int(number)


@contextmanager
def strand(layout: Layout, folder: Path, stock: Stock, *, grace: str = "7d") -> Iterator[Strand]:
    """A tree of that layout at `folder`/served/u1, copied from discs, its mirror folder, and the program."""
    name = "redhat" if layout is Layout.REDHAT else "rocky"
    served, mirror = folder / "served", folder / "mirrors" / name
    packages = served / "u1" / name / FOLDERS[layout]
    packages.mkdir(parents=True)
    mirror.mkdir(parents=True)
    for path in stock.first:
        shutil.copy(path, packages)
    updates = f'url = "{mirror.as_uri()}/"\n{UPDATES}'
    program = configured(folder / name, served / "u1" / name, updates, layout=layout.value, more=f'grace = "{grace}"')
    with warm_program() as process:
        made = Strand(layout, name, served, mirror, stock, process, program.config)
        made.begin()
        yield made
