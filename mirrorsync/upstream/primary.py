"""primary.xml: the packages of a repository."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from xml.etree.ElementTree import Element

from mirrorsync.errors import UpstreamError
from mirrorsync.model.finding import Finding, Severity, curtailed
from mirrorsync.model.package import LONGEST_DEPENDENCY, Dependency, Package, Sense
from mirrorsync.model.version import EVR, LONGEST_NEVRA, NEVRA
from mirrorsync.planning.architecture import SOURCES
from mirrorsync.upstream.repomd import checksum, plain_location
from mirrorsync.upstream.xmlstream import called, child_of, children, local_name, number_in, open_document, text_of

_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_LARGEST = 64 << 30  # bytes; the largest packages there are have some five
MOST_PACKAGES = 200_000  # the largest distributions have 70,000 in one repository
_MOST_BROKEN = 1000
_SENSES = {
    None: Sense.ANY,
    "EQ": Sense.EQUAL,
    "LT": Sense.LESS,
    "LE": Sense.LESS | Sense.EQUAL,
    "GT": Sense.GREATER,
    "GE": Sense.GREATER | Sense.EQUAL,
}


@dataclass(frozen=True, slots=True)
class Primary:
    """listed: how many packages primary.xml has, those that are not wanted and the broken ones too."""

    packages: tuple[Package, ...]
    listed: int
    findings: tuple[Finding, ...] = ()


def read_primary(chunks: Iterable[bytes], *, source: str, wanted: Callable[[str], bool], modules: Mapping[tuple[str, ...], str]) -> Primary:
    """The packages whose architecture is `wanted`, sorted by location, without source packages.

    modules: NEVRA key to "name:stream". A package that cannot be described becomes a finding. Raises UpstreamError where the whole
    file is broken.
    """
    root, elements = open_document(chunks, "package", source=source)
    if local_name(root.tag) != "metadata":
        raise UpstreamError(f"{source}: is not a primary.xml but {called(root)}")
    announced = root.get("packages", "")
    packages: list[Package] = []
    findings: list[Finding] = []
    listed = 0
    for element in elements:
        listed += 1
        if listed > MOST_PACKAGES:
            raise UpstreamError(f"{source}: lists more than {MOST_PACKAGES} packages; refused: give the URL of one release's updates")
        try:
            if (arch := text_of(child_of(element, "arch"))) not in SOURCES and wanted(arch):
                package = _package(element, arch, f"{source}: {text_of(child_of(element, 'name'))[:200] or 'a package without a name'}")
                packages.append(replace(package, module=modules[key]) if (key := package.nevra.key) in modules else package)
        except UpstreamError as error:
            findings.append(_broken(source, str(error)))
            if len(findings) > _MOST_BROKEN:
                raise UpstreamError(f"{source}: more than {_MOST_BROKEN} packages are broken; refused: use another mirror") from error
    if announced != str(listed):
        findings.append(_miscounted(source, announced, listed))
    return Primary(tuple(sorted(packages, key=lambda package: (package.location, str(package.digest)))), listed, curtailed(findings))


def _package(element: Element, arch: str, name: str) -> Package:
    parts = {local_name(child.tag): child for child in element}
    relations = {local_name(child.tag): child for child in parts.get("format", ())}
    digest = parts.get("checksum")
    if digest is None:
        raise UpstreamError(f"{name}: has no checksum")
    return Package(
        nevra=_nevra(parts, arch, name),
        location=_location(parts.get("location"), name),
        size=_size(parts.get("size"), name),
        digest=checksum(digest.get("type", ""), text_of(digest), source=name),
        source=text_of(relations.get("sourcerpm")),
        provides=_dependencies(relations.get("provides"), name),
        requires=_dependencies(relations.get("requires"), name),
        obsoletes=_dependencies(relations.get("obsoletes"), name),
        files=tuple(text for file in children(parts.get("format"), "file") if (text := file.text or "").startswith("/")),
        built=_number(parts.get("time"), "build", name),
    )


def _nevra(parts: Mapping[str, Element], arch: str, name: str) -> NEVRA:
    version = parts.get("version")
    package = text_of(parts.get("name"))
    if not package or not arch or version is None or not version.get("ver") or version.get("rel") is None:
        raise UpstreamError(f"{name}: has no name, version, release or architecture")
    epoch = version.get("epoch", "")
    if epoch and not (epoch.isascii() and epoch.isdigit()):
        raise UpstreamError(f"{name}: its epoch {epoch[:40]!r} is not a number")
    nevra = NEVRA(package, _evr(epoch, version.get("ver", ""), version.get("rel", "")), arch)
    if len(str(nevra)) > LONGEST_NEVRA:
        raise UpstreamError(f"{name}: its name, version and release are {len(str(nevra))} characters long, and no file's name is")
    return nevra


def _location(element: Element | None, name: str) -> str:
    if element is None:
        raise UpstreamError(f"{name}: has no location")
    if base := element.get(_BASE):
        raise UpstreamError(f"{name}: lies elsewhere, at {base[:120]!r}, where nothing is looked for; give that place as an update source")
    location = plain_location(element.get("href", ""), source=name)
    if not location.endswith(".rpm"):
        raise UpstreamError(f"{name}: location {location!r} is not an .rpm file")
    return location


def _size(element: Element | None, name: str) -> int:
    """Of the file: one of nothing cannot be told from what did not come, and no disk is to be made room on for what there is not."""
    size = _number(element, "package", name)
    if not 0 < size <= _LARGEST:
        raise UpstreamError(f"{name}: its file is said to be {size} bytes, and packages are 1 byte to {_LARGEST >> 30} GiB")
    return size


def _number(element: Element | None, attribute: str, name: str) -> int:
    text = element.get(attribute, "") if element is not None else ""
    if (number := number_in(text)) is None:
        raise UpstreamError(f"{name}: {attribute} {text[:40]!r} is not a number")
    return number


def _dependencies(element: Element | None, name: str) -> tuple[Dependency, ...]:
    if element is None:
        return ()
    try:
        return tuple(
            _dependency(entry.attrib["name"], entry.get("flags"), entry.get("epoch", ""), entry.get("ver"), entry.get("rel", ""))
            for entry in element
        )
    except KeyError as error:
        raise UpstreamError(f"{name}: a {local_name(element.tag)} entry has no name, or no known comparison ({error})") from error
    except ValueError as error:
        raise UpstreamError(f"{name}: a {local_name(element.tag)} entry {error}") from error


@lru_cache(maxsize=1 << 17)
def _dependency(name: str, flags: str | None, epoch: str, version: str | None, release: str) -> Dependency:
    """Kept, for a distribution says the same things thousands of times. Raises KeyError, and ValueError for one too long to be shown."""
    sense = _SENSES[flags]
    if (length := len(name) + len(epoch) + len(version or "") + len(release)) > LONGEST_DEPENDENCY:
        raise ValueError(f"is {length} characters long, and {LONGEST_DEPENDENCY} are as many as a path has")
    return Dependency(name, sense, _evr(epoch, version, release)) if sense and version is not None else Dependency(name)


@lru_cache(maxsize=1 << 16)
def _evr(epoch: str, version: str, release: str) -> EVR:
    """createrepo writes an epoch that a header lacks as 0."""
    return EVR(epoch if epoch not in ("", "0") else None, version, release)


def _broken(source: str, what: str) -> Finding:
    remedy = "it is not offered; tell the mirror's owner"
    return Finding(Severity.WARNING, "broken-metadata", source, what.removeprefix(f"{source}: "), remedy)


def _miscounted(source: str, announced: str, listed: int) -> Finding:
    what = f"it announces {announced[:20] or 'no number of'} packages and lists {listed}"
    return Finding(Severity.WARNING, "package-count", source, what, "the mirror's metadata may be incomplete; tell its owner")
