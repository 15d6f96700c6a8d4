"""Which errata, or which packages, somebody means: what `pending` shows, and what an update is limited to."""

from dataclasses import dataclass
from datetime import date

from mirrorsync.model.advisory import AdvisoryType
from mirrorsync.model.pending import Urgency


@dataclass(frozen=True, slots=True)
class Filter:
    """All the conditions that are given have to hold; of several values of one, one is enough. Without any, everything is meant.

    advisories: globs over ids; cves: CVEs' ids; a match of either is enough.  since: issued on that day or later.
    packages: globs over names, and over name-version-release.arch as far as it is written, epoch or not.  All are sorted.
    """

    types: tuple[AdvisoryType, ...] = ()
    urgencies: tuple[Urgency, ...] = ()
    advisories: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    since: date | None = None
    packages: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether everything is meant."""
        return not (self.of_errata or self.packages)

    @property
    def of_errata(self) -> bool:
        """Whether errata are meant, and no updates that none tells of."""
        return bool(self.types or self.urgencies or self.advisories or self.cves or self.since)


EVERYTHING = Filter()
"""No filter."""
