"""Every state that a power loss during a recorded run can leave, judged, with its figures."""

from collections import Counter
from dataclasses import dataclass, field

from tests.powerloss.recording import Recording
from tests.powerloss.reordering import Choice, Instant, Order, choices, instants, order_of
from tests.powerloss.states import Remains
from tests.powerloss.verdict import Judge, Verdict, Whole

WINDOW = 6
SAMPLES = 24


@dataclass(frozen=True, slots=True)
class State:
    """One that can be distinguished: the first choice that leaves it, at which step, and what is to be said of it."""

    step: int
    durable: int
    choice: Choice
    verdict: Verdict


@dataclass(slots=True)
class Survey:
    """operations, instants, states: how many.  distinct: states by what can be seen of them.

    lost: how many of the states after the end of the run do not have what it did.
    """

    recording: Recording
    order: Order
    operations: int
    instants: int = 0
    states: int = 0
    distinct: dict[int, State] = field(default_factory=dict)
    lost: int = 0

    @property
    def broken(self) -> list[State]:
        """The states with a fault."""
        return [state for state in self.distinct.values() if state.verdict.faults]

    @property
    def faults(self) -> Counter[str]:
        """How many distinct states have each fault."""
        return Counter(fault for state in self.distinct.values() for fault in state.verdict.faults)

    def count(self, tree: Whole) -> int:
        """How many distinct states without a fault have this tree."""
        return sum(state.verdict.tree is tree for state in self.distinct.values() if not state.verdict.faults)

    @property
    def line(self) -> str:
        """The figures."""
        counts = f"old {self.count(Whole.OLD)}, new {self.count(Whole.NEW)}, broken {len(self.broken)}"
        states = f"operations {self.operations}, instants {self.instants}, states {self.states} (distinct {len(self.distinct)})"
        return f"{states}, {counts}, lost after the end {self.lost}"


def survey(recording: Recording, *, window: int = WINDOW, samples: int = SAMPLES) -> Survey:
    """Judge what a power loss can leave at every instant of a run."""
    order = order_of(recording.steps)
    remains, judge = Remains(recording, order), Judge(recording)
    found = Survey(recording, order, len(order.operations))
    seen: set[Choice] = set()
    for instant in instants(recording.steps, order):
        found.instants += 1
        remains.advance(instant.durable)
        last = instant.step == len(recording.steps)
        for choice in choices(instant, order, window=window, samples=samples):
            if choice not in seen or last:
                found.states += choice not in seen
                seen.add(choice)
                verdict = _judged(found, remains, judge, instant, choice)
                found.lost += last and (verdict.tree, verdict.boot) != (Whole.NEW, Whole.NEW)
    return found


def _judged(found: Survey, remains: Remains, judge: Judge, instant: Instant, choice: Choice) -> Verdict:
    disk = remains.disk(choice)
    key = hash(frozenset(disk.seen().items()))
    if key not in found.distinct:
        found.distinct[key] = State(instant.step, instant.durable, choice, judge.verdict(disk))
    return found.distinct[key].verdict
