"""Metadata that no package carries: which of it a new generation takes along, and how the tree's and the mirrors' are merged."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import createrepo_c

from mirrorsync.errors import TreeError, UnpackingError
from mirrorsync.files import contained
from mirrorsync.model.package import Package
from mirrorsync.tree.layout import REPODATA
from mirrorsync.unpacking import unpacked

_MADE_ANEW = ("primary", "filelists", "other", "filelists_ext")
_LARGEST = 1 << 30  # bytes of one metadata file, unpacked
_MERGED = ("modules", "updateinfo")
CARRIED = (*_MERGED, "group", "productid")
_DERIVED = ("_db", "_zck", "_gz", "_xz")


@dataclass(frozen=True, slots=True)
class Carried:
    """Metadata by the type repomd.xml calls it, unpacked; `own` where it is the tree's."""

    type: str
    content: bytes
    own: bool = False


def carried_from_tree(root: Path) -> tuple[Carried, ...]:
    """What the tree's own repodata has beside the packages' metadata; nothing where it has none. Raises TreeError."""
    repomd = root / REPODATA / "repomd.xml"
    if not repomd.exists():
        return ()
    try:
        records = createrepo_c.Repomd(str(repomd)).records
        wanted = [record for record in records if record.type not in _MADE_ANEW and not record.type.endswith(_DERIVED)]
        return tuple(Carried(record.type, _unpacked(contained(root, record.location_href)), own=True) for record in wanted)
    except (OSError, UnpackingError, createrepo_c.CreaterepoCError) as error:
        raise TreeError(f"{repomd}: cannot be read: {error}; restore it, or remove the repodata folder to have it made anew") from error


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        return b"".join(unpacked(file, limit=_LARGEST))


def carried(own: Sequence[Carried], offered: Iterable[Carried]) -> tuple[Carried, ...]:
    """The tree's own first; of the mirrors' (`offered`) modules and updateinfo always, group and productid where the tree has none."""
    kinds = {item.type for item in own}
    lacking = [kind for kind in ("group", "productid") if kind not in kinds]
    return (*own, *(item for item in offered if item.type in _MERGED or item.type in lacking))


def merged_modules(contents: Sequence[bytes]) -> bytes:
    """All documents of several modules.yaml, each once, to the letter: nothing in them is read, so nothing can be misread."""
    documents = dict.fromkeys(document for content in contents for document in _documents(content))
    return b"".join(b"---\n" + document + b"...\n" for document in documents)


def _documents(content: bytes) -> Iterator[bytes]:
    """The YAML documents of a stream, without the marks between them (YAML 1.2, 9.1.2: '---' and '...' at the start of a line)."""
    lines: list[bytes] = []
    for line in [*content.splitlines(keepends=True), b"..."]:
        if line.rstrip() in (b"---", b"..."):
            if lines:
                yield b"".join(lines)
            lines = []
        else:
            lines.append(line if line.endswith(b"\n") else line + b"\n")


def merged_updateinfo(items: Sequence[Carried], packages: Sequence[Package]) -> bytes:
    """The tree's own errata, and those of the mirrors that name a package which `packages` lists; of one id, the last updated."""
    listed = {package.nevra.key for package in packages}
    merged: dict[str, createrepo_c.UpdateRecord] = {}
    for item in items:
        for record in _updates(item.content):
            known = merged.get(record.id)
            if (item.own or _concerns(record, listed)) and (known is None or _updated(record) > _updated(known)):
                merged[record.id] = record
    document = createrepo_c.UpdateInfo()
    for identifier in sorted(merged):
        document.append(merged[identifier])
    return str(document.xml_dump()).encode()


def _updates(content: bytes) -> list[createrepo_c.UpdateRecord]:
    with TemporaryDirectory() as folder:  # createrepo_c reads files only
        path = Path(folder) / "updateinfo.xml"
        path.write_bytes(content)
        return list(createrepo_c.UpdateInfo(str(path)).updates)


def _concerns(record: createrepo_c.UpdateRecord, listed: set[tuple[str, str, str, str, str]]) -> bool:
    return any(
        (package.name, package.arch, package.epoch or "0", package.version, package.release) in listed
        for collection in record.collections
        for package in collection.packages
    )


def _updated(record: createrepo_c.UpdateRecord) -> str:
    return str(record.updated_date or record.issued_date or "")
