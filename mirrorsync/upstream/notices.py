"""Mails that announce updates without sections: CentOS's of CESA, CEBA and CEEA, and Fedora's notifications from Fedora Core on."""

import re
from collections.abc import Iterator, Mapping, Sequence

from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference, Told
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
from mirrorsync.upstream.mails import Text
from mirrorsync.upstream.updateinfo import read_date

_CENTOS = re.compile(
    r"^CentOS Errata and (Security|Bug ?fix|Enhancement) Advisory (?:CE[SBE]A-)?"
    r"([0-9]{4})[:-]([A-Za-z]?[0-9]{3,6})(?:-([0-9]{1,3}))?\b(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_CENTOS_LIST = re.compile(r"^(?:(?:Re|Fwd): *|\[[^\]]{1,40}\] *)+", re.IGNORECASE)
_FEDORA = re.compile(
    r"^Fedora (Test )?(?:Core )?Update Notification[ \t]*\n(FEDORA-[0-9]{4}-[0-9A-Za-z]{1,20})[ \t]*\n([^\n]*)$", re.MULTILINE
)
_FEDORA_FIELD = re.compile(r"^(Name|Version|Release|Summary)\s{0,12}:\s*(.*)$", re.MULTILINE)
_FEDORA_BUG = re.compile(r"^\s{0,8}(?:\[ *[0-9]+ *\] )?Bug #([0-9]{1,8})\s*-?\s*([^\n]{0,300})$")
_DIGITS_OF_A_SEQUENCE = 3
_RULE = re.compile(r"^[-=]{20,}\s*$", re.MULTILINE)


def centos_announcements(text: Text) -> Iterator[Announcement]:
    """The advisory that the mail tells of. One of several architectures or releases may come as several mails of one id."""
    match = _CENTOS.search(text.body)
    if match is None:
        return
    kind, number = match[1][0].upper(), match[4] or ""
    own = len(number) == _DIGITS_OF_A_SEQUENCE  # YYYY-MMDD-SEQ: CentOS's own; any other number is of the advisory it was made after
    name, revision = (f"CE{kind}A-{match[2]}-{match[3]}-{number}", "") if own else (f"CE{kind}A-{match[2]}:{match[3]}", number)
    lines = text.body[match.end() :].split("\n")
    title = " ".join(_CENTOS_LIST.sub("", text.subject).split()) or match[0].strip()
    advisory = Advisory(
        id=name,
        type=TYPES[kind],
        severity=severity_in(f"{match[5]} {title}"),
        title=title[:300],
        issued=text.day,
        cves=cves_in(text.body),
        revision=revision,
        told=Told.TEXT,
        references=tuple(_upstream(lines)),
        sums=sums_in(lines),
    )
    yield Announcement(advisory, files_in(lines))


def fedora_announcements(text: Text) -> Iterator[Announcement]:
    """The update that the notification tells of. It is one of security where its subject says so or it names a CVE."""
    match = _FEDORA.search(text.body)
    if match is None:
        return
    body = text.body[match.end() :]
    fields = dict(reversed(_FEDORA_FIELD.findall(body)))
    cves = cves_in(body)
    secure = "[SECURITY]" in text.subject.upper() or bool(cves)
    lines = body.split("\n")
    bugs = [Reference("", bug[1], "bugzilla", bug[2].strip()) for line in lines if (bug := _FEDORA_BUG.match(line))]
    advisory = Advisory(
        id=match[2],
        type=AdvisoryType.SECURITY if secure else AdvisoryType.OTHER,
        title="-".join(fields[key].strip() for key in ("Name", "Version", "Release") if key in fields)[:300],
        issued=read_date(match[3]) or text.day,
        cves=cves,
        description=_told_in(body, fields),
        told=Told.TEXT,
        references=(*(link for link in links_in(lines) if link.kind == "cve"), *bugs[:500]),
        sums=sums_in(lines),
        status="testing" if match[1] else "",
    )
    yield Announcement(advisory, files_in(lines))


def _upstream(lines: Sequence[str]) -> Iterator[Reference]:
    """The advisory that it was made after."""
    for link in links_in(lines):
        if "/errata/" in link.url:
            yield Reference(link.url, kind="vendor")
            return


def _told_in(body: str, fields: Mapping[str, str]) -> str:
    """What stands under "Update Information", or else in the summary."""
    _, found, rest = body.partition("\nUpdate Information:")
    part = _RULE.split(rest, maxsplit=1)[0].strip() if found else ""
    return (part or fields.get("Summary", "").strip())[:LONGEST_DESCRIPTION]
