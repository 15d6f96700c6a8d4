"""What an update mirror showed of itself at one time, remembered so that its going back or shrinking is noticed."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Edition:
    """One repomd.xml. sha256: of its bytes, in hex.  timestamp: the newest <timestamp> in it, seconds since the epoch.

    revision: where it is a number.  Either is None where the file tells none.  signed: a pinned key's signature fitted.
    """

    sha256: str
    timestamp: int | None = None
    revision: int | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What was accepted last. edition: None for a listing.  packages: how many it offered to machines of `arches`.

    seen: when this was first accepted.
    """

    edition: Edition | None
    packages: int
    arches: tuple[str, ...]
    seen: datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """stale_after: how old the newest thing of an upstream may be, None for any age.  shrink_limit: by how many per cent it may shrink."""

    stale_after: timedelta | None = None
    shrink_limit: int = 20
