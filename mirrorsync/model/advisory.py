"""One erratum: what a distributor published, why, and for which packages."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mirrorsync.model.version import NEVRA


class AdvisoryType(StrEnum):
    """The kinds updateinfo.xml and RHSA/RHBA/RHEA numbers tell apart."""

    SECURITY = "security"
    BUGFIX = "bugfix"
    ENHANCEMENT = "enhancement"
    NEWPACKAGE = "newpackage"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Advisory:
    """An erratum; `packages` are its binary packages, severity is the distributor's own word or ''."""

    id: str
    type: AdvisoryType
    severity: str = ""
    title: str = ""
    issued: date | None = None
    updated: date | None = None
    cves: tuple[str, ...] = ()
    packages: tuple[NEVRA, ...] = ()
    reboot_suggested: bool = False
    description: str = ""
