"""hdlist and hdlist2 made anew for a folder of packages: genhdlist's work, without touching a list before its successor is whole."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mirrorsync.errors import ExitCode, HeaderError, TreeError, UsageError
from mirrorsync.files import FILE_MODE, make_directory, move, remove_tree, write_file
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.package import IndexedPackage
from mirrorsync.probes.indexed import duplicate_findings
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import nevra
from mirrorsync.tree.hdlist import HdlistRecord, assemble, make_record, matcher_base
from mirrorsync.tree.layout import STAMP

_SOURCES = (".src.rpm", ".nosrc.rpm")


@dataclass(frozen=True, slots=True)
class HdlistOptions:
    """What genhdlist's options say.

    hdlist: where to write it, hdlist2 beside it; None for PRODUCT/base/hdlist of the first disc.
    file_order: a file naming packages in the order of their installation, one a line.
    product_path: the folder of each disc that holds RPMS and base.
    with_numbers: each record tells the number of its disc, from 1.
    skip_damaged: leave unreadable packages out instead of leaving the lists as they are.
    matcher: the first package's number that pairs the two files; None to derive it from the packages.
    """

    hdlist: Path | None = None
    file_order: Path | None = None
    product_path: str = "RedHat"
    with_numbers: bool = False
    skip_damaged: bool = False
    matcher: int | None = None


class Change(StrEnum):
    """What became of the two files."""

    WRITTEN = "written"
    CURRENT = "right already"
    REFUSED = "left as they are"


@dataclass(frozen=True, slots=True)
class HdlistOutcome:
    """`hdlist` is the path of the first of the two files; `packages` counts those that could be read."""

    hdlist: Path
    packages: int
    change: Change
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """FINDINGS where a package is unreadable, or one name is listed twice for one architecture."""
        return ExitCode.FINDINGS if self.findings else ExitCode.DONE


@dataclass(frozen=True, slots=True)
class _Listed:
    """One package's record, the number of its disc, and what the index says of it."""

    record: HdlistRecord
    disc: int
    indexed: IndexedPackage


def rebuild_hdlist(discs: Sequence[Path], options: HdlistOptions) -> HdlistOutcome:
    """Write hdlist and hdlist2 for the packages of the trees `discs`, sorted by file name within each.

    Raises UsageError where a tree or the order file is not there, TreeError where there is no package at all.
    """
    _check_unpublished(discs)
    order = _read_order(options.file_order) if options.file_order else {}
    listed, damaged = _read_discs(discs, options.product_path)
    target = options.hdlist or discs[0] / options.product_path / "base" / "hdlist"
    if damaged and not options.skip_damaged:
        return HdlistOutcome(target, len(listed), Change.REFUSED, damaged)
    if not listed:
        raise TreeError(f"{discs[0] / options.product_path / 'RPMS'}: no packages; {target} was left as it is")
    change = _replace_pair(target, *_joined(listed, order, options))
    doubled = duplicate_findings(discs[0], [entry.indexed for entry in listed], severity=Severity.WARNING)
    return HdlistOutcome(target, len(listed), change, (*damaged, *doubled))


def _check_unpublished(discs: Sequence[Path]) -> None:
    """A tree that mirrorsync publishes holds files that its lists leave out on purpose, and is never edited in place."""
    for disc in discs:
        if (disc / STAMP).exists():
            raise UsageError(f"{disc}: mirrorsync publishes this tree; `mirrorsync update` makes its lists anew where they are not right")


def place_in(order: Mapping[str, int], filename: str) -> int | None:
    """The line (from 0) that names a package's file: whole, without `.rpm`, or as name-version-release of another architecture."""
    stem = filename.removesuffix(".rpm")
    return next((order[name] for name in (filename, stem, stem.rpartition(".")[0]) if name in order), None)


def _read_order(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text(errors="surrogateescape").splitlines()
    except OSError as error:
        raise UsageError(f"{path}: cannot read the order of the packages: {error.strerror}") from error
    order: dict[str, int] = {}
    for number, line in enumerate(lines):
        name = line.strip()
        order.setdefault(name, number)
        if name.endswith(".rpm"):
            order.setdefault(name.removesuffix(".rpm").rpartition(".")[0], number)
    return order


def _read_discs(discs: Sequence[Path], product_path: str) -> tuple[list[_Listed], tuple[Finding, ...]]:
    listed: list[_Listed] = []
    damaged: list[Finding] = []
    for number, disc in enumerate(discs, 1):
        for path in _package_files(disc / product_path / "RPMS"):
            try:
                listed.append(_read_package(path, number))
            except HeaderError as error:
                damaged.append(_damaged(path, error))
    return listed, tuple(damaged)


def _package_files(folder: Path) -> list[Path]:
    try:
        names = [path for path in folder.iterdir() if path.name.lower().endswith(".rpm") and not path.name.endswith(_SOURCES)]
    except OSError as error:
        raise UsageError(f"{folder}: cannot read it: {error.strerror}; give the folder that holds it") from error
    return sorted(names)


def _read_package(path: Path, disc: int) -> _Listed:
    if not path.is_file():
        raise HeaderError("it is no file")
    headers = read_rpm(path)
    size = path.stat().st_size
    return _Listed(make_record(headers, path.name, size), disc, IndexedPackage(path.name, size, nevra(headers.main)))


def _damaged(path: Path, error: HeaderError) -> Finding:
    what = str(error).removeprefix(f"{path}: ")
    return Finding(Severity.ERROR, "damaged-package", str(path), what, "copy it again, or take it away")


def _joined(listed: Sequence[_Listed], order: Mapping[str, int], options: HdlistOptions) -> tuple[bytes, bytes]:
    records = [entry.record for entry in listed]
    places = {record.filename: place for record in records if (place := place_in(order, record.filename)) is not None}
    pairs = list(
        assemble(
            records,
            base=matcher_base(records) if options.matcher is None else options.matcher,
            discs=[entry.disc for entry in listed] if options.with_numbers else None,
            order=places,
        )
    )
    return b"".join(main for main, _ in pairs), b"".join(files for _, files in pairs)


def _replace_pair(target: Path, hdlist: bytes, hdlist2: bytes) -> Change:
    """Both files are on disk whole before either takes its name; nothing is written where they were there already."""
    wanted = {target.with_name(f"{target.name}2"): hdlist2, target: hdlist}
    if all(_holds(path, content) for path, content in wanted.items()):
        return Change.CURRENT
    make_directory(target.absolute().parent)
    partials = {path: path.with_name(f".{path.name}.{os.getpid()}.whole") for path in wanted}
    try:
        for path, content in wanted.items():
            write_file(partials[path], content)
        for path, partial in partials.items():
            move(partial, path)
    finally:
        for partial in partials.values():
            remove_tree(partial)
    return Change.WRITTEN


def _holds(path: Path, content: bytes) -> bool:
    if not path.is_file() or stat.S_IMODE(path.stat().st_mode) != FILE_MODE:
        return False
    return path.stat().st_size == len(content) and path.read_bytes() == content
