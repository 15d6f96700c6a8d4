"""repodata written through createrepo_c: each package's XML kept from earlier runs, so that only new packages are opened.

createrepo_c writes its files itself, always into the `repodata` folder of a generation that is not published yet.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import createrepo_c

from mirrorsync.errors import PublishError
from mirrorsync.files import make_directory, write_file
from mirrorsync.model.choices import Compression
from mirrorsync.model.package import Digest, IndexedPackage, Package
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.layout import REPODATA
from mirrorsync.tree.metadata import Carried, merged_modules, merged_updateinfo

PART = "repodata"
_CHANGELOGS = 10  # createrepo_c's own default
_COMPRESSION = {Compression.GZ: createrepo_c.GZ_COMPRESSION, Compression.ZSTD: createrepo_c.ZSTD_COMPRESSION}
_MADE = {"primary": createrepo_c.PrimaryXmlFile, "filelists": createrepo_c.FilelistsXmlFile, "other": createrepo_c.OtherXmlFile}


def write_repodata(
    root: Path, packages: Sequence[Package], carried: Sequence[Carried], *, compression: Compression, revision: int, cache: TreeCache
) -> None:
    """Write `root`/repodata for `packages` (sorted by location), whose files lie at their locations below `root`.

    revision: seconds since the epoch, for repomd.xml and its records.  Raises PublishError.
    """
    folder = root / REPODATA
    make_directory(folder)
    chunks = _chunks(root, packages, cache)
    try:
        with ThreadPoolExecutor(len(_MADE)) as writers:
            written = [writers.submit(_write_made, folder, kind, column, chunks, compression) for column, kind in enumerate(_MADE)]
            records = [future.result() for future in written]
        records += list(_write_carried(folder, carried, packages, compression))
        _write_repomd(folder, records, revision)
    except createrepo_c.CreaterepoCError as error:
        raise PublishError(f"{folder}: repodata cannot be written: {error}; nothing was published") from error


def _chunks(root: Path, packages: Sequence[Package], cache: TreeCache) -> list[list[str]]:
    """[primary, filelists, other] XML of each package."""
    return cache.made(PART, packages, read=_remembered, make=partial(_opened, root), pack=lambda chunk: json.dumps(chunk).encode())


def _remembered(part: bytes) -> list[str]:
    chunk = json.loads(part)
    if not isinstance(chunk, list) or len(chunk) != len(_MADE):
        raise ValueError("it is no chunk of each kind")
    return chunk


def _opened(root: Path, package: Package) -> list[str]:
    path = root / package.location
    try:
        described = createrepo_c.package_from_rpm(str(path), createrepo_c.SHA256, package.location, None, _CHANGELOGS)
        return list(createrepo_c.xml_dump(described))
    except createrepo_c.CreaterepoCError as error:
        raise PublishError(f"{package.location}: createrepo_c cannot read it: {error}; nothing was published") from error


def _write_made(
    folder: Path, kind: str, column: int, chunks: Sequence[Sequence[str]], compression: Compression
) -> createrepo_c.RepomdRecord:
    compressor = _COMPRESSION[compression]
    path = folder / f"{kind}.xml{createrepo_c.compression_suffix(compressor)}"
    content = createrepo_c.ContentStat(createrepo_c.SHA256)
    with closing(_MADE[kind](str(path), compressor, content)) as file:
        file.set_num_of_pkgs(len(chunks))
        for chunk in chunks:
            file.add_chunk(chunk[column])
    record = createrepo_c.RepomdRecord(kind, str(path))
    record.load_contentstat(content)
    return _filled(record)


def _write_carried(
    folder: Path, carried: Sequence[Carried], packages: Sequence[Package], compression: Compression
) -> Iterator[createrepo_c.RepomdRecord]:
    """What is not made from packages: comps as it was, modules and updateinfo merged, everything else file by file."""
    by_type: dict[str, list[Carried]] = {}
    for item in carried:
        by_type.setdefault(item.type, []).append(item)
    for kind, items in sorted(by_type.items()):
        if kind == "group":
            yield _written(folder / "comps.xml", kind, items[0].content)
        elif kind == "modules":
            yield _compressed(folder / "modules.yaml", kind, merged_modules([item.content for item in items]), compression)
        elif kind == "updateinfo":
            yield _compressed(folder / "updateinfo.xml", kind, merged_updateinfo(items, packages), compression)
        else:
            yield _compressed(folder / kind, kind, items[0].content, compression)


def _written(path: Path, kind: str, content: bytes) -> createrepo_c.RepomdRecord:
    write_file(path, content)
    return _filled(createrepo_c.RepomdRecord(kind, str(path)))


def _compressed(path: Path, kind: str, content: bytes, compression: Compression) -> createrepo_c.RepomdRecord:
    compressor = _COMPRESSION[compression]
    target = path.with_name(path.name + createrepo_c.compression_suffix(compressor))
    write_file(path, content)
    createrepo_c.compress_file(str(path), str(target), compressor)
    path.unlink()
    return _filled(createrepo_c.RepomdRecord(kind, str(target)))


def _filled(record: createrepo_c.RepomdRecord) -> createrepo_c.RepomdRecord:
    record.fill(createrepo_c.SHA256)
    record.rename_file()
    Path(record.location_real).chmod(0o644)
    return record


def _write_repomd(folder: Path, records: Sequence[createrepo_c.RepomdRecord], revision: int) -> None:
    repomd = createrepo_c.Repomd()
    repomd.set_revision(str(revision))
    for record in records:
        record.set_timestamp(revision)
        repomd.set_record(record)
    repomd.sort_records()
    write_file(folder / "repomd.xml", repomd.xml_dump().encode())


def indexed_packages(root: Path) -> tuple[IndexedPackage, ...]:
    """What the repodata at `root` lists, in its order; every metadata file's digest is checked against repomd.xml.

    Raises PublishError where an installer could not read it.
    """
    repomd = _read_repomd(root)
    primary = next((record for record in repomd.records if record.type == "primary"), None)
    if primary is None:
        raise PublishError(f"{root}/repodata/repomd.xml: names no primary metadata")
    for record in repomd.records:
        _check_record(root, record)
    listed: list[IndexedPackage] = []

    def add(package: createrepo_c.Package) -> None:
        listed.append(_indexed(package))

    try:
        createrepo_c.xml_parse_primary(str(root / primary.location_href), pkgcb=add, do_files=False)
    except createrepo_c.CreaterepoCError as error:
        raise PublishError(f"{root / primary.location_href}: cannot be read: {_words(error)}") from error
    return tuple(listed)


def metadata_files(root: Path) -> tuple[str, ...]:
    """What repomd.xml at `root` names, by path below the root. Raises PublishError where it cannot be read."""
    return tuple(sorted(record.location_href for record in _read_repomd(root).records))


def _indexed(package: createrepo_c.Package) -> IndexedPackage:
    nevra = NEVRA(package.name, EVR(package.epoch or None, package.version, package.release), package.arch)
    return IndexedPackage(package.location_href, package.size_package, nevra, Digest(package.checksum_type, package.pkgId))


def _read_repomd(root: Path) -> createrepo_c.Repomd:
    try:
        return createrepo_c.Repomd(str(root / REPODATA / "repomd.xml"))
    except (OSError, createrepo_c.CreaterepoCError) as error:
        raise PublishError(f"{root}/repodata/repomd.xml: cannot be read: {_words(error)}") from error


def _check_record(root: Path, record: createrepo_c.RepomdRecord) -> None:
    path = root / record.location_href
    read = createrepo_c.RepomdRecord(record.type, str(path))
    try:
        read.fill(createrepo_c.checksum_type(record.checksum_type))
    except (OSError, createrepo_c.CreaterepoCError) as error:
        raise PublishError(f"{path}: named by repomd.xml, but cannot be read: {_words(error)}") from error
    if read.checksum != record.checksum:
        raise PublishError(f"{path}: {record.checksum_type} is {read.checksum}, repomd.xml says {record.checksum}")


def _words(error: Exception) -> str:
    """A library's message as one line."""
    return " ".join(str(error).split())
