"""What advisory texts of all forms have in common: files by name, sums of files, names of CVEs."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference

CVE = re.compile(r"\b(?:CVE|CAN)-[0-9]{4}-[0-9]{4,7}\b")
URL = re.compile(r"\b(?:https?|ftp)://[^\s<>\"]{1,500}")
LONGEST_DESCRIPTION = 1 << 13  # characters
_MOST_NAMES = 5000
_MOST_REFERENCES = 500
_LONGEST_NAME = 255
_SUM = re.compile(r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})")
_PART = "[A-Za-z0-9._+~^]+"
_FILE = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._+~^-]*-{_PART}-{_PART}\.[A-Za-z0-9_]{{1,20}}\.rpm")
_SOURCES = (".src.rpm", ".nosrc.rpm")
_GRAVE = re.compile(r"\b(critical|important|moderate|low)\b", re.IGNORECASE)
TYPES = {"S": AdvisoryType.SECURITY, "B": AdvisoryType.BUGFIX, "E": AdvisoryType.ENHANCEMENT}
"""By the third letter of RHSA, CEBA and so on."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An advisory as its text tells it: without packages, but with the names of their files."""

    advisory: Advisory
    files: tuple[str, ...]


def files_in(lines: Iterable[str]) -> tuple[str, ...]:
    """The names of the binary packages that the lines name, by URL, path or bare, in their order."""
    names = (_file(token) for line in lines for token in line.split())
    found = dict.fromkeys(name for name in names if name)
    return tuple(found)[:_MOST_NAMES]


def sums_in(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(file name, digest) of each line that has both, or of two lines on which they follow each other."""
    return tuple(dict.fromkeys(_sums(lines)))[:_MOST_NAMES]


def cves_in(text: str) -> tuple[str, ...]:
    """The names in the text, sorted."""
    return tuple(sorted(set(CVE.findall(text))))


def links_in(lines: Iterable[str]) -> tuple[Reference, ...]:
    """The addresses in the lines; those that name a CVE by that name."""
    urls = (match.rstrip(").,;") for line in lines for match in URL.findall(line))
    return tuple(dict.fromkeys(_link(url) for url in urls))[:_MOST_REFERENCES]


def severity_in(text: str) -> str:
    """The first of the words that distributors rate errata by, as it is written there; '' where there is none."""
    match = _GRAVE.search(text)
    return match[1] if match else ""


def _sums(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    digest = ""
    for line in lines:
        tokens = line.split()
        if tokens and _SUM.fullmatch(tokens[0]):
            digest = tokens.pop(0).lower()
        name = _file(tokens[0]) if digest and tokens else ""
        if name:
            yield name, digest
        if tokens:
            digest = ""


def _file(token: str) -> str:
    """The name that a token ends in, where it is a binary package's."""
    name = unquote(token.rstrip(",;)>").rpartition("/")[2])
    fits = len(name) <= _LONGEST_NAME and name.endswith(".rpm") and not name.endswith(_SOURCES)
    return name if fits and _FILE.fullmatch(name) else ""


def _link(url: str) -> Reference:
    named = CVE.search(url)
    return Reference(url, named[0], "cve") if named else Reference(url, kind="other")
