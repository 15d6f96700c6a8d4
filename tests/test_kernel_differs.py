"""A kernel held against the modules that its initrd has, as real installers' images of all ages have them."""

import bz2
import gzip
import lzma
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.images import STAMP, cpio_archive, cramfs_image, ext2_image, kernel_image, mkfs_cramfs, modules_cgz, stamp_text, write_members
from mirrorsync.boot import cpio
from mirrorsync.boot.bootset import belonging
from mirrorsync.boot.initrd import read_initrd
from mirrorsync.boot.kernel import read_release
from mirrorsync.errors import BootError
from mirrorsync.model.finding import Severity

RHL, RHEL3, RHEL5, EL6, EL9 = "2.4.18-3BOOT", "2.4.21-4.ELBOOT", "2.6.18-8.el5", "2.6.32-71.el6.x86_64", "5.14.0-427.13.1.el9_4.x86_64"
BUILD = "200204181214"
MICROCODE = cpio_archive({"kernel/x86/microcode/GenuineIntel.bin": b"\x01" * 3000})
NOISE = random.Random(7).randbytes(400_000)  # what is behind a doubly indirect block of 1 KiB blocks

needs_mke2fs = pytest.mark.skipif(not shutil.which("mke2fs"), reason="mke2fs (e2fsprogs) is not installed")
needs_mkfs_cramfs = pytest.mark.skipif(not shutil.which("mkfs.cramfs"), reason="mkfs.cramfs (util-linux) is not installed")


def dracut(release: str, *, below: str = "usr/lib/modules", suffix: str = "ko.xz") -> bytes:
    """An archive with a kernel's modules where dracut puts them, and files of the same folder that are none."""
    names = [f"{below}/{release}/kernel/drivers/net/e1000.{suffix}", f"{below}/{release}/kernel/fs/ext4.{suffix}"]
    return cpio_archive({"init": b"#!/bin/sh\n", f"{below}/9.9.9-other/modules.dep": b"", **dict.fromkeys(names, b"\x7fELF" * 50)})


def packed(release: str) -> dict[str, bytes]:
    """What an installer's initrd to RHEL 5 has."""
    members = {"modules/module-info": b"Version 0\n", "modules/modules.cgz": modules_cgz(release), "sbin/loader": b"\x7fELF"}
    return {STAMP: stamp_text(BUILD), **members}


Make = Callable[[str], bytes]
KINDS: dict[str, Make] = {
    "cpio": dracut,
    "gzip": lambda release: gzip.compress(dracut(release)),
    "bzip2": lambda release: bz2.compress(dracut(release)),
    "xz": lambda release: lzma.compress(dracut(release), check=lzma.CHECK_CRC32),
    "lzma": lambda release: lzma.compress(dracut(release), lzma.FORMAT_ALONE),
    "zstd": lambda release: zstandard.compress(dracut(release)),
    "behind microcode": lambda release: MICROCODE + bytes(512) + lzma.compress(dracut(release), check=lzma.CHECK_CRC32),
    "second gzip member": lambda release: gzip.compress(MICROCODE) + gzip.compress(dracut(release)),
    "below lib": lambda release: gzip.compress(dracut(release, below="lib/modules", suffix="ko")),
    "as RHEL 6 has them": lambda release: gzip.compress(dracut(release, below="./modules", suffix="ko.gz")),
    "modules.cgz in cpio": lambda release: gzip.compress(cpio_archive(packed(release))),
    "modules.cgz in cramfs": lambda release: mkfs_cramfs(packed(release)),
    "modules.cgz in gzipped cramfs": lambda release: gzip.compress(mkfs_cramfs(packed(release))),
    "modules.cgz in ext2": lambda release: gzip.compress(ext2_image(packed(release))),
    "modules.cgz in ext2 of 4 KiB blocks": lambda release: gzip.compress(ext2_image(packed(release), options=("-b", "4096"))),
}
MARKS = {"cramfs": needs_mkfs_cramfs, "ext2": needs_mke2fs}
every_kind = pytest.mark.parametrize(
    "make", [pytest.param(make, id=kind, marks=[mark for word, mark in MARKS.items() if word in kind]) for kind, make in KINDS.items()]
)


def booted(root: Path, kernel: bytes, initrd: bytes) -> Path:
    write_members(root / "images/pxeboot", {"vmlinuz": kernel, "initrd.img": initrd})
    return root


def staged(root: Path) -> Path:
    """The tree with a stage image of the build, as RHL and RHEL to 4 have one."""
    write_members(root / "RedHat/base", {"netstg2.img": cramfs_image({STAMP: stamp_text(BUILD)})})
    return root


def codes(root: Path, *, deep: bool = True) -> list[str]:
    return [f"{finding.code} {Path(finding.where).name}" for finding in belonging(root, deep=deep)]


def releases_in(tmp_path: Path, content: bytes) -> set[str]:
    path = tmp_path / "initrd.img"
    path.write_bytes(content)
    return set(read_initrd(path).releases)


