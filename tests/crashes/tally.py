"""What came of an enumeration, counted, and its failures as people read them."""

import re
from collections.abc import Iterator
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

    seconds: by the clock;  processor: of all processes.
    """

    title: str
    points: int = 0
    whole: int = 0
    recovered: int = 0
    missed: int = 0
    left_out: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    failures: list[Failure] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether there were points, and every one was hit, whole and recovered."""
        return 0 < self.points == self.whole == self.recovered and not self.missed and not self.failures

    def lines(self) -> Iterator[str]:
        """The figures, and each kind of failure once, with how often and where it was met first."""
        rest = [f", {word} {count}" for word, count in (("missed", self.missed), ("left out", self.left_out)) if count]
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
