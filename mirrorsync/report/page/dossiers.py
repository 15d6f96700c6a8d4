"""What is known of each advisory: what it says, and what it is to each tree."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.generation import Generation
from mirrorsync.model.pending import PendingErratum
from mirrorsync.model.standing import AppliedErratum, Standing
from mirrorsync.planning.history import lineage
from mirrorsync.planning.urgency import urgency_of
from mirrorsync.report.page.book import Book


@dataclass(frozen=True, slots=True)
class Involvement:
    """What an advisory is to one tree. came: the generations it came with, newest first.

    present: whether the tree has it now: False where a rollback took it out.
    """

    tree: str
    pending: PendingErratum | None = None
    applied: AppliedErratum | None = None
    came: tuple[Generation, ...] = ()
    present: bool = False


@dataclass(frozen=True, slots=True)
class Dossier:
    """An advisory by its id. advisory: None where what it says was not kept."""

    id: str
    advisory: Advisory | None
    involvements: tuple[Involvement, ...]

    @property
    def title(self) -> str:
        """Its title, '' where none is known."""
        return self.advisory.title if self.advisory else self._applied.title if self._applied else ""

    @property
    def type(self) -> str:
        """Its type in one word, '' where it is not known."""
        return self.advisory.type.value if self.advisory else self._applied.type if self._applied else ""

    @property
    def urgency(self) -> str:
        """How urgent it is, or was when it came; '' where nobody knows."""
        told = [involvement.pending.urgency.word for involvement in self.involvements if involvement.pending]
        told += [self._applied.urgency] if self._applied else []
        told += [urgency_of(self.advisory).word] if self.advisory else []
        return next(iter(told), "")

    @property
    def issued(self) -> date | None:
        """When it was issued."""
        return self.advisory.issued if self.advisory else self._applied.issued if self._applied else None

    @property
    def cves(self) -> tuple[str, ...]:
        """The CVEs it names."""
        return self.advisory.cves if self.advisory else self._applied.cves if self._applied else ()

    @property
    def _applied(self) -> AppliedErratum | None:
        return next((involvement.applied for involvement in self.involvements if involvement.applied), None)


def dossiers_of(book: Book) -> tuple[Dossier, ...]:
    """One for every advisory that any tree lacks or ever took, the newest first, and then by id."""
    by_id: dict[str, list[Involvement]] = defaultdict(list)
    for standing in book.standings:
        for name, involvement in _involvements(standing, book.history(standing.tree)).items():
            by_id[name].append(involvement)
    dossiers = [Dossier(name, _advisory(name, same, book.advisories), tuple(same)) for name, same in sorted(by_id.items())]
    return tuple(sorted(dossiers, key=lambda dossier: dossier.issued or date.min, reverse=True))


def _advisory(name: str, involvements: Sequence[Involvement], known: Mapping[str, Advisory]) -> Advisory | None:
    """As a tree that lacks it was told, for that is newest; else as it was kept."""
    pending = (involvement.pending for involvement in involvements if involvement.pending)
    return next((erratum.advisory for erratum in pending), None) or known.get(name)


def _involvements(standing: Standing, history: Sequence[Generation]) -> Mapping[str, Involvement]:
    pending = {erratum.advisory.id: erratum for erratum in standing.pending}
    applied = {erratum.id: erratum for erratum in reversed(standing.applied)}  # of two with one id the newest, which is first
    came: dict[str, list[Generation]] = defaultdict(list)
    for generation in history:
        for name in generation.advisories:
            came[name].append(generation)
    line = lineage({generation.number: generation for generation in history}, standing.generation or 0)
    return {
        name: Involvement(
            standing.tree,
            pending.get(name),
            applied.get(name),
            tuple(came.get(name, ())),
            name in applied if name not in came else any(generation.number in line for generation in came[name]),
        )
        for name in sorted({*pending, *applied, *came})
    }
