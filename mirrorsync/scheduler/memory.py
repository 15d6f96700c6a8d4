"""Since when each task is scheduled as it is, or when it was last due: what was missed while no daemon ran is known by it."""

import json
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
        """When the task was last due, or was scheduled so; None where it never was, or at other times."""
        cron, since = self._entries.get(timing.name, ("", None))
        return since if cron == str(timing.cron) else None

    def note(self, timing: Timing, since: datetime) -> None:
        """Remember it. Raises OSError."""
        self._entries[timing.name] = (str(timing.cron), since)
        make_directory(self._path.parent)
        document = {name: [cron, moment.isoformat()] for name, (cron, moment) in sorted(self._entries.items())}
        write_file(self._path, json.dumps(document, indent=1).encode())


def _read(path: Path) -> dict[str, tuple[str, datetime]]:
    try:
        entries = json.loads(path.read_bytes()).items()
        return {name: (str(cron), datetime.fromisoformat(moment).astimezone(UTC)) for name, (cron, moment) in entries}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
