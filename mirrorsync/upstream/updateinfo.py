"""updateinfo.xml: the errata of a repository, in every dialect that distributors write."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import islice
from xml.etree.ElementTree import Element

from mirrorsync.errors import UpstreamError
from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference
from mirrorsync.model.finding import Finding, Severity, curtailed
from mirrorsync.model.package import Package
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.advisories import merged
from mirrorsync.planning.architecture import SOURCES
from mirrorsync.upstream.announcement import CVE
from mirrorsync.upstream.xmlstream import child_of, children, open_document, text_of

_DATE = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})")
_EPOCH_SECONDS = re.compile(r"\s*(\d{1,12})(?:\.\d+)?\s*")
_LONGEST_ID, _LONGEST_WORD = 128, 64  # characters
_LONGEST_TITLE, _LONGEST_DESCRIPTION, _LONGEST_ADDRESS = 1 << 12, 1 << 16, 1 << 11
_LONGEST_PART = 255  # of a package's name, epoch, version, release or architecture: what a file's name may have
_MOST_CVES, _MOST_REFERENCES = 2000, 5000
_MOST_KEPT = 1 << 30  # bytes of memory, roughly, of all errata; those of a whole distribution take a tenth
_ENTRY = 512  # of which a package or reference takes so many
_SUSE = "{http://novell.com/package/metadata/suse/updateinfo}"
_NO = frozenset({"false", "0", "no"})
_TYPES = {
    **{kind.value: kind for kind in AdvisoryType},
    "enhancements": AdvisoryType.ENHANCEMENT,
    "recommended": AdvisoryType.BUGFIX,  # SUSE's words: recommended, optional, feature
    "optional": AdvisoryType.ENHANCEMENT,
    "feature": AdvisoryType.ENHANCEMENT,
}


@dataclass(frozen=True, slots=True)
class Updateinfo:
    """listed: how many <update> elements the file has, repeated ids counted each time."""

    advisories: tuple[Advisory, ...]
    listed: int
    findings: tuple[Finding, ...] = ()


def read_updateinfo(chunks: Iterable[bytes], *, source: str) -> Updateinfo:
    """The errata sorted by id, one for each id (see planning.advisories). Raises UpstreamError where the file is broken."""
    advisories = []
    findings = []
    listed = kept = 0
    root, updates = open_document(chunks, "update", source=source)
    numbered = root.tag.startswith(_SUSE)
    for update in updates:
        listed += 1
        if advisory := _advisory(update, numbered=numbered):
            advisories.append(advisory)
            kept += _extent(advisory)
        else:
            what = f"an erratum has no id, or one of more than {_LONGEST_ID} characters"
            findings.append(Finding(Severity.NOTE, "broken-metadata", source, what, "it is passed over"))
        if kept > _MOST_KEPT:
            what = "its errata tell more than those of any repository"
            raise UpstreamError(f"{source}: {what}; refused: use another mirror, and tell its owner")
    return Updateinfo(tuple(merged(advisories).values()), listed, curtailed(findings))


def _extent(advisory: Advisory) -> int:
    """How much of the memory it takes."""
    return len(advisory.title) + len(advisory.description) + _ENTRY * (1 + len(advisory.packages) + len(advisory.references))


def with_epochs(advisories: Sequence[Advisory], packages: Iterable[Package]) -> tuple[Advisory, ...]:
    """The errata with the epochs that the repository's own packages have, where updateinfo gives none (RHEL 6 never does)."""
    epochs: dict[tuple[str, str, str, str], str | None] = {}
    for package in packages:
        epochs[_without_epoch(package.nevra)] = package.evr.epoch
    return tuple(replace(advisory, packages=tuple(_with_epoch(nevra, epochs) for nevra in advisory.packages)) for advisory in advisories)


