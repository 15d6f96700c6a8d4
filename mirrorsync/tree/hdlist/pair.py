"""The records of a whole tree put together: what only the tree tells is written into each."""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence

from mirrorsync.rpmfile.header import ENTRY, INTRO, MAGIC, parse_header
from mirrorsync.rpmfile.serial import numbers, serialize
from mirrorsync.rpmfile.tags import Kind, Tag
from mirrorsync.tree.hdlist.filelist import read_file_list, split_paths
from mirrorsync.tree.hdlist.record import HdlistRecord
from mirrorsync.tree.hdlist.tags import HdlistTag

_NUMBER = struct.Struct(">I")
_LARGEST_BASE = 0x3FFF_FFFF  # the matcher is a signed 32-bit integer, and the base is counted up from


def matcher_base(records: Sequence[HdlistRecord]) -> int:
    """A base for `assemble` that the records decide: the same for the same packages, another one for others."""
    checksum = 0
    for record in records:
        checksum = zlib.crc32(record.main, checksum)
    return checksum & _LARGEST_BASE


def assemble(
    records: Sequence[HdlistRecord], *, base: int, discs: Sequence[int] | None = None, order: Mapping[str, int] | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """The record in hdlist and that in hdlist2 of each package, in the order of `records`.

    base: the first package's matcher, counted up by one a package.
    discs: for a tree of several discs, the number of the disc each of the records is on.
    order: the place of a package in the order of installation, by its file name; packages may lack one.
    """
    wanted = frozenset(path for record in records for path in record.requires_paths)
    names = frozenset(path.rpartition(b"/")[2] for path in wanted)
    for position, record in enumerate(records):
        main = _with_files(record, wanted, names)
        place = None if order is None else order.get(record.filename)
        numbered = _with_numbers(main, None if discs is None else discs[position], place)
        matcher = _NUMBER.pack(base + position)
        yield numbered[: -ENTRY.size - 4] + matcher + numbered[-ENTRY.size :], record.files[:-4] + matcher


def _with_files(record: HdlistRecord, wanted: frozenset[bytes], names: frozenset[bytes]) -> bytes:
    """hdlist's record, with those of the package's files that some package of the tree requires by path.

    `names` are the last parts of the `wanted` paths: most packages have none of these, and are not looked at further.
    """
    files = parse_header(record.files)
    if names.isdisjoint(files.byte_strings(Tag.BASENAMES)):
        return record.main
    listed = read_file_list(files)
    chosen = [(position, path) for position, path in enumerate(listed.paths()) if path in wanted]
    if not chosen:
        return record.main
    flags = files.integers(Tag.FILEFLAGS)
    main = parse_header(record.main)
    values = {tag: value for tag in main.tags() if tag != Tag.IMAGE and (value := main.value(tag))}
    values |= split_paths([path for _, path in chosen]).values()
    if flags:
        values[Tag.FILEFLAGS] = numbers([flags[position] for position, _ in chosen])
    return serialize(values, region=Tag.IMAGE)


def _with_numbers(main: bytes, disc: int | None, place: int | None) -> bytes:
    """hdlist's record, with the disc's number and the place in the order slipped in before the matcher, the last of its values."""
    extra = [(tag, number) for tag, number in ((HdlistTag.DISC, disc), (HdlistTag.ORDER, place)) if number is not None]
    if not extra:
        return main
    _, count, size = INTRO.unpack_from(main)
    index_end = INTRO.size + count * ENTRY.size
    end = size - ENTRY.size + 4 * len(extra)  # of the data, without the trailer
    count += len(extra)
    added = [(tag, end - 4 * (len(extra) + 1 - position)) for position, (tag, _) in enumerate(extra)]
    return b"".join(
        [
            INTRO.pack(MAGIC, count, end + ENTRY.size),
            ENTRY.pack(Tag.IMAGE, Kind.BINARY, end, ENTRY.size),
            main[INTRO.size + ENTRY.size : index_end - ENTRY.size],
            *[ENTRY.pack(tag, Kind.INT32, offset, 1) for tag, offset in [*added, (HdlistTag.MATCHER, end - 4)]],
            main[index_end : -ENTRY.size - 4],
            *[_NUMBER.pack(number) for _, number in extra],
            main[-ENTRY.size - 4 : -ENTRY.size],
            ENTRY.pack(Tag.IMAGE, Kind.BINARY, -ENTRY.size * count, ENTRY.size),
        ]
    )
