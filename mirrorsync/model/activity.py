"""Who seems to be installing just now, as far as the servers that nodes use can tell: none of them proves that nobody is."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

RECENT = timedelta(minutes=30)
"""How long a node counts as being at it after it was last heard of."""


class Presence(StrEnum):
    """Whether a node is at it. UNKNOWN counts as busy."""

    BUSY = "busy"
    IDLE = "idle"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sign:
    """A node that was heard of. node: its address.  way: "NFS 4", "TFTP" and so on.  age: since when, None where nobody says."""

    node: str
    way: str
    age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """unknown: of each server that cannot tell, which and why."""

    signs: tuple[Sign, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def presence(self) -> Presence:
        """One sign is enough; that there is none counts only where every server could tell."""
        if self.signs:
            return Presence.BUSY
        return Presence.UNKNOWN if self.unknown else Presence.IDLE
