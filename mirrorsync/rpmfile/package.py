"""A package described by its header: identity, dependencies and the paths others may require."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from mirrorsync.errors import HeaderError
from mirrorsync.model.package import LONGEST_DEPENDENCY, Dependency, Digest, Package, Sense
from mirrorsync.model.version import EVR, LONGEST_NEVRA, NEVRA
from mirrorsync.rpmfile.header import RawHeader, RpmHeaders
from mirrorsync.rpmfile.tags import Tag

_PROVIDES = (Tag.PROVIDENAME, Tag.PROVIDEFLAGS, Tag.PROVIDEVERSION)
_REQUIRES = (Tag.REQUIRENAME, Tag.REQUIREFLAGS, Tag.REQUIREVERSION)
_OBSOLETES = (Tag.OBSOLETENAME, Tag.OBSOLETEFLAGS, Tag.OBSOLETEVERSION)
_SENSES = tuple(Sense(bits) for bits in range(16))
_MOST = 1 << 17  # dependencies of one kind; kernels, which have the most, provide some 60,000 symbols
_COMPARING = Sense.LESS | Sense.GREATER | Sense.EQUAL


def describe(headers: RpmHeaders, *, location: str, size: int, digest: Digest | None = None) -> Package:
    """The package whose file of `size` bytes lies at `location`. Raises HeaderError where the header names no package."""
    main = headers.main
    identity = nevra(main)
    return Package(
        nevra=identity,
        location=location,
        size=size,
        digest=digest,
        header=hashlib.sha256(main.blob).hexdigest(),
        source=main.string(Tag.SOURCERPM) or "",
        provides=_with_itself(identity, _dependencies(main, *_PROVIDES)),
        requires=_dependencies(main, *_REQUIRES),
        obsoletes=_dependencies(main, *_OBSOLETES),
        files=tuple(_commonly_required(main)),
        built=main.integer(Tag.BUILDTIME) or 0,
    )


def nevra(main: RawHeader) -> NEVRA:
    """Whose header it is. Raises HeaderError where name, version, release or architecture are missing."""
    name, version, release, arch = (main.string(tag) for tag in (Tag.NAME, Tag.VERSION, Tag.RELEASE, Tag.ARCH))
    if not name or not version or not release or not arch:
        raise HeaderError("the header lacks a name, version, release or architecture")
    epoch = main.integer(Tag.EPOCH)
    found = NEVRA(name, EVR(None if epoch is None else str(epoch), version, release), _source_arch(main) or arch)
    if len(str(found)) > LONGEST_NEVRA:
        raise HeaderError(f"its name, version and release are {len(str(found))} characters long, and no file's name is")
    return found


def paths(headers: RpmHeaders) -> Iterator[str]:
    """Every path of the package, in the header's order."""
    main = headers.main
    yield from main.strings(Tag.OLDFILENAMES)
    folders = main.strings(Tag.DIRNAMES)
    for place, name in _placed(main):
        yield folders[place] + name


def _source_arch(main: RawHeader) -> str | None:
    """`src` or `nosrc` for a source package, which keeps in its header the architecture it was built on."""
    if Tag.SOURCERPM in main.entries and Tag.SOURCEPACKAGE not in main.entries:
        return None
    return "nosrc" if Tag.NOSOURCE in main.entries or Tag.NOPATCH in main.entries else "src"


def _dependencies(main: RawHeader, names: Tag, flags: Tag, versions: Tag) -> tuple[Dependency, ...]:
    if (entry := main.entries.get(names)) and entry.length > _MOST:
        raise HeaderError(f"it claims {entry.length} dependencies of one kind; more than {_MOST} are not read")
    found = main.strings(names)
    senses = main.integers(flags) or (0,) * len(found)
    evrs = main.strings(versions) or ("",) * len(found)
    if not len(found) == len(senses) == len(evrs):
        raise HeaderError(f"{len(found)} names, {len(senses)} flags and {len(evrs)} versions of dependencies (tag {names.value})")
    return tuple([_dependency(*parts) for parts in zip(found, senses, evrs, strict=True)])


@lru_cache(maxsize=1 << 16)
def _dependency(name: str, flags: int, evr: str) -> Dependency:
    """Packages say the same things; shared, a distribution's dependencies take a fraction of the memory. Raises HeaderError."""
    if (length := len(name) + len(evr)) > LONGEST_DEPENDENCY:
        raise HeaderError(f"a dependency is {length} characters long, and {LONGEST_DEPENDENCY} are as many as a path has")
    return Dependency(name, _SENSES[flags & _COMPARING], _evr(evr))


def _evr(text: str) -> EVR | None:
    """`[epoch:]version[-release]` as librpm splits it: an epoch is all digits, the release follows the last '-'."""
    if not text:
        return None
    epoch, colon, rest = text.partition(":")
    if not colon or (epoch and not (epoch.isascii() and epoch.isdigit())):
        epoch, rest = "", text
    elif not epoch:
        epoch = "0"
    version, dash, release = rest.rpartition("-")
    return EVR(epoch or None, version if dash else rest, release if dash else "")


def _with_itself(identity: NEVRA, provides: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
    """Headers of before rpm 3.0.3 leave it unsaid that a package provides its own name at its own EVR."""
    itself = Dependency(identity.name, Sense.EQUAL, identity.evr)
    if identity.arch in ("src", "nosrc") or itself in provides:
        return provides
    return (*provides, itself)


def _commonly_required(main: RawHeader) -> Iterator[str]:
    """The paths primary.xml carries (createrepo's rule): below a directory that ends in `bin`, below /etc, /usr/lib/sendmail."""
    for path in main.strings(Tag.OLDFILENAMES):
        if _is_common(path):
            yield path
    folders = main.strings(Tag.DIRNAMES)
    common = [_is_common(folder) for folder in folders]
    if any(common) or "/usr/lib/" in folders:
        for place, name in _placed(main):
            if common[place] or (name == "sendmail" and folders[place] == "/usr/lib/"):
                yield folders[place] + name


def _is_common(path: str) -> bool:
    return "bin/" in path or path.startswith("/etc/") or path == "/usr/lib/sendmail"


def _placed(main: RawHeader) -> Iterator[tuple[int, str]]:
    """(index of its directory, name) of every file."""
    places = main.integers(Tag.DIRINDEXES)
    names = main.strings(Tag.BASENAMES)
    folders = main.entries.get(Tag.DIRNAMES)
    if len(places) != len(names) or (places and max(places) >= (folders.length if folders else 0)):
        raise HeaderError(f"the file list contradicts itself: {len(names)} names, {len(places)} directory indexes")
    return zip(places, names, strict=True)
