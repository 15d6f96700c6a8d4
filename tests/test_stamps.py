"""Build stamps inside initrds and stage images of every kind, whole and damaged."""

import bz2
import gzip
import lzma
import shutil
from functools import cache
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.images import STAMP, cpio_archive, cramfs_image, ext2_image, mkfs_cramfs, stamp_text
from mirrorsync.boot import ext2
from mirrorsync.boot.image import memory_reader
from mirrorsync.boot.members import is_squashfs, verify_image
from mirrorsync.boot.stamps import read_build
from mirrorsync.errors import BootError, UnpackingError
from mirrorsync.unpacking import unpacked_stream

BUILD = "200204181214"
MEMBERS = {"linuxrc": b"#!/bin/sh\n" * 900, STAMP: stamp_text(BUILD)}
ARCHIVE = cpio_archive(MEMBERS)
CRAMFS = cramfs_image(MEMBERS)
MICROCODE = cpio_archive({"kernel/x86/microcode/GenuineIntel.bin": b"\x01" * 3000})

needs_mke2fs = pytest.mark.skipif(not shutil.which("mke2fs"), reason="mke2fs (e2fsprogs) is not installed")
needs_mkfs_cramfs = pytest.mark.skipif(not shutil.which("mkfs.cramfs"), reason="mkfs.cramfs (util-linux) is not installed")


def build_in(tmp_path: Path, content: bytes) -> str | None:
    path = tmp_path / "image"
    path.write_bytes(content)
    return read_build(path)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(ARCHIVE, id="cpio"),
        pytest.param(gzip.compress(ARCHIVE), id="gzip"),
        pytest.param(bz2.compress(ARCHIVE), id="bzip2"),
        pytest.param(lzma.compress(ARCHIVE, check=lzma.CHECK_CRC32), id="xz"),
        pytest.param(lzma.compress(ARCHIVE, format=lzma.FORMAT_ALONE), id="lzma of RHEL 6"),
        pytest.param(zstandard.compress(ARCHIVE), id="zstd"),
        pytest.param(MICROCODE + gzip.compress(ARCHIVE), id="behind microcode"),
        pytest.param(MICROCODE + bytes(512) + zstandard.compress(MICROCODE + ARCHIVE), id="second in a packed pair"),
        pytest.param(gzip.compress(MICROCODE) + gzip.compress(ARCHIVE), id="second gzip member"),
        pytest.param(CRAMFS, id="cramfs"),
        pytest.param(gzip.compress(CRAMFS), id="gzipped cramfs"),
    ],
)
def test_the_stamp_is_found_in_every_kind_of_image(tmp_path: Path, image: bytes) -> None:
    assert build_in(tmp_path, image) == BUILD


