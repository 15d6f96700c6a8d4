"""Plans and packages as JSON documents and back; docs/schemas/plan.json says what a plan's document holds."""

from datetime import date
from functools import lru_cache
from typing import Any

from mirrorsync.errors import PlanError
from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference, Told
from mirrorsync.model.package import Dependency, Digest, Package, Sense
from mirrorsync.model.plan import Change, Held, Incoming, Kept, NewImage, NewImages, Outgoing, Plan, Removal
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.node import Node, abbreviated

PLAN_SCHEMA = "mirrorsync-plan-1"

Document = dict[str, Any]
"""A JSON object: the one place where values are raw."""

_SIGNS = {Sense(bits): "".join(mark for bit, mark in ((2, "<"), (4, ">"), (8, "=")) if bits & bit) for bits in range(2, 16, 2)}
_SENSES = {sign: sense for sense, sign in _SIGNS.items()}
_REMEMBERED_DEPENDENCIES = 1 << 16


def plan_document(plan: Plan) -> Document:
    """The plan as a JSON-ready object; `plan_from` gives the same plan back."""
    return {
        "schema": PLAN_SCHEMA,
        "tree": plan.tree,
        "incoming": [_incoming_document(entry) for entry in plan.incoming],
        "outgoing": [_outgoing_document(entry) for entry in plan.outgoing],
        "kept": [{"package": package_document(entry.package), "reason": entry.reason} for entry in plan.kept],
        "held": [
            {"nevra": nevra_document(entry.nevra), "reason": entry.reason, "advisories": list(entry.advisories)} for entry in plan.held
        ],
        "unchanged": plan.unchanged,
        "advisories": [advisory_document(advisory) for advisory in plan.advisories],
        "images": _images_document(plan.images) if plan.images else None,
    }


def plan_from(document: object) -> Plan:
    """The plan that a document tells of. Raises PlanError with the path of the first fault."""
    plan = Node(document, "plan")
    if plan.field("schema").value != PLAN_SCHEMA:
        plan.field("schema").wrong(f"{PLAN_SCHEMA!r}")
    return Plan(
        plan.text("tree"),
        tuple(_incoming_from(node) for node in plan.items("incoming")),
        tuple(_outgoing_from(node) for node in plan.items("outgoing")),
        tuple(Kept(_package_at(node), node.text("reason")) for node in plan.items("kept")),
        tuple(Held(_nevra_at(node.field("nevra")), node.text("reason"), node.texts("advisories")) for node in plan.items("held")),
        plan.integer("unchanged"),
        tuple(advisory_from(node) for node in plan.items("advisories")),
        _images_from(plan.field("images")) if plan.has("images") and plan.field("images").value is not None else None,
    )


def nevra_document(nevra: NEVRA) -> Document:
    """A NEVRA as an object; a package without an epoch has none there either."""
    epoch = {} if nevra.evr.epoch is None else {"epoch": nevra.evr.epoch}
    return {"name": nevra.name, **epoch, "version": nevra.evr.version, "release": nevra.evr.release, "arch": nevra.arch}


def advisory_document(advisory: Advisory) -> Document:
    """An advisory as an object; of what came after the first version of plans, what is empty is left out."""
    document = {
        "id": advisory.id,
        "type": advisory.type.value,
        "severity": advisory.severity,
        "title": advisory.title,
        "issued": advisory.issued.isoformat() if advisory.issued else None,
        "updated": advisory.updated.isoformat() if advisory.updated else None,
        "cves": list(advisory.cves),
        "packages": [nevra_document(nevra) for nevra in advisory.packages],
        "reboot_suggested": advisory.reboot_suggested,
        "description": advisory.description,
        "told": advisory.told.value,
    }
    optional = {
        "revision": advisory.revision,
        "status": advisory.status,
        "references": [{"url": each.url, "id": each.id, "kind": each.kind, "title": each.title} for each in advisory.references],
        "sums": [{"file": name, "digest": digest} for name, digest in advisory.sums],
    }
    return document | {key: value for key, value in optional.items() if value}


