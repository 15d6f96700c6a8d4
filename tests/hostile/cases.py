"""What a case is: how a mirror misbehaves, and what must come of an update from it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mirrorsync.errors import ExitCode
from mirrorsync.model.choices import MirrorKind
from tests.hostile.stock import GOOD
from tests.hostile.world import World

LISTING, REPODATA = MirrorKind.LISTING, MirrorKind.REPODATA
SECONDS = 30.0
MEGABYTES = 170.0  # a good update takes 70


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, what it said, and what it cost."""

    code: int
    said: str
    seconds: float
    processor: float  # seconds
    megabytes: float

    @property
    def lines(self) -> list[str]:
        """What it said, line by line, without indentation."""
        return [line.strip() for line in self.said.splitlines()]


@dataclass(frozen=True, slots=True)
class Case:
    """One way to misbehave.

    says: what one line of the output must contain: the file or package, the fault, and what to do.
    arrives: the updates that come in all the same, '' or the good one unless told otherwise; where none do, the tree stays byte for byte.
    settled: whether a good update from the mirror came first.  patience: seconds that the program waits for bytes, None for its own.
    also: what else is to be looked at; says what is wrong.
    """

    row: str
    kind: MirrorKind
    name: str
    misbehave: Callable[[World], None]
    says: tuple[str, ...]
    code: ExitCode = ExitCode.PARTIAL
    arrives: tuple[str, ...] = (GOOD,)
    arguments: tuple[str, ...] = ("update",)
    settled: bool = False
    patience: float | None = None
    seconds: float = SECONDS
    processor: float = SECONDS
    megabytes: float = MEGABYTES
    also: Callable[[World, Ended], Iterable[str]] | None = None

    @property
    def id(self) -> str:
        """What the test is called by."""
        return f"{self.row}-{self.kind}-{self.name}".replace(" ", "-")

    def line(self, ended: Ended) -> str | None:
        """The line a person gets."""
        return next((line for line in ended.lines if all(part in line for part in self.says)), None)


Table = list[Case]
