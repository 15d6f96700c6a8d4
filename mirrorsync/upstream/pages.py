"""A directory listing's page, of any web or FTP server, as entries. Names come from links, never from the text shown."""

import re
from codecs import getincrementaldecoder
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from html.parser import HTMLParser
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from mirrorsync.errors import UpstreamError
from mirrorsync.upstream.body import plain

MOST_ENTRIES = 200_000
_LONGEST_TEXT = 400
_LONGEST_TAG = 128 << 10  # characters; what the parser has made nothing of it reads again with each piece
_PIECE = 16 << 10
_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DATE = re.compile(
    r"\b(?:(?P<year>\d{4})-(?P<month>\d\d|[A-Z][a-z]{2})-(?P<day>\d\d)|(?P<day2>\d\d)-(?P<month2>[A-Z][a-z]{2})-(?P<year2>\d{4}))"
    r"[T ]{1,3}(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
)
_SIZE = re.compile(r"(?:^|(?<=\s))(?P<number>\d{1,15}(?:\.\d{1,3})?) ?(?P<unit>[KMGTkmgt]?)(?:i?B)?(?=\s|$)")
_FACT_SIZE = re.compile(r"[0-9]{1,18}")
_LIST_LINE = re.compile(
    r"(?P<kind>[-dl])[-rwxsStTlL]{9}[+.@]?\s+\d+\s+(?:\S+\s+){1,2}(?P<size>\d{1,18})\s+"
    r"(?:(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2})\s+(?:(?P<year>\d{4})|(?P<hour>\d{1,2}):(?P<minute>\d\d))"
    r"|(?P<iso>\d{4}-\d\d-\d\d \d\d:\d\d)) (?P<name>.+)"
)


class Kind(StrEnum):
    """What a listing says an entry is; a LINK may be either, and only FTP's LIST tells."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder.

    name: decoded; bytes that are not UTF-8 as surrogate escapes.  size: bytes, None where the page tells none; `exact` is whether
    it is the file's real size (1.6M is not).  modified: as the server writes it, to the precision it gives, of no known time zone.
    """

    name: str
    kind: Kind
    size: int | None = None
    exact: bool = False
    modified: datetime | None = None


def parse_page(page: bytes, url: str) -> tuple[Entry, ...]:
    """The entries of an HTML listing that `url` (the folder's, after redirects) answered with, sorted by name.

    Links that lead out of the folder are left out: other hosts and schemes, parents, deeper paths, sort orders.
    Raises UpstreamError past 200,000 entries, for one tag of more than 128 KiB, and for what is no HTML.
    """
    reader = _PageReader(_folder(url), url)
    decoder = getincrementaldecoder("utf-8")(errors="surrogateescape")
    try:
        for start in range(0, len(page), _PIECE):
            reader.feed(decoder.decode(page[start : start + _PIECE]))
            if len(reader.rawdata) > _LONGEST_TAG:
                raise UpstreamError(f"{url}: is no listing: one tag has more than {_LONGEST_TAG >> 10} KiB; is it a mirror's folder?")
    except AssertionError as error:  # what HTMLParser makes of a marked section that it does not know
        raise UpstreamError(f"{url}: is not a listing that can be read: {plain(str(error))}; is it a mirror's folder?") from error
    # No close(): what follows an unfinished tag is no entry, and parsing it again and again would take quadratic time.
    reader.finish()
    return tuple(sorted(reader.found.values(), key=lambda entry: entry.name))


def parse_list(lines: Iterable[str], today: date) -> tuple[Entry, ...]:
    """FTP's LIST as `ls -l` prints it (vsftpd, ProFTPD, wu-ftpd), sorted by name.

    `today` decides the year of dates that have none. A link's size is not its file's, so it has none.
    """
    matches = (_LIST_LINE.fullmatch(line) for line in lines)
    found = {entry.name: entry for entry in (_listed(match, today) for match in matches if match) if _is_name(entry.name)}
    return tuple(sorted(found.values(), key=lambda entry: entry.name))


def parse_mlsd(lines: Iterable[str]) -> tuple[Entry, ...]:
    """FTP's MLSD (RFC 3659), sorted by name; times are UTC there."""
    found = (_fact_entry(line) for line in lines)
    named = {entry.name: entry for entry in found if entry is not None and _is_name(entry.name)}
    return tuple(sorted(named.values(), key=lambda entry: entry.name))


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as an entry's time: UTC, without saying so."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


class _PageReader(HTMLParser):
    """Collects, for every link into the folder, the text that follows it up to the next link or row."""

    def __init__(self, folder: tuple[str, ...], url: str) -> None:
        super().__init__()
        self.found: dict[str, Entry] = {}
        self._folder = folder
        self._url = url
        self._entry: Entry | None = None
        self._text: list[str] = []
        self._in_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in values:
            self.finish()
            self._entry = _linked(values["href"], self._url, self._folder)
            self._in_link = True
        elif tag in ("tr", "hr", "li"):
            self.finish()
        elif tag == "td":
            self._note(values.get("data-order") or values.get("data-size") or "")
        elif tag == "time":
            self._note(values.get("datetime", "").strip())

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._in_link = False
        elif tag in ("td", "tr"):
            self._note(" ")

    def handle_data(self, data: str) -> None:
        if not self._in_link:
            self._note(data)

    def finish(self) -> None:
        """Add the entry whose text has ended."""
        entry, text = self._entry, "".join(self._text)
        self._entry, self._text = None, []
        if entry is None:
            return
        entry = _dated(entry, text)
        known = self.found.get(entry.name)
        if known is None or (known.modified is None and known.size is None):
            self.found[entry.name] = entry
        if len(self.found) > MOST_ENTRIES:
            raise UpstreamError(f"{self._url}: lists more than {MOST_ENTRIES} files; is it a mirror's folder?")

    def _note(self, text: str) -> None:
        if self._entry is not None and len(self._text) < _LONGEST_TEXT:
            self._text.append(f"{text[:_LONGEST_TEXT]} ")


