"""What the journal says of a new generation: what came, what went, and why."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mirrorsync.model.generation import Generation
from mirrorsync.model.plan import Plan

_UNKNOWN = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ByHand:
    """NEVRAs, as text, of packages that somebody put into the tree or took out of it."""

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


def update_record(number: int, plan: Plan, former: Generation | None, also: Sequence[str], by_hand: ByHand) -> Generation:
    """The record of an update by `plan`; who made it, when, and its files are the caller's to say.

    also: what else is to be said of why it was made, as that indexes were stale.
    """
    incoming = {str(entry.package.nevra) for entry in plan.incoming} | by_hand.added
    outgoing = {str(entry.package.nevra) for entry in plan.outgoing} | by_hand.removed
    added = tuple(sorted(incoming - outgoing))
    images = plan.images.identity if plan.images else ""
    return Generation(
        number,
        _UNKNOWN,
        "update",
        reason="; ".join([*_changes(plan), *also]),
        added=added,
        removed=tuple(sorted(outgoing - incoming)),
        advisories=tuple(sorted({name for entry in plan.incoming for name in entry.advisories})),
        barred=still_barred(former, (*added, images)),
        images=images,
    )


def still_barred(former: Generation | None, added: Iterable[str], removed: Iterable[str] = ()) -> tuple[str, ...]:
    """What no update may bring back: what rollbacks took out before, and now, but for what came in again."""
    return tuple(sorted({*(former.barred if former else ()), *removed} - set(added)))


def _changes(plan: Plan) -> list[str]:
    """How many packages came for which reason: "3 upgrade, 1 brought along"."""
    counts = Counter(entry.change for entry in plan.incoming)
    text = ", ".join(f"{count} {change.value}" for change, count in sorted(counts.items()))
    images = f"boot images of {plan.images.build}" if plan.images else ""
    return [part for part in (text, images) if part]
