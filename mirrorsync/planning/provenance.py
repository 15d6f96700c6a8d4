"""How a package came into a tree, and which generations listed it, by the journal's records."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from mirrorsync.model.audit import Coming, Provenance
from mirrorsync.model.generation import ADOPTION, Generation, Received, Returned


@dataclass(frozen=True)
class Ledger:
    """The records of what was published, oldest first, looked up by package; lost ones may be missing."""

    records: tuple[Generation, ...]

    @property
    def nevras(self) -> frozenset[str]:
        """Every package that the records name."""
        return frozenset(self._added) | frozenset(self._removed)

    def provenance(self, nevra: str, *, listed: bool, sha256: str | None = None) -> Provenance:
        """How `nevra` came in, which the tree lists now (`listed`), or once did.

        sha256: of the recorded file. Where it is of another file than update mirrors gave, somebody put it there.
        """
        numbers = self.listed_in(nevra, listed=listed)
        received = self._received.get(nevra, ())
        for generation, entry in received:
            if sha256 in (None, entry.file.sha256):
                return Provenance(Coming.FETCHED, generation, entry, numbers)
        if received:
            return Provenance(Coming.BY_HAND, None, None, numbers)
        by_hand = [record for record in self.records if record.back_to is None and record.number in self._added.get(nevra, ())]
        if by_hand:
            return Provenance(Coming.BY_HAND, by_hand[-1], None, numbers)
        found = next((record for record in reversed(self.records) if record.run == ADOPTION and record.number in numbers), None)
        return Provenance(Coming.ADOPTED if found else Coming.UNKNOWN, found, None, numbers)

    def listed_in(self, nevra: str, *, listed: bool) -> tuple[int, ...]:
        """The generations whose indexes had it, oldest first: back from what is listed now.

        What was there before an adoption that is not the first need not be what was found: the last mention before tells.
        """
        added, removed = self._added.get(nevra, frozenset()), self._removed.get(nevra, frozenset())
        numbers = []
        for record in reversed(self.records):
            if listed:
                numbers.append(record.number)
            if record.number in added | removed:
                listed = record.number in removed
            elif record.run == ADOPTION:
                listed = max((number for number in added | removed if number < record.number), default=None) in added
        return tuple(reversed(numbers))

    def last_received(self, nevra: str) -> Received | None:
        """What an update mirror last gave under this NEVRA."""
        return next((received for _, received in self._received.get(nevra, ())), None)

    def received_as(self, sha256: str) -> Received | None:
        """What an update mirror last gave with this SHA-256."""
        found = (received for record in reversed(self.records) for received in record.received)
        return next((received for received in found if received.file.sha256 == sha256), None)

    @cached_property
    def _added(self) -> dict[str, frozenset[int]]:
        return _numbers((nevra, record.number) for record in self.records for nevra in record.added)

    @cached_property
    def _removed(self) -> dict[str, frozenset[int]]:
        return _numbers((nevra, record.number) for record in self.records for nevra in record.removed)

    @cached_property
    def _received(self) -> dict[str, list[tuple[Generation, Received]]]:
        """By NEVRA, newest first."""
        found: dict[str, list[tuple[Generation, Received]]] = {}
        for record in reversed(self.records):
            for received in record.received:
                found.setdefault(received.nevra, []).append((record, received))
        return found


def first_comings(records: Sequence[Generation], nevras: Iterable[str]) -> tuple[Returned, ...]:
    """The generation that each of these packages, which the tree does not list now, first came in with."""
    ledger = Ledger(tuple(records))
    came = ((nevra, ledger.provenance(nevra, listed=False).generation) for nevra in nevras)
    return tuple(Returned(nevra, generation.number if generation else None) for nevra, generation in came)


def _numbers(mentions: Iterable[tuple[str, int]]) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for nevra, number in mentions:
        found.setdefault(nevra, set()).add(number)
    return {nevra: frozenset(numbers) for nevra, numbers in found.items()}