def advisory_from(node: Node) -> Advisory:
    """The advisory that an object tells of. Raises PlanError with the path of the first fault."""
    return Advisory(
        node.text("id"),
        node.field("type").made(AdvisoryType),
        node.text("severity"),
        node.text("title"),
        _date_at(node.field("issued")),
        _date_at(node.field("updated")),
        node.texts("cves"),
        tuple(_nevra_at(inner) for inner in node.items("packages")),
        node.field("reboot_suggested").own(bool, "true or false"),
        node.text("description"),
        node.text("revision") if node.has("revision") else "",
        node.field("told").made(Told) if node.has("told") else Told.UPDATEINFO,
        _references_at(node) if node.has("references") else (),
        _sums_at(node) if node.has("sums") else (),
        node.text("status") if node.has("status") else "",
    )


def package_document(package: Package) -> Document:
    """A package as an object; what is empty is left out."""
    document = nevra_document(package.nevra)
    document["location"], document["size"] = package.location, package.size
    optional = {
        "digest": str(package.digest) if package.digest else None,
        "header": package.header,
        "source": package.source,
        "provides": [_dependency_text(dependency) for dependency in package.provides],
        "requires": [_dependency_text(dependency) for dependency in package.requires],
        "obsoletes": [_dependency_text(dependency) for dependency in package.obsoletes],
        "files": list(package.files),
        "module": package.module,
        "built": package.built,
    }
    document.update((key, value) for key, value in optional.items() if value)
    return document


def package_from(document: object, where: str = "package") -> Package:
    """The package that a document tells of; `where` is what a PlanError calls it. Fast: caches hold thousands."""
    try:
        return _package(document)  # type: ignore[arg-type]  # whatever it is, its faults are caught here
    except (KeyError, TypeError, ValueError, AttributeError, PlanError) as error:
        raise PlanError(f"{where}: not a package's description: {error!s:.200}") from error


def _package(document: Document) -> Package:
    name, version, release, arch = document["name"], document["version"], document["release"], document["arch"]
    location, size, epoch, built = document["location"], document["size"], document.get("epoch"), document.get("built", 0)
    header, source, module = document.get("header"), document.get("source", ""), document.get("module")
    _require(str, name, version, release, arch, location, source, *(text for text in (epoch, header, module) if text is not None))
    _require(int, size, built)
    return Package(
        NEVRA(name, EVR(epoch, version, release), arch),
        location,
        size,
        _digest(document.get("digest")),
        header or None,
        source,
        _dependencies(document, "provides"),
        _dependencies(document, "requires"),
        _dependencies(document, "obsoletes"),
        _texts(document, "files"),
        module or None,
        built,
    )


def _require(kind: type, *values: object) -> None:
    for value in values:
        if type(value) is not kind:
            raise TypeError(f"{abbreviated(value)} is no {kind.__name__}")


def _digest(text: str | None) -> Digest | None:
    if text is None:
        return None
    algorithm, value = text.split(":", 1)
    return Digest(algorithm, value)


def _dependencies(document: Document, key: str) -> tuple[Dependency, ...]:
    values = document.get(key)
    if values is None:
        return ()
    _require(list, values)
    return tuple([_parsed(value) if type(value) is str else _spelled(*value) for value in values])


def _texts(document: Document, key: str) -> tuple[str, ...]:
    values = document.get(key)
    if values is None:
        return ()
    _require(list, values)
    _require(str, *values)
    return tuple(values)


