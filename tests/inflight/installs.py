"""Two simulated nodes: the installer of Red Hat Linux 7.3, and a client of repodata; each checks every byte it is given."""

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from tests.hdlists import HDLIST, HDLIST2, UnpairedError, paired
from tests.inflight.doors import Door, RefusedError
from tests.inflight.ledger import Names

STAMP = ".mirrorsync-generation"
_REPO = "{http://linux.duke.edu/metadata/repo}"
_COMMON = "{http://linux.duke.edu/metadata/common}"

Pause = Callable[[], None]


class MixedError(Exception):
    """What was read is not of one generation, or not what was built."""


FAULTS = (RefusedError, UnpairedError, MixedError)


@dataclass(frozen=True, slots=True)
class Install:
    """How one install ended.

    first, last: the generations it may have begun with (one number where it could tell).  read: the packages it read.
    spanned: how many were published meanwhile.  fault: '' where it read all it was told of.
    """

    kind: str
    first: int = 0
    last: int = 0
    read: Names = frozenset()
    spanned: int = 0
    fault: str = ""

    def judged(self, expected: Mapping[int, Names]) -> str:
        """What was wrong with it, '' for nothing: all that it read has to be all of one generation that it may have begun with."""
        if self.fault:
            return f"{self.kind}: generation {self.first}: {self.fault}"
        if any(expected.get(number) == self.read for number in range(self.first, self.last + 1)):
            return ""
        return f"{self.kind}: generation {self.first} to {self.last}: read {sorted(self.read)}, which no such generation lists"


def stamp_of(door: Door) -> int:
    """The generation that the tree behind the door says it is."""
    return int(door.read(STAMP).split()[0])


def redhat_packages(door: Door, digests: Mapping[str, str], pause: Pause) -> Names:
    """Read a tree as the installer did: hdlist; a while later hdlist2, paired with it; then each package by the name that hdlist has.

    Raises what FAULTS are.
    """
    hdlist = door.read(HDLIST)
    pause()
    names = [record.filename for record in paired(hdlist, door.read(HDLIST2))]
    for name in names[: len(names) // 2]:
        _check(name, door.read(f"RedHat/RPMS/{name}"), digests)
    pause()
    for name in names[len(names) // 2 :]:
        _check(name, door.read(f"RedHat/RPMS/{name}"), digests)
    return frozenset(names)


def repodata_packages(door: Door, digests: Mapping[str, str], pause: Pause) -> Names:
    """Read a tree by its repodata: repomd.xml; a while later primary, by the name that it has there; then each package.

    Raises what FAULTS are.
    """
    repomd = door.read("repodata/repomd.xml")
    pause()
    locations = _locations(_primary(door, repomd))
    for location in locations[: len(locations) // 2]:
        _check(location, door.read(location), digests)
    pause()
    for location in locations[len(locations) // 2 :]:
        _check(location, door.read(location), digests)
    return frozenset(location.rpartition("/")[2] for location in locations)


def _primary(door: Door, repomd: bytes) -> bytes:
    """Unpacked; repomd.xml has the SHA-256 of the packed file."""
    record = ElementTree.fromstring(repomd).find(f"{_REPO}data[@type='primary']")
    location, checksum = (record.find(f"{_REPO}{name}") if record is not None else None for name in ("location", "checksum"))
    if location is None or checksum is None:
        raise MixedError("repomd.xml names no primary")
    packed = door.read(location.attrib["href"])
    if hashlib.sha256(packed).hexdigest() != checksum.text:
        raise MixedError(f"{location.attrib['href']}: not the file that repomd.xml names")
    return gzip.decompress(packed)


def _locations(primary: bytes) -> list[str]:
    packages = ElementTree.fromstring(primary).iterfind(f"{_COMMON}package/{_COMMON}location")
    return [location.attrib["href"] for location in packages]


def _check(location: str, content: bytes, digests: Mapping[str, str]) -> None:
    if hashlib.sha256(content).hexdigest() != digests.get(location.rpartition("/")[2]):
        raise MixedError(f"{location}: not the package as it was built")
