"""What the site is made from, as it is at one time: standings, histories, and what the advisories say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.generation import Generation
from mirrorsync.model.standing import Standing
from mirrorsync.planning.standing import as_of


@dataclass(frozen=True, slots=True)
class Book:
    """Standings sorted by tree; of each tree its generations, newest first; advisories by id. `now` in UTC."""

    standings: tuple[Standing, ...]
    histories: Mapping[str, tuple[Generation, ...]]
    advisories: Mapping[str, Advisory]
    now: datetime

    @property
    def today(self) -> date:
        """The day of `now`."""
        return self.now.date()

    def history(self, tree: str) -> tuple[Generation, ...]:
        """A tree's generations, newest first; () where none is known."""
        return self.histories.get(tree, ())


def book_of(
    standings: Iterable[Standing], histories: Mapping[str, Sequence[Generation]], advisories: Mapping[str, Advisory], now: datetime
) -> Book:
    """The book, with ages and waivers as they are at `now`, not as they were when each tree was last looked at."""
    present = tuple(as_of(standing, now.date()) for standing in sorted(standings, key=lambda standing: standing.tree))
    ordered = {tree: tuple(sorted(history, key=lambda generation: -generation.number)) for tree, history in histories.items()}
    return Book(present, ordered, advisories, now)


def without_runs(book: Book) -> Book:
    """The same without what every run changes, or a check finds."""
    midnight = datetime.combine(book.today, time(), UTC)
    return replace(book, standings=tuple(_without_runs(standing, midnight) for standing in book.standings), now=midnight)


def _without_runs(standing: Standing, at: datetime) -> Standing:
    bare = replace(standing, at=at, findings=(), of_check=(), last_update=None, last_check=None)
    return replace(bare, succeeded=None, checked=None, next_run=None)