def _folder(url: str) -> tuple[str, ...]:
    """Scheme, host and decoded path parts of a folder's URL: what its links must begin with."""
    parts = urlsplit(url)
    return (*_origin(parts), *_decoded_parts(parts.path.rpartition("/")[0]))


def _origin(parts: SplitResult) -> tuple[str, str]:
    return parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()


def _decoded_parts(path: str) -> list[str]:
    return [unquote(part, errors="surrogateescape") for part in path.split("/")]


def _linked(href: str, url: str, folder: tuple[str, ...]) -> Entry | None:
    """The entry a link names, None where it does not lead to one directly in the folder."""
    try:
        target = urlsplit(urljoin(url, href.strip()))
    except ValueError:
        return None
    if "?" in href or "#" in href:
        return None
    path = target.path.removesuffix("/")
    parts = (*_origin(target), *_decoded_parts(path))
    if parts[:-1] != folder or not _is_name(parts[-1]):
        return None
    return Entry(parts[-1], Kind.FILE if path == target.path else Kind.DIRECTORY)


def _is_name(name: str) -> bool:
    """Whether something is named at all: whoever uses a name refuses what is wrong with it, and says so."""
    return name not in ("", ".", "..")


def _dated(entry: Entry, text: str) -> Entry:
    """The entry with the date and the size that stand beside it."""
    match = _DATE.search(text)
    modified = _datetime(match) if match else None
    rest = _DATE.sub(" ", text)
    if entry.kind is Kind.DIRECTORY:
        return replace(entry, modified=modified)
    size, exact = _size(rest)
    return replace(entry, size=size, exact=exact, modified=modified)


def _size(text: str) -> tuple[int | None, bool]:
    """Bytes, and whether they are exact: a bare number is, and the first one counts."""
    match = _SIZE.search(text)
    if match is None:
        return None, False
    if not match["unit"] and match["number"].isdigit():
        return int(match["number"]), True
    return int(float(match["number"]) * _UNITS[match["unit"].lower()]), False


def _datetime(match: re.Match[str]) -> datetime | None:
    year, month, day = (match[name] or match[f"{name}2"] for name in ("year", "month", "day"))
    return _composed(year, month, day, match["hour"], match["minute"], match["second"] or "0")


def _composed(year: str, month: str, *rest: str) -> datetime | None:
    """A date, None where there is no such day or hour."""
    number = _MONTHS.get(month.lower()) or (int(month) if month.isdigit() else 0)
    day, hour, minute, second = (int(part) for part in rest)
    try:
        return datetime(int(year), number, day, hour, minute, second)
    except ValueError:
        return None


def _listed(match: re.Match[str], today: date) -> Entry:
    kind = {"-": Kind.FILE, "d": Kind.DIRECTORY, "l": Kind.LINK}[match["kind"]]
    name = match["name"].partition(" -> ")[0] if kind is Kind.LINK else match["name"]
    modified = _list_date(match, today)
    if kind is not Kind.FILE:
        return Entry(name, kind, modified=modified)
    return Entry(name, kind, int(match["size"]), exact=True, modified=modified)


def _list_date(match: re.Match[str], today: date) -> datetime | None:
    if match["iso"]:
        found = _DATE.match(match["iso"])
        return _datetime(found) if found else None
    if match["year"]:
        return _composed(match["year"], match["month"], match["day"], "0", "0", "0")
    parts = (match["month"], match["day"], match["hour"], match["minute"], "0")
    latest = today + timedelta(days=1)  # the server's clock may be a time zone ahead
    candidates = (_composed(str(latest.year - back), *parts) for back in range(2))
    return next((found for found in candidates if found and found.date() <= latest), None)


def _fact_entry(line: str) -> Entry | None:
    facts, blank, name = line.partition(" ")
    known = {key.lower(): value for key, _, value in (fact.partition("=") for fact in facts.split(";"))}
    kind = _fact_kind(known.get("type", "").lower())
    if not blank or kind is None:
        return None
    stamp = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?", known.get("modify", ""))
    modified = _composed(*stamp.groups()) if stamp else None
    size = known.get("size", "")
    if kind is not Kind.FILE or not _FACT_SIZE.fullmatch(size):
        return Entry(name, kind, modified=modified)
    return Entry(name, kind, int(size), exact=True, modified=modified)


def _fact_kind(fact: str) -> Kind | None:
    """`cdir` and `pdir` are the folder itself and its parent."""
    if fact.startswith(("os.unix=slink", "os.unix=symlink")):
        return Kind.LINK
    return {"file": Kind.FILE, "dir": Kind.DIRECTORY}.get(fact)
