"""One package's two records, as they are before it is known which tree they stand in."""

import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Self

from mirrorsync.errors import HeaderError
from mirrorsync.rpmfile.header import RawHeader, RpmHeaders, Value
from mirrorsync.rpmfile.serial import numbers, serialize, text, texts
from mirrorsync.rpmfile.tags import Kind, Tag
from mirrorsync.tree.hdlist.filelist import split_paths
from mirrorsync.tree.hdlist.tags import FILE_TAGS, LEFT_OUT, SIGNATURE_TAGS, SIGNATURES_AS_THEY_ARE, HdlistTag

_EQUAL = 8  # RPMSENSE_EQUAL
_BLOCK = 4096
_LENGTHS = struct.Struct(">IIII")

Values = dict[int, Value]


@dataclass(frozen=True, slots=True)
class HdlistRecord:
    """What a package brings to the index, whatever the tree: worth caching.

    main: its record in hdlist, without the files that only the tree tells are needed; the matcher is 0.
    files: its record in hdlist2; the matcher is 0.
    requires_paths: the absolute paths it requires.
    """

    filename: str
    main: bytes
    files: bytes
    requires_paths: tuple[bytes, ...] = ()

    def to_bytes(self) -> bytes:
        """The record as `from_bytes` reads it back."""
        parts = (self.filename.encode(errors="surrogateescape"), self.main, self.files, b"\0".join(self.requires_paths))
        return b"".join([_LENGTHS.pack(*map(len, parts)), *parts])

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Raises HeaderError where `stored` is damaged."""
        ends = list(accumulate(_LENGTHS.unpack_from(stored), initial=_LENGTHS.size)) if len(stored) >= _LENGTHS.size else [-1]
        if ends[-1] != len(stored):
            raise HeaderError(f"a stored hdlist record of {len(stored)} bytes is damaged; remove the cache that holds it")
        name, main, files, paths = (stored[start:end] for start, end in pairwise(ends))
        return cls(name.decode(errors="surrogateescape"), main, files, tuple(paths.split(b"\0")) if paths else ())


def make_record(headers: RpmHeaders, filename: str, size: int) -> HdlistRecord:
    """The records of the package in the file `filename` of `size` bytes.

    They are what genhdlist of Red Hat Linux 7.3 writes, which reads packages through rpm 4.0.4. Raises HeaderError, also for
    64-bit values: rpm 4.0.4 refuses a header that has them, and an installer would stop reading hdlist there without a word.
    """
    _refuse_wide_values(headers)
    values = _merged(headers)
    _complete(values, headers.main)
    files = _without_file_list(values, headers.main)
    if sizes := headers.main.integers(Tag.FILESIZES):
        values[Tag.SIZE] = numbers([sum(_on_disk(each) for each in sizes)])
    values[HdlistTag.FILENAME] = text(filename.encode(errors="surrogateescape"))
    values[HdlistTag.FILESIZE] = numbers([size])
    values[HdlistTag.MATCHER] = files[HdlistTag.MATCHER] = numbers([0])
    required = headers.main.byte_strings(Tag.REQUIRENAME)
    return HdlistRecord(
        filename,
        serialize(values, region=Tag.IMAGE),
        serialize(files),
        tuple(sorted({name for name in required if name.startswith(b"/")})),
    )


def _refuse_wide_values(headers: RpmHeaders) -> None:
    for header in (headers.signature, headers.main):
        for entry in header.entries.values():
            if entry.kind == Kind.INT64:
                raise HeaderError(f"tag {entry.tag} is a 64-bit value, which installers that read hdlist cannot take")


def _merged(headers: RpmHeaders) -> Values:
    """The main header's values with the signature's beside them: what rpm 4.0.4 hands to its callers.

    Tags from 1000000 on are hdlist's own; a package has no say in them.
    """
    values: Values = {}
    size = 0
    for tag in headers.main.entries:
        if tag not in LEFT_OUT and tag < HdlistTag.FILENAME and (value := headers.main.value(tag)):
            values[tag] = value
            size += len(value.data)
            if size > len(headers.main.blob):
                raise HeaderError("its values share bytes: together they are larger than the header")
    for tag in headers.signature.tags():
        merged = tag if tag in SIGNATURES_AS_THEY_ARE else SIGNATURE_TAGS.get(tag)
        if merged is not None and merged not in LEFT_OUT and (value := headers.signature.value(tag)):
            values.setdefault(merged, value)
    return values


def _complete(values: Values, main: RawHeader) -> None:
    """What rpm 4.0.4 brings up to date in the headers it reads."""
    if Tag.FILEUSERNAME in main.entries:
        values.pop(Tag.FILEUIDS, None)
    if Tag.FILEGROUPNAME in main.entries:
        values.pop(Tag.FILEGIDS, None)
    if Tag.SOURCERPM not in main.entries or Tag.SOURCEPACKAGE in main.entries:
        values.setdefault(Tag.SOURCEPACKAGE, numbers([1]))
    else:
        _provide_itself(values, main)


def _provide_itself(values: Values, main: RawHeader) -> None:
    name, version, release = (b"".join(main.byte_strings(tag)) for tag in (Tag.NAME, Tag.VERSION, Tag.RELEASE))
    epoch = main.integer(Tag.EPOCH)
    evr = (b"" if epoch is None else b"%d:" % epoch) + version + b"-" + release
    names = main.byte_strings(Tag.PROVIDENAME)
    versions = main.byte_strings(Tag.PROVIDEVERSION)
    flags = main.integers(Tag.PROVIDEFLAGS)
    if not versions:
        versions, flags = [b""] * len(names), (0,) * len(names)
    if (name, evr, _EQUAL) not in zip(names, versions, flags, strict=False):
        values[Tag.PROVIDENAME] = texts([*names, name])
        values[Tag.PROVIDEVERSION] = texts([*versions, evr])
        values[Tag.PROVIDEFLAGS] = numbers([*flags, _EQUAL])


def _without_file_list(values: Values, main: RawHeader) -> Values:
    """Take the values of hdlist2 out of hdlist's."""
    if Tag.DIRNAMES not in main.entries and Tag.OLDFILENAMES in main.entries:
        values |= split_paths(main.byte_strings(Tag.OLDFILENAMES)).values()
    values.pop(Tag.OLDFILENAMES, None)
    return {tag: values.pop(tag) for tag in FILE_TAGS if tag in values}


def _on_disk(size: int) -> int:
    """Bytes in whole blocks, rounded as genhdlist does: its 4093, a slip for 4095, is what installers were told."""
    return (size + 4093) // _BLOCK * _BLOCK
