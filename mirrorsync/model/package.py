"""One package as its header describes it, with what planning needs to decide about it."""

from dataclasses import dataclass
from enum import IntFlag

from mirrorsync.model.version import EVR, NEVRA


class Sense(IntFlag):
    """How a dependency compares versions: rpm's RPMSENSE_LESS, GREATER and EQUAL bits."""

    ANY = 0
    LESS = 2
    GREATER = 4
    EQUAL = 8


LONGEST_DEPENDENCY = 4096
"""Characters: of what packages name, files have the longest names, and PATH_MAX is 4096."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """`name`, or `name sense evr`. A rich dependency is a name that begins with '('."""

    name: str
    sense: Sense = Sense.ANY
    evr: EVR | None = None

    def __str__(self) -> str:
        if self.evr is None or not self.sense:
            return self.name
        sign = "".join(mark for bit, mark in ((Sense.LESS, "<"), (Sense.GREATER, ">"), (Sense.EQUAL, "=")) if self.sense & bit)
        return f"{self.name} {sign} {self.evr}"

    def matches(self, evr: EVR) -> bool:
        """Whether a package of this name at `evr` is meant, as rpmdsCompare decides: where one side has no release, it does not count."""
        if self.evr is None or not self.sense:
            return True
        whole = bool(self.evr.release and evr.release)
        order = evr.compare(self.evr) if whole else evr.without_release().compare(self.evr.without_release())
        wanted = Sense.EQUAL if order == 0 else Sense.LESS if order < 0 else Sense.GREATER
        return bool(self.sense & wanted)


@dataclass(frozen=True, slots=True)
class Digest:
    """A checksum of a whole file: `algorithm` as hashlib names it ("sha256"), `value` in lower-case hex."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


@dataclass(frozen=True, slots=True)
class Package:
    """A binary package in a tree or on a mirror.

    location: relative to the catalogue's root ('/' between parts): `RedHat/RPMS/x.rpm`, `Packages/x.rpm`.
    size: bytes of the .rpm file.  digest: of the .rpm file, None where the mirror tells none.
    header: SHA-256 (hex) of the main header's bytes, None where only metadata was read.
    source: the source package's file name, '' where the header has none.
    files: the paths other packages may require: every path in a directory of binaries or in /etc
    (the subset primary.xml carries), plus those a reader was asked to complete.
    module: "name:stream" of a modular package, None for all others.
    built: seconds since the epoch.
    """

    nevra: NEVRA
    location: str
    size: int
    digest: Digest | None = None
    header: str | None = None
    source: str = ""
    provides: tuple[Dependency, ...] = ()
    requires: tuple[Dependency, ...] = ()
    obsoletes: tuple[Dependency, ...] = ()
    files: tuple[str, ...] = ()
    module: str | None = None
    built: int = 0

    @property
    def name(self) -> str:
        """The package's name, which many decisions group by."""
        return self.nevra.name

    @property
    def evr(self) -> EVR:
        """The package's epoch, version and release."""
        return self.nevra.evr

    @property
    def arch(self) -> str:
        """The package's architecture."""
        return self.nevra.arch

    @property
    def filename(self) -> str:
        """The last part of its location: what hdlist's tag 1000000 says."""
        return self.location.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class IndexedPackage:
    """What an index says of one package: where it lies below the tree's root, its size in bytes, and its digest where the index has one."""

    location: str
    size: int
    nevra: NEVRA
    digest: Digest | None = None
