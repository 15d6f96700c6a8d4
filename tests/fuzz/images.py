"""Targets: what installers boot from and choose packages by: images, .treeinfo, comps, kickstarts; and unpacking."""

import bz2
import gzip
import io
import lzma
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import zstandard

from fixtures.images import STAMP, cpio_archive, cramfs_image, kernel_image, modules_cgz, stamp_text
from mirrorsync.boot.initrd import read_initrd
from mirrorsync.boot.kernel import read_release
from mirrorsync.boot.members import is_squashfs, verify_image
from mirrorsync.boot.stamps import read_build
from mirrorsync.boot.treeinfo import parse_treeinfo
from mirrorsync.errors import BootError, TreeError, UnpackingError
from mirrorsync.tree.comps import comps_names, kickstart_names
from mirrorsync.unpacking import unpacked, unpacked_stream
from tests.fuzz import markup
from tests.fuzz.mutation import found, mutator
from tests.fuzz.samples import samples
from tests.fuzz.target import Target

_CPIO = re.compile(rb"07070[12]")
_BLOCK = 1024
_LIMIT = 1 << 20
_FORMATS = (
    gzip.compress,
    bz2.compress,
    lzma.compress,
    zstandard.compress,
    lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    bytes,
)
_TREEINFO = b"""[general]
family = Fedora
timestamp = 1209596791.91
variant = Fedora
version = 9
arch = x86_64
[stage2]
mainimage = images/stage2.img
[images-x86_64]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
[variant-Server]
packages = Packages
repository = ../Server
[checksums]
images/stage2.img = sha256:%s
images/pxeboot/vmlinuz = md5:ab12
repodata/repomd.xml = sha:ab
""" % (b"ab" * 32)
_COMPS = b"""4
(lang ja and arch !s390): 1 --hide Base {
  bash
  i386: grub
  !i386: yaboot
  (lang de): kde-i18n-German
  ? GNOME {
    @ X Window System
    gnome-core # and more
  }
}
"""
_COMPS_XML = b"""<?xml version="1.0"?><comps><group><id>base</id><name xml:lang="de">Basis</name><packagelist>
<packagereq type="mandatory">bash</packagereq><packagereq requires="x" type="conditional">b</packagereq></packagelist></group></comps>"""
_KICKSTART = b"""install
url --url http://server/redhat
%packages --resolvedeps
@ Base
bash
-sendmail
kernel-*
gcc.i386 # a compiler
%post
echo done
"""


def _read_image(content: bytes, scratch: Path) -> None:
    path = scratch / "initrd.img"
    path.write_bytes(content)
    is_squashfs(path)
    verify_image(path)
    read_build(path)
    read_initrd(path)


def _read_kernel(content: bytes, scratch: Path) -> None:
    path = scratch / "vmlinuz"
    path.write_bytes(content)
    read_release(path)


def _read_treeinfo(content: bytes, _: Path) -> None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return
    parse_treeinfo(text)


def _read_comps(content: bytes, _: Path) -> None:
    comps_names(content, ("i386", "i686"))


def _read_kickstart(content: bytes, _: Path) -> None:
    kickstart_names(content.decode(errors="surrogateescape"))


def _unpack(content: bytes, _: Path) -> None:
    if sum(map(len, unpacked(io.BytesIO(content), limit=_LIMIT))) > _LIMIT:
        raise AssertionError("unpacks to more than it may")
    with unpacked_stream(io.BytesIO(content), limit=_LIMIT) as stream:
        stream.read(10)
        stream.peek(1)
        stream.read()


def _images() -> Sequence[bytes]:
    stamp, modules = stamp_text("200204181214"), modules_cgz("2.4.18-3BOOT")
    archive = cpio_archive({"sbin/init": b"x" * 300, STAMP: stamp, "modules/modules.cgz": modules, "lib/modules/2.6.18/x.ko": b"y"})
    systems = [archive, cramfs_image({STAMP: stamp, "README": b"z" * 5000}), ext2_image(stamp, modules)]
    early = cpio_archive({"kernel/x86/microcode": b"m" * 100})
    return [*systems, *map(gzip.compress, systems), early + bytes(300) + lzma.compress(archive), b"hsqs" + bytes(100)]


