"""The text of an advisory as Red Hat mailed it from 1999 to 2006 and after, and Fedora Legacy in the same form.

Sections are known by their titles: their numbers and their order changed over the years.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import Enum, auto
from itertools import pairwise

from mirrorsync.model.advisory import Advisory, Reference, Told
from mirrorsync.upstream.announcement import (
    LONGEST_DESCRIPTION,
    TYPES,
    Announcement,
    cves_in,
    files_in,
    links_in,
    severity_in,
    sums_in,
)
from mirrorsync.upstream.mails import Text, day_in
from mirrorsync.upstream.updateinfo import read_date

_BEGINNING = re.compile(r"^Advisory ID\s{0,20}:", re.IGNORECASE)
_RED_HAT = re.compile(r"\b(RH([SBE])A-[0-9]{4}:[0-9]{3,6})(?:-([0-9]{1,3}))?\b")
_LEGACY = re.compile(r"\bFL([SBE])A[-:][0-9][0-9:-]{0,30}[0-9]\b")  # what follows the last dash there is no revision
_FIELD = re.compile(r"^([A-Z][A-Za-z ]{1,24}?)\s{0,20}:(?:\s+(.*))?$")
_NUMBERED = re.compile(r"^\s{0,3}[0-9]{1,2}\s?[.)]\s{1,4}(\S.*)$")
_BUG = re.compile(r"^\s{0,8}#?([0-9]{3,8})\s{1,4}[-–:]\s{1,4}(.+)$")
_RULE = re.compile(r"^\s{0,3}[-=_]{10,}\s*$")
_MOST_FIELD_LINES = 60
_LONGEST_FIELD = 2000  # characters


class _Section(Enum):
    TOPIC = auto()
    RELEASES = auto()
    DESCRIPTION = auto()
    BUGS = auto()
    FILES = auto()
    SUMS = auto()
    REFERENCES = auto()
    OTHER = auto()


_TITLES: Sequence[tuple[re.Pattern[str], _Section]] = tuple(
    (re.compile(pattern), section)
    for pattern, section in (
        (r"topic|summary", _Section.TOPIC),
        (r"relevant releases(?:/architectures)?", _Section.RELEASES),
        (r"(?:problem )?(?:description|details)", _Section.DESCRIPTION),
        (r"bug(?: id)?s(?: fixed)?|bugzilla ids?|bug fixes", _Section.BUGS),
        (r"(?:updated |required |binary |new )?(?:rpms?|packages?)(?: required| list| updated| available)?", _Section.FILES),
        (r"verification|md5 ?sums?", _Section.SUMS),
        (r"references?", _Section.REFERENCES),
        (r"solution|obsoleted? by|obsoletes|conflicts with|contact|copyright", _Section.OTHER),
    )
)


def red_hat_announcements(text: Text) -> Iterator[Announcement]:
    """Every advisory of this form in the text, of which one may hold several."""
    lines = text.body.split("\n")
    numbers = [number for number, line in enumerate(lines) if _BEGINNING.match(line)]
    starts = [_start(lines, number, former) for former, number in pairwise([-1, *numbers])]
    for start, end in pairwise([*starts, len(lines)]):
        if announcement := _announcement(lines[start:end], text):
            yield announcement


def _start(lines: Sequence[str], number: int, former: int) -> int:
    """Where the block of fields begins that the line is in: after a rule, or with the fields themselves.

    former: the line that the advisory before is known by, to whom all belongs that nothing parts from it; -1 where there is none.
    """
    first = max(former + 1, number + 1 - _MOST_FIELD_LINES)
    above = range(number - 1, first - 1, -1)
    rule = next((place + 1 for place in above if _RULE.match(lines[place])), None)
    blank = next((place + 1 for place in above if not lines[place].strip()), first if former < 0 else number)
    return blank if rule is None else rule


def _announcement(lines: Sequence[str], text: Text) -> Announcement | None:
    head = _head(lines)
    fields = _fields(lines[:head])
    named = _named(fields.get("advisory id", ""))
    if named is None:
        return None
    name, kind, revision = named
    sections = _sections(lines[head:])
    files = [*sections[_Section.FILES], *sections[_Section.SUMS]] or lines[head:]
    synopsis = fields.get("synopsis", "")
    grave, colon, _ = synopsis.partition(":")
    return Announcement(
        Advisory(
            id=name,
            type=TYPES[kind],
            severity=severity_in(grave) if colon else "",
            title=synopsis,
            issued=_day(fields.get("issue date", "")) or text.day,
            updated=_day(next((fields[key] for key in ("updated on", "last updated on", "updated") if key in fields), "")),
            cves=cves_in("\n".join(lines)),
            description=_description(sections),
            revision=revision,
            told=Told.TEXT,
            references=_references(fields, sections),
            sums=sums_in(files),
        ),
        files_in(files),
    )


def _named(text: str) -> tuple[str, str, str] | None:
    """(id, letter of the type, revision) of what a field names, None where that is another distributor's."""
    if match := _RED_HAT.search(text):
        return match[1], match[2], match[3] or ""
    match = _LEGACY.search(text)
    return (match[0], match[1], "") if match else None


