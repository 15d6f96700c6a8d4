"""What came of an enumeration, counted, and its failures as people read them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_PROCESS = re.compile(r"\.\d+\.(new|old|copy)\b")
_MOST_SHOWN = 15


@dataclass(frozen=True, slots=True)
class Failure:
    """What was wrong after a kill or an error (`what`) at a point, in words."""

    point: str
    what: str
    fault: str


@dataclass(slots=True)
class Tally:
    """missed: points at which strace did not hit what was meant: a fault of this tool.  left_out: points that were not tried.

    states: different ones that kills left, each of which was judged.  readings: of how many all commands that only read were tried.
    seconds: by the clock;  processor: of all processes.
    """

    title: str
    points: int = 0
    whole: int = 0
    recovered: int = 0
    missed: int = 0
    left_out: int = 0
    states: int = 0
    readings: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    failures: list[Failure] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether there were points, and every one was hit, whole and recovered."""
        return 0 < self.points == self.whole == self.recovered and not self.missed and not self.failures

    def lines(self) -> Iterator[str]:
        """The figures, and each kind of failure once, with how often and where it was met first."""
        others = {"missed": self.missed, "left out": self.left_out, "different states": self.states, "read in": self.readings}
        rest = [f", {word} {count}" for word, count in others.items() if count]
        counts = f"points {self.points}, whole {self.whole}, recovered {self.recovered}{''.join(rest)}"
        points = max(1, self.points)
        pace = f"{points / max(self.seconds, 0.001):.1f} points a second, {1000 * self.processor / points:.0f} ms of processor each"
        yield f"{self.title}: {counts} ({pace})"
        kinds: dict[str, list[Failure]] = {}
        for failure in self.failures:
            kinds.setdefault(_PROCESS.sub(r".PID.\1", failure.fault), []).append(failure)
        for fault, failures in list(kinds.items())[:_MOST_SHOWN]:
            yield f"  {fault}\n    at {len(failures)} points, first {failures[0].what} at {failures[0].point}"
        if len(kinds) > _MOST_SHOWN:
            yield f"  and {len(kinds) - _MOST_SHOWN} kinds of failure more"


def together(shares: Sequence[Tally]) -> Tally:
    """What came of an enumeration that several shared."""
    whole = Tally(shares[0].title, seconds=max(share.seconds for share in shares))
    for share in shares:
        for name in ("points", "whole", "recovered", "missed", "left_out", "states", "readings", "processor"):
            setattr(whole, name, getattr(whole, name) + getattr(share, name))
        whole.failures += share.failures
    return whole