def release_in(tmp_path: Path, content: bytes) -> str | None:
    path = tmp_path / "vmlinuz"
    path.write_bytes(content)
    return read_release(path)


@every_kind
def test_a_kernel_and_an_initrd_of_one_release_belong_together(tmp_path: Path, make: Make) -> None:
    assert codes(booted(tmp_path, kernel_image(EL9), make(EL9))) == []


@every_kind
def test_an_initrd_with_modules_of_another_kernel_is_found(tmp_path: Path, make: Make) -> None:
    [finding] = belonging(booted(tmp_path, kernel_image(EL9), make(EL6)), deep=True)
    assert (finding.severity, finding.code, Path(finding.where).name) == (Severity.ERROR, "kernel-differs", "vmlinuz")
    assert finding.what == f"it is of kernel {EL9}, and initrd.img has modules of {EL6}: nodes find no network card or disk"
    assert finding.remedy.startswith("copy it and the tree's other boot images again")


@every_kind
def test_no_kind_of_initrd_shows_releases_but_those_of_its_modules(tmp_path: Path, make: Make) -> None:
    assert releases_in(tmp_path, make(RHEL5)) == {RHEL5}


@pytest.mark.parametrize("folder", ["{}/i386", "{}"], ids=["by architecture", "without"])
@pytest.mark.parametrize("suffix", ["o", "ko"])
def test_modules_are_packed_by_release_with_and_without_the_architecture(tmp_path: Path, folder: str, suffix: str) -> None:
    archive = cpio_archive({"modules/modules.cgz": modules_cgz(RHL, RHEL3, folder=folder, suffix=suffix)})
    assert releases_in(tmp_path, gzip.compress(archive)) == {RHL, RHEL3}


def test_packed_modules_without_a_folder_say_nothing_of_their_kernel(tmp_path: Path) -> None:
    content = gzip.compress(cpio_archive({"3c59x.o": b"x", "2.4.18/modules.dep": b"x"}))
    assert releases_in(tmp_path, cpio_archive({"modules/modules.cgz": content})) == set()


@needs_mke2fs
def test_a_file_behind_doubly_indirect_blocks_is_read_whole(tmp_path: Path) -> None:
    archive = cpio_archive({f"{RHL}/i386/a.o": NOISE, f"{RHEL3}/i386/b.o": b"x"})
    assert releases_in(tmp_path, ext2_image({"modules/modules.cgz": gzip.compress(archive)})) == {RHL, RHEL3}


def test_an_initrd_with_modules_of_several_kernels_is_right_where_the_kernels_are_among_them(tmp_path: Path) -> None:
    initrd = dracut(EL6) + dracut(EL9)
    assert codes(booted(tmp_path, kernel_image(EL9), initrd)) == []
    [finding] = belonging(booted(tmp_path, kernel_image(RHL), initrd + dracut(RHEL5) + dracut(RHEL3)), deep=True)
    assert f"modules of {RHEL3}, {RHEL5}, {EL6} and others: nodes" in finding.what


@pytest.mark.parametrize(
    "initrd",
    [cpio_archive({"init": b"x"}), gzip.compress(cramfs_image({"linuxrc": b"x"})), b"\x02\x21\x4c\x18" + bytes(90)],
    ids=["cpio", "cramfs", "lz4"],
)
def test_an_initrd_that_shows_no_modules_is_no_fault(tmp_path: Path, initrd: bytes) -> None:
    assert codes(booted(tmp_path, kernel_image(EL9), initrd)) == []


def test_a_link_in_the_place_of_packed_modules_is_not_taken_for_them(tmp_path: Path) -> None:
    archive = cpio_archive({"modules/modules.cgz": b"../mnt/runtime/modules/modules.cgz"}).replace(b"000081A4", b"0000A1FF", 1)
    assert releases_in(tmp_path, archive) == set()


@pytest.mark.parametrize("kernel", [b"MZ" + bytes(4000), b"\x1f\x8b\x08" + bytes(900), b"short"], ids=["EFI program", "gzip", "short"])
def test_a_kernel_that_does_not_say_its_release_is_no_fault(tmp_path: Path, kernel: bytes) -> None:
    assert codes(booted(tmp_path, kernel, dracut(EL9))) == []


def test_an_old_stages_tree_is_looked_at_by_every_check_and_a_modern_one_by_a_deep_one(tmp_path: Path) -> None:
    old = booted(staged(tmp_path / "old"), kernel_image(RHL), gzip.compress(cpio_archive(packed(RHEL3))))
    modern = booted(tmp_path / "modern", kernel_image(EL9), dracut(EL6))
    assert (codes(old, deep=False), codes(old)) == (["kernel-differs vmlinuz"], ["kernel-differs vmlinuz"])
    assert (codes(modern, deep=False), codes(modern)) == ([], ["kernel-differs vmlinuz"])