def _fields(lines: Sequence[str]) -> Mapping[str, str]:
    """By name in lower case; what is indented goes on with the one before."""
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        if match := _FIELD.match(line):
            name = match[1].lower()
            fields.setdefault(name, (match[2] or "").strip()[:_LONGEST_FIELD])
        elif name and line[:1] in (" ", "\t") and len(fields[name]) < _LONGEST_FIELD:
            fields[name] = f"{fields[name]} {line.strip()[:_LONGEST_FIELD]}".strip()
        else:
            name = ""
    return fields


def _head(lines: Sequence[str]) -> int:
    """How many lines the fields take: up to a rule or the first section."""
    ends = (number for number, line in enumerate(lines[:_MOST_FIELD_LINES]) if _RULE.match(line) or _NUMBERED.match(line))
    return next(ends, min(len(lines), _MOST_FIELD_LINES))


def _sections(lines: Sequence[str]) -> Mapping[_Section, list[str]]:
    found: dict[_Section, list[str]] = {section: [] for section in _Section}
    present = _Section.OTHER
    for line in lines:
        title = _title(line)
        if title is None:
            found[present].append(line)
        else:
            present = title
    return found


def _title(line: str) -> _Section | None:
    """The section that the line is the title of: numbered, or alone with a colon."""
    numbered = _NUMBERED.match(line)
    if not numbered and not line.rstrip().endswith(":"):
        return None
    title = (numbered[1] if numbered else line).partition("(")[0].strip().rstrip(":").strip().lower()
    return next((section for pattern, section in _TITLES if pattern.fullmatch(title)), None)


def _day(text: str) -> date | None:
    return read_date(text) or day_in(text)


def _description(sections: Mapping[_Section, Sequence[str]]) -> str:
    parts = ("\n".join(sections[section]).strip() for section in (_Section.TOPIC, _Section.DESCRIPTION))
    return "\n\n".join(filter(None, parts))[:LONGEST_DESCRIPTION]


def _references(fields: Mapping[str, str], sections: Mapping[_Section, Sequence[str]]) -> tuple[Reference, ...]:
    """Its own address, the CVEs, the bugs and what else it refers to."""
    own = [Reference(url, kind="self") for url in fields.get("advisory url", "").split()[:1]]
    links = links_in(sections[_Section.REFERENCES])
    linked = {link.id for link in links}
    names = [Reference("", name, "cve") for name in cves_in(fields.get("cve names", "")) if name not in linked]
    bugs = [Reference("", match[1], "bugzilla", match[2].strip()) for line in sections[_Section.BUGS] if (match := _BUG.match(line))]
    return (*own, *links, *names, *bugs[:500])
