"""hdlist and hdlist2 read more strictly than an installer does, which stops without a word where hdlist is cut."""

from collections.abc import Iterator
from dataclasses import dataclass

from mirrorsync.errors import HeaderError
from mirrorsync.model.version import NEVRA
from mirrorsync.rpmfile.header import RawHeader, parse_header
from mirrorsync.rpmfile.package import nevra
from mirrorsync.tree.hdlist.tags import HdlistTag


@dataclass(frozen=True, slots=True)
class HdlistEntry:
    """One package as hdlist lists it.

    filename: its file's name in RedHat/RPMS; size: that file's, in bytes; matcher: None in lists older than hdlist2.
    """

    filename: str
    size: int
    nevra: NEVRA
    matcher: int | None = None
    disc: int | None = None
    order: int | None = None


def read_hdlist(hdlist: bytes) -> tuple[HdlistEntry, ...]:
    """The packages hdlist lists, in its order. Raises HeaderError naming the record that is damaged or cut short."""
    packages: list[HdlistEntry] = []
    for position, header in _records(hdlist, "hdlist"):
        try:
            packages.append(_indexed(header))
        except HeaderError as error:
            raise HeaderError(f"hdlist: record {position}{_after(packages)}: {error}") from error
    return tuple(packages)


def read_pair(hdlist: bytes, hdlist2: bytes) -> tuple[HdlistEntry, ...]:
    """The packages of hdlist, where hdlist2 belongs to it. Raises HeaderError naming the first record that does not."""
    packages = read_hdlist(hdlist)
    matchers = [header.integer(HdlistTag.MATCHER) for _, header in _records(hdlist2, "hdlist2")]
    for position, (package, matcher) in enumerate(zip(packages, matchers, strict=False), 1):
        if matcher is None or matcher != package.matcher:
            raise HeaderError(f"hdlist2: record {position} ({package.filename}): match tag {matcher} where hdlist has {package.matcher}")
    if len(matchers) < len(packages):
        raise HeaderError(f"hdlist2: ends after {len(matchers)} records; {packages[len(matchers)].filename} and what follows have none")
    if len(matchers) > len(packages):
        raise HeaderError(f"hdlist2: {len(matchers)} records where hdlist has {len(packages)}")
    return packages


def _records(content: bytes, name: str) -> Iterator[tuple[int, RawHeader]]:
    """(number from 1, header) of each record."""
    at = position = 0
    while at < len(content):
        position += 1
        try:
            header = parse_header(content, at)
        except HeaderError as error:
            raise HeaderError(f"{name}: record {position}, at byte {at}: {error}") from error
        yield position, header
        at += len(header.blob)


def _indexed(header: RawHeader) -> HdlistEntry:
    filename, size = header.string(HdlistTag.FILENAME), header.integer(HdlistTag.FILESIZE)
    if not filename or size is None:
        raise HeaderError("it names no file, or no size of it")
    numbers = (header.integer(tag) for tag in (HdlistTag.MATCHER, HdlistTag.DISC, HdlistTag.ORDER))
    return HdlistEntry(filename, size, nevra(header), *numbers)


def _after(packages: list[HdlistEntry]) -> str:
    return f" (after {packages[-1].filename})" if packages else ""