def ext2_image(stamp: bytes, modules: bytes) -> bytes:
    """The least ext2 that has a .buildstamp and a modules/modules.cgz: superblock, group, inodes, and a block of 1 KiB for each."""
    superblock = bytearray(_BLOCK)
    struct.pack_into("<IIIIIII", superblock, 0, 16, 11, 0, 0, 0, 1, 0)
    struct.pack_into("<I", superblock, 40, 16)
    superblock[56:58] = b"\x53\xef"
    struct.pack_into("<IHHIH", superblock, 76, 1, 0, 0, 11, 128)
    group = struct.pack("<III", 3, 4, 5) + bytes(_BLOCK - 12)
    root, folder = _directory({STAMP: 12, "modules": 13}), _directory({"modules.cgz": 14})
    inodes = bytearray(2 * _BLOCK)
    contents = {2: (0o040755, root), 12: (0o100644, stamp), 13: (0o040755, folder), 14: (0o100644, modules)}
    for block, (number, (mode, content)) in enumerate(contents.items(), 7):
        struct.pack_into("<HHI", inodes, 128 * (number - 1), mode, 0, len(content))
        struct.pack_into("<I", inodes, 128 * (number - 1) + 40, block)
    blocks = (bytes(_BLOCK), superblock, group, bytes(2 * _BLOCK), inodes, *(content for _, content in contents.values()))
    return b"".join(bytes(block).ljust(_BLOCK, b"\0") for block in blocks)


def _directory(entries: Mapping[str, int]) -> bytes:
    """A block of an ext2 directory, of names and inodes; the last entry takes what is left of it."""
    content = b"".join(struct.pack("<IHBB", number, 32, len(name), 0) + name.encode().ljust(24, b"\0") for name, number in entries.items())
    last = len(content) - 32 + 4
    return content[:last] + struct.pack("<H", _BLOCK - last + 4) + content[last + 2 :].ljust(_BLOCK - last - 2, b"\0")


def _packed() -> Sequence[bytes]:
    return [
        pack(content) for pack in _FORMATS for content in (b"content " * 100, bytes(3 << 20)) if pack is not bytes or len(content) < _LIMIT
    ]


def _repacked(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """The same, packed: what is spoilt then lies behind a format that is right."""
    return random.choice(_FORMATS)(content)


def _field(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """A field of a cpio header: eight digits after the magic."""
    at = found(random, _CPIO, content)
    if at is None:
        return content
    start = at.end() + 8 * random.randrange(13)
    return (
        content[:start]
        + random.choice((b"-0000005", b"-0000001", b"ffffffff", b"0000001g", b"       1", b"00000000"))
        + content[start + 8 :]
    )


TARGETS = (
    Target(
        "image",
        _read_image,
        _images,
        (BootError,),
        mutator(_repacked, _field, words=(b"070701", b"TRAILER!!!", b".buildstamp\0", b"modules/")),
        budget=1500,
    ),
    Target("kernel", _read_kernel, lambda: [kernel_image("2.4.18-3BOOT")], (BootError,), mutator(words=(b"HdrS", b"2.6.18 ")), budget=500),
    Target(
        "treeinfo",
        _read_treeinfo,
        lambda: [_TREEINFO],
        (BootError,),
        mutator(words=(b"[checksums]\n", b" = ", b"sha256:", b"[images-", b"\n ", b"%(")),
        largest=1 << 15,
        corpus=samples("repodata/treeinfo/**/*treeinfo*"),
    ),
    Target(
        "comps",
        _read_comps,
        lambda: [_COMPS, _COMPS_XML],
        (TreeError,),
        mutator(*markup.CHANGES, words=(b"{", b"}", b": ", b"? ", b"(lang ")),
        corpus=samples("rhl-era/comps/*", "repodata/**/*comps*.xml"),
    ),
    Target(
        "kickstart",
        _read_kickstart,
        lambda: [_KICKSTART],
        (),
        mutator(words=(b"%packages", b"%", b"\n%\n", b"%end")),
        corpus=samples("kickstart/**/*ks*"),
    ),
    Target("unpacking", _unpack, _packed, (UnpackingError,), mutator(_repacked), budget=300),
)