def read_date(text: str) -> date | None:
    """The day of `2012-2-17 00:00:00`, `2018-07-20T06:00:01Z` or seconds since the epoch (UTC); None where it is none of them."""
    try:
        if match := _DATE.match(text):
            year, month, day = map(int, match.groups())
            return date(year, month, day)
        if match := _EPOCH_SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(match[1]), UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _advisory(update: Element, *, numbered: bool) -> Advisory | None:
    """numbered: the id is the name of what is mended, again and again, and the version makes it an erratum's (SUSE, up to SLE 11)."""
    name, version = text_of(child_of(update, "id")), update.get("version", "").strip()[:_LONGEST_WORD]
    if not name or len(name) > _LONGEST_ID:
        return None
    packages = tuple(_packages(update))
    references = tuple(islice(_references(update), _MOST_REFERENCES))
    title = text_of(child_of(update, "title"))[:_LONGEST_TITLE]
    description = text_of(child_of(update, "description"))[:_LONGEST_DESCRIPTION]
    return Advisory(
        id=f"{name}-{version}" if numbered and version else name,
        type=_TYPES.get(update.get("type", "").lower(), AdvisoryType.OTHER),
        severity=text_of(child_of(update, "severity"))[:_LONGEST_WORD],
        title=title,
        issued=_day(child_of(update, "issued")),
        updated=_day(child_of(update, "updated")),
        cves=_cves(references, f"{title} {description}"),
        packages=_sorted_packages(nevra for nevra, _ in packages),
        reboot_suggested=_says_yes(child_of(update, "reboot_suggested")) or any(reboot for _, reboot in packages),
        description=description,
        revision=version,
        references=references,
        status=update.get("status", "")[:_LONGEST_WORD],
    )


def _packages(update: Element) -> Iterator[tuple[NEVRA, bool]]:
    """(NEVRA, whether it asks for a reboot) of the binary packages; an epoch that is not told stays None, 0 is "0"."""
    for pkglist in children(update, "pkglist"):
        for collection in children(pkglist, "collection"):
            for package in children(collection, "package"):
                parts = [package.get(attribute, "") for attribute in ("name", "epoch", "version", "release", "arch")]
                name, epoch, version, release, arch = parts
                possible = name and version and arch and max(map(len, parts)) <= _LONGEST_PART
                if possible and arch not in SOURCES:
                    yield NEVRA(name, EVR(epoch or None, version, release), arch), _says_yes(child_of(package, "reboot_suggested"))


def _references(update: Element) -> Iterator[Reference]:
    """As they are written, but for those that say nothing, or at too great a length."""
    for element in children(child_of(update, "references"), "reference"):
        url, name, kind, title = (element.get(attribute, "") for attribute in ("href", "id", "type", "title"))
        if (url or name or title) and len(url) <= _LONGEST_ADDRESS and max(len(name), len(kind)) <= _LONGEST_ID:
            yield Reference(url, name, kind, title[:_LONGEST_TITLE])


def _cves(references: Iterable[Reference], text: str) -> tuple[str, ...]:
    """Those that the ids and titles of references name; where these name none, as SUSE's, those of the text."""
    named = {name for reference in references for name in CVE.findall(f"{reference.id} {reference.title}")}
    return tuple(sorted(named or set(CVE.findall(text))))[:_MOST_CVES]


def _day(element: Element | None) -> date | None:
    """Of `<issued date="…"/>`, or of `<issued><date>…</date></issued>`."""
    if element is None:
        return None
    return read_date(element.get("date") or text_of(child_of(element, "date")))


def _says_yes(element: Element | None) -> bool:
    return element is not None and text_of(element).lower() not in _NO


def _sorted_packages(packages: Iterable[NEVRA]) -> tuple[NEVRA, ...]:
    by_key = {nevra.key: nevra for nevra in packages}
    return tuple(by_key[key] for key in sorted(by_key))


def _without_epoch(nevra: NEVRA) -> tuple[str, str, str, str]:
    return (nevra.name, nevra.evr.version, nevra.evr.release, nevra.arch)


def _with_epoch(nevra: NEVRA, epochs: dict[tuple[str, str, str, str], str | None]) -> NEVRA:
    epoch = epochs.get(_without_epoch(nevra))
    if nevra.evr.epoch is not None or epoch is None:
        return nevra
    return replace(nevra, evr=replace(nevra.evr, epoch=epoch))
