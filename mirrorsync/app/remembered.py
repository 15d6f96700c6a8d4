"""What was decided before, by all that it was decided from: that nothing was to be done, and what a tree lacked.

    settled.json        a plan that changes nothing
    settled-part.json   the same of an update that a filter limits: else the two would take each other's place
    pending.json        what the tree lacked, whatever the plan

They are disposable: a lost or damaged one costs a reading, and so does one that cannot be written, as by a user who may only look.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mirrorsync.app.run import Run
from mirrorsync.app.site import Site
from mirrorsync.errors import PlanError
from mirrorsync.files import make_directory, write_file
from mirrorsync.model.pending import PendingOutcome
from mirrorsync.model.plan import Plan
from mirrorsync.planning.document import plan_document, plan_from

_SETTLED, _SETTLED_PART, _PENDING = "settled.json", "settled-part.json", "pending.json"
_FAULTS = (OSError, ValueError, KeyError, TypeError, PlanError, RecursionError)


def settled(site: Site, key: str, run: Run) -> tuple[Plan, PendingOutcome] | None:
    """The plan that changes nothing, and what is lacked, where they were decided from what has this key."""
    try:
        document = _read(_settled(site, run), _narrowed(key, run), run)
        pending = lacked_then(site, key, run) if document else None
        return (plan_from(document["plan"]), pending) if document and pending else None
    except _FAULTS:
        return None


def lacked_then(site: Site, key: str, run: Run) -> PendingOutcome | None:
    """What the tree lacks, where that was decided from what has this key; with the ages, targets and waivers of now."""
    try:
        document = _read(site.tree.state / _PENDING, key, run)
        if document is None:
            return None
        if not (document["errata"] or document["untold"] or site.waivers):
            return PendingOutcome(site.tree.name, run.now)
        from mirrorsync.app.lack import renewed  # noqa: PLC0415  as in decision: most often nothing is pending

        return renewed(site, document, run.now)
    except _FAULTS:
        return None


def remember(site: Site, key: str, plan: Plan, pending: PendingOutcome, run: Run, until: float | None) -> None:
    """Keep what was decided from what has this key. until: when a mirror will have stood still for too long, in seconds since the epoch."""
    from mirrorsync.planning.pending_document import pending_document  # noqa: PLC0415  as above

    with suppress(OSError):
        make_directory(site.tree.state)
        _write(site.tree.state / _PENDING, {"key": key, "until": until, **pending_document(pending)})
        if plan.empty:
            _write(_settled(site, run), {"key": _narrowed(key, run), "until": until, "plan": plan_document(plan)})


def _settled(site: Site, run: Run) -> Path:
    return site.tree.state / (_SETTLED if run.wanted.empty else _SETTLED_PART)


def _narrowed(key: str, run: Run) -> str:
    """What is lacked depends on no filter; a plan does."""
    return key if run.wanted.empty else hashlib.sha256(f"{key} {run.wanted!r}".encode()).hexdigest()


def _read(file: Path, key: str, run: Run) -> Mapping[str, Any] | None:
    """What a file has, where it is of this key and still holds. Raises the faults of damaged ones."""
    document = json.loads(file.read_bytes())
    holds = document["key"] == key and (document["until"] is None or run.now.timestamp() < document["until"])
    return document if holds else None


def _write(file: Path, document: Mapping[str, Any]) -> None:
    write_file(file, json.dumps(document).encode())
