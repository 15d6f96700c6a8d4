"""Targets: headers, packages and indexes of packages."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.errors import HeaderError
from mirrorsync.rpmfile.changelog import changelog
from mirrorsync.rpmfile.header import RawHeader, Value, header_size, parse_header, parse_rpm, read_rpm
from mirrorsync.rpmfile.package import describe, nevra, paths
from mirrorsync.rpmfile.serial import numbers, serialize, text, texts
from mirrorsync.rpmfile.tags import Kind, Tag
from mirrorsync.tree.hdlist import HdlistRecord, assemble, make_record, read_hdlist, read_pair
from mirrorsync.tree.hdlist.filelist import read_file_list
from mirrorsync.trust.signatures import issuers
from tests.fuzz import headers
from tests.fuzz.mutation import mutator
from tests.fuzz.samples import package_headers, package_heads, samples
from tests.fuzz.scratch import scratch_folder
from tests.fuzz.target import Target

LEAD = bytes.fromhex("edabeedb0300000000016f6c64") + bytes(96 - 13)
_LENGTH = 4
_NAMED: dict[int, Value] = {Tag.NAME: text(b"old"), Tag.VERSION: text(b"1.0"), Tag.RELEASE: text(b"2"), Tag.ARCH: text(b"i386")}
_RICH: dict[int, Value] = {
    **_NAMED,
    Tag.EPOCH: numbers([3]),
    Tag.SOURCERPM: text(b"old-1.0-2.src.rpm"),
    Tag.REQUIRENAME: texts([b"/bin/sh", b"base", b"libx.so.1"]),
    Tag.REQUIREFLAGS: numbers([0, 12, 8]),
    Tag.REQUIREVERSION: texts([b"", b"2:1.0-1", b":1"]),
    Tag.PROVIDENAME: texts([b"virtual"]),
    Tag.OBSOLETENAME: texts([b"former"]),
    Tag.OBSOLETEFLAGS: numbers([2]),
    Tag.OBSOLETEVERSION: texts([b"1.2"]),
    Tag.DIRINDEXES: numbers([0, 1, 1]),
    Tag.BASENAMES: texts([b"old", b"old.conf", b"\xff"]),
    Tag.DIRNAMES: texts([b"/usr/sbin/", b"/etc/"]),
    Tag.FILEFLAGS: numbers([0, 1, 2]),
    Tag.FILESIZES: numbers([1, 4096, 0xFFFFFFFF]),
    Tag.I18NTABLE: texts([b"C", b"ja"]),
    1004: Value(Kind.I18N, 2, b"a summary\0another\0"),
}
_OLD: dict[int, Value] = {**_NAMED, Tag.OLDFILENAMES: texts([b"/bin/old", b"/etc/old"]), Tag.FILESIZES: numbers([1, 2])}


def _read_header(content: bytes, _: Path) -> None:
    _read_all(parse_header(content))


def _read_all(header: RawHeader) -> None:
    """Every value, in every way that it can be asked for."""
    for tag in header.tags():
        for read in (header.value, header.data, header.strings, header.string, header.byte_strings, header.integers, header.integer):
            _tried(read, tag)
    for whole in (nevra, read_file_list):
        _tried(whole, header)


def _tried(read: object, what: object) -> None:
    try:
        read(what)  # type: ignore[operator]  # of many signatures
    except HeaderError:
        return


def _read_package(content: bytes, scratch: Path) -> None:
    for length in (3, 96, 150, len(content)):
        header_size(content[:length])
    path = scratch / "old-1.0-2.i386.rpm"
    path.write_bytes(content)
    issuers(path)
    parsed = read_rpm(path)
    if parsed != parse_rpm(content):
        raise AssertionError("a package is read differently from memory")
    describe(parsed, location="old.rpm", size=len(content))
    tuple(paths(parsed))
    changelog(parsed.main)
    _record(content)


def _record(content: bytes) -> None:
    record = make_record(parse_rpm(content), "old-1.0-2.i386.rpm", len(content))
    if HdlistRecord.from_bytes(record.to_bytes()) != record:
        raise AssertionError("a record is read back differently")
    read_pair(*map(b"".join, zip(*assemble([record, record], base=1), strict=True)))


def _read_hdlist(content: bytes, _: Path) -> None:
    read_hdlist(content)


def _read_pair(content: bytes, _: Path) -> None:
    """Both files in one: the length of the first, then each."""
    length = int.from_bytes(content[:_LENGTH])
    read_pair(content[_LENGTH : _LENGTH + length], content[_LENGTH + length :])


def _read_record(content: bytes, _: Path) -> None:
    HdlistRecord.from_bytes(content)


def _headers() -> Sequence[bytes]:
    return [serialize(_NAMED), serialize(_RICH), serialize(_OLD, region=Tag.IMAGE), serialize({})]


@cache
def _packages() -> Sequence[bytes]:
    signature = serialize({1000: numbers([10]), 1004: Value(Kind.BINARY, 16, bytes(16)), 1005: Value(Kind.BINARY, 3, b"\x88\x01\4")})
    made = [LEAD + signature + bytes(-len(signature) % 8) + serialize(values, region=Tag.IMAGE) for values in (_NAMED, _RICH, _OLD)]
    files = {"/usr/sbin/demo": "x", "/etc/demo": "y"}
    changes = "* Thu Apr 18 2002 A B <a@b.example> 1.2-1\n- fix CAN-2002-0001"
    spec = PackageSpec("demo", "1.2", epoch=4, requires=["/bin/sh", "base >= 2:1.0-1"], files=files, changelog=changes)
    with scratch_folder() as folder:
        (path,) = build_rpms([spec], folder)
        return [*made, path.read_bytes()[: read_rpm(path).end]]


@cache
def _records() -> Sequence[HdlistRecord]:
    return [make_record(parse_rpm(content), f"old{number}.rpm", 1000) for number, content in enumerate(_packages())]


def _hdlists() -> Sequence[bytes]:
    return [b"".join(main for main, _ in assemble(_records(), base=7)), b""]


def _pairs() -> Sequence[bytes]:
    both = [b"".join(parts) for parts in zip(*assemble(_records(), base=7, discs=[1, 1, 2, 2]), strict=True)]
    return [len(both[0]).to_bytes(_LENGTH) + both[0] + both[1], bytes(_LENGTH)]


def _stored() -> Sequence[bytes]:
    return [record.to_bytes() for record in _records()]


_MUTATE = mutator(*headers.CHANGES)

TARGETS = (
    Target("header", _read_header, _headers, (HeaderError,), _MUTATE, corpus=package_headers),
    Target("package", _read_package, _packages, (HeaderError,), _MUTATE, corpus=package_heads),
    Target("hdlist", _read_hdlist, _hdlists, (HeaderError,), _MUTATE, corpus=samples("hdlist/t*/hdlist")),
    Target("hdlist-pair", _read_pair, _pairs, (HeaderError,), _MUTATE),
    Target("hdlist-record", _read_record, _stored, (HeaderError,), mutator()),
)
