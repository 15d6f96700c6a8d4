"""Updates and rollbacks published on a master while a node installs from it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirrorsync.errors import ExitCode
from tests.guests.calls import Calls, GuestError
from tests.guests.master import ADDRESS, TREE
from tests.guests.supplies import CONFIG
from tests.guests.tally import Tally, tally

OPTIONS = {"3": "ro,vers=3,nolock,proto=tcp", "4.2": "ro,vers=4.2,proto=tcp"}
IDLE = 4
BUSY = 5

_LONGEST_PAUSE_SECONDS = 5.0
_CALL_SECONDS = 300
_PROGRAM_SECONDS = 480
_INSTALLS_SECONDS = 1800


@dataclass(slots=True)
class Session:
    """A master and a node at work.

    updates: the mirror's next ones, by number and file name.  listings: what each generation lists, as the master's own disk has
    it; 0 is the tree before the first.  command: how the program is run there.
    """

    master: Calls
    node: Calls
    updates: Iterator[tuple[int, str]]
    listings: dict[int, frozenset[str]]
    publications: int = 0
    command: Sequence[str] = ("python3", "-m", "mirrorsync", "--config", CONFIG)

    def begin(self, version: str, exported: Path) -> None:
        """Export `exported`, and have installs under way before anything is published."""
        self.master("export", seconds=_CALL_SECONDS, path=str(exported))
        mount = {"source": f"{ADDRESS}:{TREE}", "options": OPTIONS[version], "longest_pause": _LONGEST_PAUSE_SECONDS}
        self.node("mount_from", seconds=_CALL_SECONDS, **mount)
        self.begin_idle("idle")
        self.node("begin_busy", seconds=_CALL_SECONDS, count=BUSY, kind="busy")

    def begin_idle(self, kind: str) -> None:
        """Have installs wait after hdlist until the session is finished."""
        self.node("begin_idle", seconds=_CALL_SECONDS, count=IDLE, kind=kind)

    def update(self) -> None:
        """Let the mirror have one more update, and publish it."""
        number, filename = next(self.updates)
        self.master("offer", seconds=_CALL_SECONDS, number=number)
        self.mirrorsync("update", TREE.name)
        listed = self._published()
        if filename not in listed:
            raise GuestError(f"master: {filename} is not in the hdlist that was published")

    def roll_back(self, steps: int) -> None:
        """Publish what the tree was so many generations ago."""
        goal = max(self.listings) - steps
        self.mirrorsync("rollback", TREE.name, str(goal))
        if self._published() != self.listings[goal]:
            raise GuestError(f"master: the rollback to generation {goal} does not list what that did")

    def mirrorsync(self, *words: str) -> None:
        """Run the program on the master. Raises GuestError where it fails; what rollbacks took out, updates hold."""
        command = [*self.command, *words]
        code, out, err = self.master("run", seconds=_PROGRAM_SECONDS + 60, command=command, limit=_PROGRAM_SECONDS)
        if code not in (ExitCode.DONE, ExitCode.PARTIAL):
            raise GuestError(f"master: mirrorsync {' '.join(words)} ended with {code}: {(out + err).strip()}")

    def fingerprint(self) -> str:
        """Equal where nothing was built or published on the master in between."""
        return str(self.master("fingerprint", seconds=_CALL_SECONDS))

    def wait_for_installs(self, count: int) -> None:
        """Let installs go on until `count` have ended."""
        limit = time.monotonic() + _INSTALLS_SECONDS
        while self.node("ended", seconds=_CALL_SECONDS) < count:
            if time.monotonic() > limit:
                raise GuestError(f"node: fewer than {count} installs within {_INSTALLS_SECONDS} s")
            time.sleep(1)

    def finish(self) -> Tally:
        """Bring every install to its end, and judge them all by what the generations listed."""
        installs: list[dict[str, Any]] = self.node("finish", seconds=_CALL_SECONDS)
        return tally(installs, self.listings, self.publications)

    def _published(self) -> frozenset[str]:
        """Take down what was published, then let both kernels forget what they know of the tree; what it lists."""
        self.publications += 1
        number, names = self.master("published", seconds=_CALL_SECONDS)
        if number in self.listings:
            raise GuestError(f"master: nothing was published after generation {number}")
        listed = self.listings[number] = frozenset(names)
        self.master("forget", seconds=_CALL_SECONDS)
        self.node("published", seconds=_CALL_SECONDS, number=number)
        return listed