def _dependency_text(dependency: Dependency) -> str | list[object]:
    """`name` or `name >= evr`, with the epoch where there is one; the parts apart where that would not read back the same."""
    evr = dependency.evr
    if evr is None and not dependency.sense:
        text = dependency.name
    elif evr is not None and dependency.sense in _SIGNS:
        epoch = "" if evr.epoch is None else f"{evr.epoch}:"
        dashed = f"-{evr.release}" if evr.release else ""
        text = f"{dependency.name} {_SIGNS[dependency.sense]} {epoch}{evr.version}{dashed}"
    else:
        return _parts(dependency)
    try:
        return text if _parts(_parsed(text)) == _parts(dependency) else _parts(dependency)
    except PlanError:
        return _parts(dependency)


def _parts(dependency: Dependency) -> list[object]:
    evr = dependency.evr
    return [dependency.name, int(dependency.sense), *((evr.epoch, evr.version, evr.release) if evr is not None else ())]


@lru_cache(_REMEMBERED_DEPENDENCIES)
def _parsed(text: str) -> Dependency:
    """The dependency of a text; the same text gives the same value, for most are repeated in hundreds of packages."""
    if text.startswith("(") or " " not in text:
        return Dependency(text)
    name, _, rest = text.partition(" ")
    sign, _, evr = rest.partition(" ")
    if sign not in _SENSES:
        raise PlanError(f"{abbreviated(text)} is no dependency")
    return Dependency(name, _SENSES[sign], EVR.parse(evr))


def _spelled(name: str, sense: int, *evr: str | None) -> Dependency:
    _require(str, name)
    if not evr:
        return Dependency(name, Sense(sense))
    epoch, version, release = evr
    _require(str, version, release, *(() if epoch is None else (epoch,)))
    return Dependency(name, Sense(sense), EVR(epoch, version or "", release or ""))


def _incoming_document(entry: Incoming) -> Document:
    return {
        "package": package_document(entry.package),
        "origin": entry.origin,
        "change": entry.change.value,
        "reason": entry.reason,
        "advisories": list(entry.advisories),
    }


def _images_document(images: NewImages) -> Document:
    return {
        "origin": images.origin,
        "build": images.build,
        "files": [{"path": image.path, "digest": str(image.digest)} for image in images.files],
        "stamps": [{"section": section, "key": key, "value": value} for section, key, value in images.stamps],
    }


def _images_from(node: Node) -> NewImages:
    files = tuple(NewImage(inner.text("path"), Digest(*inner.text("digest").split(":", 1))) for inner in node.items("files"))
    stamps = tuple((inner.text("section"), inner.text("key"), inner.text("value")) for inner in node.items("stamps"))
    return NewImages(node.text("origin"), node.text("build"), files, stamps)


def _outgoing_document(entry: Outgoing) -> Document:
    return {
        "package": package_document(entry.package),
        "removal": entry.removal.value,
        "by": nevra_document(entry.by),
        "reason": entry.reason,
    }


def _package_at(node: Node) -> Package:
    inner = node.field("package")
    return package_from(inner.value, inner.where)


def _nevra_at(node: Node) -> NEVRA:
    evr = EVR(node.text("epoch") if node.has("epoch") else None, node.text("version"), node.text("release"))
    return NEVRA(node.text("name"), evr, node.text("arch"))


def _incoming_from(node: Node) -> Incoming:
    change: Change = node.field("change").made(Change)
    return Incoming(_package_at(node), node.text("origin"), change, node.text("reason"), node.texts("advisories"))


def _outgoing_from(node: Node) -> Outgoing:
    removal: Removal = node.field("removal").made(Removal)
    return Outgoing(_package_at(node), removal, _nevra_at(node.field("by")), node.text("reason"))


def _references_at(node: Node) -> tuple[Reference, ...]:
    return tuple(Reference(*(inner.text(key) for key in ("url", "id", "kind", "title"))) for inner in node.items("references"))


def _sums_at(node: Node) -> tuple[tuple[str, str], ...]:
    return tuple((inner.text("file"), inner.text("digest")) for inner in node.items("sums"))


def _date_at(node: Node) -> date | None:
    found: date | None = None if node.value is None else node.made(date.fromisoformat)
    return found