@needs_mke2fs
@pytest.mark.parametrize("options", [(), ("-r", "0", "-O", "none"), ("-b", "4096")], ids=["today's", "revision 0", "4 KiB blocks"])
def test_the_stamp_is_found_in_a_gzipped_ext2_image(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert build_in(tmp_path, gzip.compress(ext2_image(MEMBERS, options=options))) == BUILD


@needs_mke2fs
def test_every_file_of_a_root_directory_with_indirect_blocks_is_found() -> None:
    members = {f"{number:03}-{'x' * 100}": f"file {number}".encode() for number in range(120)}
    read = memory_reader(ext2_image(members, options=("-N", "256")))
    assert {name: ext2.find_file(read, name.encode(), limit=100) for name in members} == members


@needs_mkfs_cramfs
@pytest.mark.parametrize("options", [(), ("-p",), ("-z",)], ids=["plain", "with a boot sector", "with holes"])
def test_the_stamp_is_found_in_what_mkfs_cramfs_makes(tmp_path: Path, options: tuple[str, ...]) -> None:
    image = mkfs_cramfs({**MEMBERS, "usr/bin/python": bytes(20_000)}, options=options)
    assert build_in(tmp_path, image) == BUILD
    verify_image(tmp_path / "image")


def test_a_stamp_of_several_pages_is_found_in_a_cramfs(tmp_path: Path) -> None:
    assert build_in(tmp_path, cramfs_image({STAMP: stamp_text(BUILD) + bytes(range(33, 127)) * 100})) == BUILD


def test_an_image_that_unpacks_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(gzip.compress(bytes(1_000_000)))
    with path.open("rb") as file, unpacked_stream(file, limit=10_000) as stream, pytest.raises(UnpackingError, match="unpacks to more"):
        stream.read()


def test_only_the_twelve_characters_that_the_loader_compares_count(tmp_path: Path) -> None:
    assert build_in(tmp_path, cpio_archive({STAMP: b"200710181108.x86_64\nFedora\n7.92\n"})) == "200710181108"


def test_a_stamp_of_el7_and_later_is_known_by_its_uuid(tmp_path: Path) -> None:
    stamp = b"[Main]\nProduct=Rocky Linux\nVersion=9.4\nUUID=202405051024.x86_64\n"
    assert build_in(tmp_path, cpio_archive({"./.buildstamp": stamp})) == "202405051024.x86_64"


@pytest.mark.parametrize(
    "image",
    [cpio_archive({"init": b"x"}), cramfs_image({"README": b"x"}), cramfs_image({}), gzip.compress(MICROCODE)],
    ids=["cpio", "cramfs", "empty cramfs", "microcode alone"],
)
def test_an_image_without_a_stamp_has_no_build(tmp_path: Path, image: bytes) -> None:
    assert build_in(tmp_path, image) is None


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (b"<html>Not found</html>", "no image known here"),
        (gzip.compress(ARCHIVE)[:-40], "damaged"),
        (b"", "empty"),
        (cpio_archive({"init": b"x" * 9000})[:5000], "cut short"),
        (CRAMFS[:2000], "cut short"),
        (gzip.compress(gzip.compress(ARCHIVE)), "no image known here"),
        (cpio_archive({STAMP: b"\x00\x01\x02"}), "not text"),
    ],
    ids=["a web page", "cut gzip", "empty", "cut cpio", "cut cramfs", "packed twice", "stamp of rubbish"],
)
def test_a_damaged_image_says_what_is_wrong(tmp_path: Path, image: bytes, what: str) -> None:
    with pytest.raises(BootError, match=what):
        build_in(tmp_path, image)


def test_an_image_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BootError, match="cannot be read: No such file"):
        read_build(tmp_path / "none")


def test_a_flipped_bit_in_a_cramfs_page_breaks_its_checksum(tmp_path: Path) -> None:
    damaged = bytearray(CRAMFS)
    damaged[1000] ^= 1
    path = tmp_path / "stage2.img"
    path.write_bytes(damaged)
    with pytest.raises(BootError, match="checksum"):
        verify_image(path)


def test_squashfs_is_told_from_cramfs(tmp_path: Path) -> None:
    (tmp_path / "squashfs.img").write_bytes(b"hsqs" + bytes(92))
    (tmp_path / "stage2.img").write_bytes(CRAMFS)
    assert (is_squashfs(tmp_path / "squashfs.img"), is_squashfs(tmp_path / "stage2.img")) == (True, False)


@pytest.mark.parametrize("kind", ["cpio", "cramfs", "ext2", "gzip", "xz", "zstd"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=20), kept=st.floats(0, 1))
def test_no_damage_makes_anything_but_a_boot_error(tmp_path: Path, kind: str, changes: list[tuple[int, int]], kept: float) -> None:
    image = bytearray(_damageable(kind))
    for where, value in changes:
        image[where % min(len(image), 4096)] = value
    path = tmp_path / "image"
    path.write_bytes(image[: round(len(image) * max(kept, 0.01))] if kept < 0.5 else image)
    try:
        read_build(path)
        verify_image(path)
    except BootError as error:
        assert str(error).startswith("it ")


@cache
def _damageable(kind: str) -> bytes:
    if kind == "ext2":
        return ext2_image(MEMBERS) if shutil.which("mke2fs") else bytes(1080) + b"\x53\xef" + bytes(3000)
    packed = {"gzip": gzip.compress(ARCHIVE), "xz": lzma.compress(ARCHIVE), "zstd": zstandard.compress(ARCHIVE)}
    return {"cpio": ARCHIVE, "cramfs": CRAMFS, **packed}[kind]
