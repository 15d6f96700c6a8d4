"""What each generation has to list, known from what was done and not from what was published; and waiting for the next one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Names = frozenset[str]


@dataclass(slots=True)
class Ledger:
    """`expected` maps a generation's number to the file names of its packages."""

    expected: dict[int, Names] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _publishing: bool = False

    @property
    def count(self) -> int:
        """How many generations there were so far."""
        return len(self.expected)

    @property
    def newest(self) -> int:
        """The number of the last one."""
        return max(self.expected)

    def add(self, number: int, names: Names) -> None:
        """Generation `number` was published."""
        with self._changed:
            self.expected[number] = names
            self._changed.notify_all()

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """While generations are to be expected; afterwards nobody needs to wait for one."""
        self._publishing = True
        try:
            yield
        finally:
            with self._changed:
                self._publishing = False
                self._changed.notify_all()

    def wait_for(self, count: int, seconds: float) -> None:
        """Until there were `count` generations, no more are coming, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: not self._publishing or len(self.expected) >= count, seconds)
