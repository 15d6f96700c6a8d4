"""Since when each task is scheduled as it is, or when a run of it last began: what was missed since then is known by it."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from mirrorsync.files import make_directory, write_file
from mirrorsync.model.schedule import Timing


class Memory:
    """Kept in the state directory; losing it costs that one run."""

    def __init__(self, state: Path) -> None:
        self._path = state / "daemon" / "schedule.json"
        self._entries = _read(self._path)

    def since(self, timing: Timing) -> datetime | None:
        """When the task last began, or was scheduled so; None where it never was, or at other times."""
        cron, since = self._entries.get(timing.name, ("", None))
        return since if cron == str(timing.cron) else None

    def note(self, timings: Iterable[Timing], since: datetime) -> None:
        """Remember since when these are scheduled so. Raises OSError; nothing has changed then."""
        self._keep({timing.name: (str(timing.cron), since) for timing in timings})

    def settle(self, name: str, now: datetime) -> None:
        """Whatever was due of the task by now is done with: a run of it begins, or none may any more. Raises OSError, as above."""
        if name in self._entries:
            self._keep({name: (self._entries[name][0], now)})

    def _keep(self, new: Mapping[str, tuple[str, datetime]]) -> None:
        if not new:
            return
        entries = {**self._entries, **new}
        make_directory(self._path.parent)
        document = {name: [cron, moment.isoformat()] for name, (cron, moment) in sorted(entries.items())}
        write_file(self._path, json.dumps(document, indent=1).encode())
        self._entries = entries


def _read(path: Path) -> dict[str, tuple[str, datetime]]:
    try:
        entries = json.loads(path.read_bytes()).items()
        return {name: (str(cron), datetime.fromisoformat(moment).astimezone(UTC)) for name, (cron, moment) in entries}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}
