"""Advisories told by texts: which of those in some places tell of packages that are there, and what."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.finding import Finding, curtailed
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.advisories import merged
from mirrorsync.upstream.announcement import Announcement
from mirrorsync.upstream.mailboxes import Reading
from mirrorsync.upstream.mails import Text
from mirrorsync.upstream.notices import centos_announcements, fedora_announcements
from mirrorsync.upstream.redhattext import red_hat_announcements

Offered = Mapping[str, Sequence[NEVRA]]
"""The packages that are there, by their files' names."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What texts tell of the packages that were asked about. listed: how many advisories they have, of other packages too."""

    advisories: tuple[Advisory, ...]
    listed: int
    findings: tuple[Finding, ...] = ()


def read_texts(places: Iterable[Path], offered: Offered) -> Texts:
    """The advisories in these folders, mailboxes and files that name files of `offered`, with their packages and sums; one for each id.

    Of what was issued again the highest revision counts. What is no advisory is passed over; what cannot be read is a finding.
    """
    reading = Reading()
    found: list[Advisory] = []
    listed = 0
    for place in places:
        faults, count = len(reading.findings), 0
        for announcement in announcements(reading.texts(place)):
            count += 1
            if advisory := _with_packages(announcement, offered):
                found.append(advisory)
        if count == 0 and len(reading.findings) == faults:
            reading.complain(place, "no advisory is in it", "put texts there, or remove it from `advisories`")
        listed += count
    return Texts(tuple(merged(found).values()), listed, curtailed(reading.findings))


def announcements(texts: Iterable[Text]) -> Iterator[Announcement]:
    """The advisories in the texts, whichever distributor's form they have."""
    for text in texts:
        yield from chain(red_hat_announcements(text), centos_announcements(text), fedora_announcements(text))


def fingerprint(places: Iterable[Path]) -> str:
    """A digest that changes when any file in these places comes, goes or changes, by what stat(2) tells; none is opened."""
    reading = Reading()
    digest = hashlib.sha256()
    for path in chain.from_iterable(reading.paths(place) for place in places):
        try:
            status = path.stat()
        except OSError:
            continue
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _with_packages(announcement: Announcement, offered: Offered) -> Advisory | None:
    """The advisory with those of its packages that are there, None where none is."""
    packages = {nevra.key: nevra for name in announcement.files for nevra in offered.get(name, ())}
    if not packages:
        return None
    sums = tuple(entry for entry in announcement.advisory.sums if entry[0] in offered)
    return replace(announcement.advisory, packages=tuple(packages[key] for key in sorted(packages)), sums=sums)