def test_a_look_that_is_not_deep_does_not_open_a_modern_initrd(tmp_path: Path) -> None:
    assert codes(booted(tmp_path, kernel_image(EL9), b"rubbish"), deep=False) == []


@pytest.mark.parametrize("sectors", [4, 0, 39], ids=["four", "none means four", "many"])
def test_a_kernel_says_its_release_up_to_the_first_blank(tmp_path: Path, sectors: int) -> None:
    assert release_in(tmp_path, kernel_image(RHL, setup_sectors=sectors)) == RHL


def test_a_kernel_that_points_to_no_text_says_nothing(tmp_path: Path) -> None:
    assert release_in(tmp_path, kernel_image(RHL, pointer=0)) is None


@pytest.mark.parametrize(
    ("kernel", "what"),
    [
        (b"", "it is empty"),
        (kernel_image(RHL, pointer=0x800), "does not lie in its set-up code"),
        (kernel_image(RHL, pointer=0xFFFF), "does not lie in its set-up code"),
        (kernel_image(RHL, setup_sectors=255, pointer=0xFFFF), "no such text"),
        (kernel_image(RHL)[:0x208], "does not lie in its set-up code"),
        (kernel_image(RHL)[:0x400], "cut short"),
        (kernel_image(RHL)[:0x510], "cut short"),
        (kernel_image(RHL, pointer=0x320), "no such text"),
        (kernel_image("2.4.18\n"), "no such text"),
        (kernel_image("9" * 65), "no such text"),
    ],
    ids=["empty", "past", "far", "far within many sectors", "cut", "cut before", "cut within", "elsewhere", "newline", "long"],
)
def test_a_damaged_kernel_is_a_finding_that_says_what_is_wrong(tmp_path: Path, kernel: bytes, what: str) -> None:
    [finding] = belonging(booted(tmp_path, kernel, dracut(EL9)), deep=True)
    assert (finding.code, Path(finding.where).name) == ("image-damaged", "vmlinuz")
    assert what in finding.what


@pytest.mark.parametrize(
    ("initrd", "what"),
    [
        (lzma.compress(dracut(EL9))[:-30], "damaged"),
        (dracut(EL9)[:400], "cut short"),
        (MICROCODE + b"rubbish", "no image known here"),
        (cpio_archive({"modules/modules.cgz": b"rubbish" * 30}), "goes on with something else"),
        (cpio_archive({"modules/modules.cgz": modules_cgz(RHL)[:-9]}), "its modules.cgz cannot be unpacked"),
        (dracut(EL9).replace(b"0000000A", b"FFFFFFFF", 1), "cut short"),
    ],
    ids=["cut xz", "cut cpio", "rubbish behind microcode", "no modules.cgz", "cut modules.cgz", "absurd size"],
)
def test_a_damaged_initrd_is_a_finding_that_says_what_is_wrong(tmp_path: Path, initrd: bytes, what: str) -> None:
    [finding] = belonging(booted(tmp_path, kernel_image(EL9), initrd), deep=True)
    assert (finding.code, Path(finding.where).name) == ("image-damaged", "initrd.img")
    assert what in finding.what


@pytest.mark.parametrize(
    "archive",
    [cpio_archive({}) * 3000, cpio_archive({f"{number}": b"" for number in range(3000)})],
    ids=["archives of nothing", "files"],
)
def test_files_without_end_are_not_read_to_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: bytes) -> None:
    monkeypatch.setattr(cpio, "_MOST_ENTRIES", 1000)
    with pytest.raises(BootError, match="more than 1000 files"):
        releases_in(tmp_path, gzip.compress(archive))


def test_packed_modules_without_end_are_not_read_to_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpio, "_MOST_ENTRIES", 1000)
    modules = gzip.compress(cpio_archive({f"{RHL}/{number}.o": b"" for number in range(3000)}))
    with pytest.raises(BootError, match="more than 1000 files"):
        releases_in(tmp_path, cpio_archive({"modules/modules.cgz": modules}))


@pytest.mark.parametrize("kind", ["kernel", "dracut", "modules.cgz"])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=20), kept=st.floats(0, 1))
def test_no_damage_makes_anything_but_a_finding_of_a_line(tmp_path: Path, kind: str, changes: list[tuple[int, int]], kept: float) -> None:
    files = {"kernel": kernel_image(EL9), "dracut": MICROCODE + dracut(EL9), "modules.cgz": cpio_archive(packed(EL9))}
    image = bytearray(files[kind])
    for where, value in changes:
        image[where % len(image)] = value
    damaged = {**files, kind: bytes(image[: round(len(image) * kept)] if kept < 0.5 else image)}
    for finding in belonging(booted(tmp_path, damaged["kernel"], damaged[kind] if kind != "kernel" else files["dracut"]), deep=True):
        assert finding.code in {"image-damaged", "kernel-differs"}
        assert finding.what.isprintable()
