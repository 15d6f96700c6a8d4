"""What became of installs: pure judgement of their outcomes by what each generation listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = "ENOENT"
STALE = "ESTALE"


@dataclass(frozen=True, slots=True)
class Tally:
    """Figures of one session.

    crossed: the installs during which at least one generation was published.
    failures: a line for each install that met a missing, stale, mixed or foreign file, or a list that no generation had.
    """

    installs: int
    publications: int
    crossed: int
    failures: tuple[str, ...]

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """The failures by that error of the system's."""
        return tuple(failure for failure in self.failures if f": {kind}: " in failure)


def tally(installs: Sequence[Mapping[str, Any]], listings: Mapping[int, frozenset[str]], publications: int) -> Tally:
    """The figures of `installs`, as a node reports them."""
    faults = [fault for install in installs if (fault := fault_of(install, listings))]
    crossed = sum(install["began"] != install["ended"] for install in installs)
    return Tally(len(installs), publications, crossed, tuple(faults))


def fault_of(install: Mapping[str, Any], listings: Mapping[int, frozenset[str]]) -> str:
    """What was wrong with an install, "" for nothing.

    `began` is the newest generation that the node had been told of. The install may be in the next one already: it is told of
    a publication only after it, and before the next.
    """
    who = f"{install['kind']} install begun at generation {install['began']}, ended at {install['ended']}"
    if install["fault"]:
        return f"{who}: {install['fault']}"
    if install["stuck"]:
        return f"{who}: umount: {install['stuck']}"
    later = sorted(number for number in listings if number > install["began"])[:1]
    if frozenset(install["listed"]) not in [listings[number] for number in (install["began"], *later)]:
        return f"{who}: its hdlist is that of no generation there was when it began"
    return ""
