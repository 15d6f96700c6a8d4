"""What an update mirror showed when it was last taken, in a file of its own: unlike caches it cannot be had again."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mirrorsync.errors import PlanError
from mirrorsync.files import make_directory, write_file
from mirrorsync.model.view import Edition, View
from mirrorsync.planning.node import Node


@dataclass(frozen=True, slots=True)
class ViewFile:
    """The memory of one upstream of one tree."""

    file: Path

    def last(self) -> View | None:
        """What was accepted last; None where nothing was, or where that cannot be read."""
        try:
            return _view_from(Node(json.loads(self.file.read_bytes()), "view"))
        except (OSError, ValueError, PlanError, RecursionError):
            return None

    @property
    def is_lost(self) -> bool:
        """Whether something was accepted, and what it was cannot be read."""
        return self.file.exists() and self.last() is None

    def keep(self, view: View) -> None:
        """Let that be what the next run is held against. Raises OSError."""
        make_directory(self.file.parent)
        write_file(self.file, json.dumps({**asdict(view), "seen": view.seen.isoformat()}, indent=1).encode())


def _view_from(node: Node) -> View:
    """Raises PlanError, and ValueError for a date that is none."""
    edition, arches = node.field("edition"), node.field("arches")
    known = None if edition.value is None else _edition_from(edition)
    return View(known, node.integer("packages"), tuple(map(str, arches.own(list, "a list"))), datetime.fromisoformat(node.text("seen")))


def _edition_from(node: Node) -> Edition:
    timestamp, revision = (None if node.field(name).value is None else node.integer(name) for name in ("timestamp", "revision"))
    return Edition(node.text("sha256"), timestamp, revision, bool(node.field("signed").own(bool, "true or false")))
