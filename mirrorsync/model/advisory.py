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


class Told(StrEnum):
    """By what an advisory was told: the repository's updateinfo.xml, a text as distributors mailed it, or a package's own changelog."""

    UPDATEINFO = "updateinfo"
    TEXT = "text"
    CHANGELOG = "changelog"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where more is said. kind: "cve", "bugzilla", "self", … as the distributor words it."""

    url: str
    id: str = ""
    kind: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Advisory:
    """An erratum; `packages` are its binary packages, severity is the distributor's own word or ''.

    revision: of what is published again under one id, as the distributor counts.  status: the distributor's word ("final", "testing").
    sums: digests of files in hex, by file name: MD5, or SHA-1 or SHA-256 where they are longer; a name may have several.
    """

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
    revision: str = ""
    told: Told = Told.UPDATEINFO
    references: tuple[Reference, ...] = ()
    sums: tuple[tuple[str, str], ...] = ()
    status: str = ""
