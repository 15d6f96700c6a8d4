"""Targets: what installers boot from and choose packages by: images, .treeinfo, comps, kickstarts; and unpacking."""

import bz2
import gzip
import io
import lzma
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from random import Random

import zstandard

from fixtures.images import STAMP, cpio_archive, cramfs_image, stamp_text
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
    archive = cpio_archive({"sbin/init": b"x" * 300, STAMP: stamp_text("200204181214"), "later": b"y"})
    systems = [archive, cramfs_image({STAMP: stamp_text("200204181214"), "README": b"z" * 5000}), ext2_image(stamp_text("200204181214"))]
    early = cpio_archive({"kernel/x86/microcode": b"m" * 100})
    return [*systems, *map(gzip.compress, systems), early + bytes(300) + lzma.compress(archive), b"hsqs" + bytes(100)]


def ext2_image(stamp: bytes) -> bytes:
    """The least ext2 that has a .buildstamp in its root directory: superblock, group, inodes, directory and file in blocks of 1 KiB."""
    superblock = bytearray(_BLOCK)
    struct.pack_into("<IIIIIII", superblock, 0, 16, 8, 0, 0, 0, 1, 0)
    struct.pack_into("<I", superblock, 40, 16)
    superblock[56:58] = b"\x53\xef"
    struct.pack_into("<IHHIH", superblock, 76, 1, 0, 0, 11, 128)
    group = struct.pack("<III", 3, 4, 5) + bytes(_BLOCK - 12)
    inodes = bytearray(2 * _BLOCK)
    for number, size, block in ((2, _BLOCK, 7), (12, len(stamp), 8)):
        struct.pack_into("<HHI", inodes, 128 * (number - 1), 0o100644, 0, size)
        struct.pack_into("<I", inodes, 128 * (number - 1) + 40, block)
    name = STAMP.encode()
    entry = struct.pack("<IHBB", 12, _BLOCK - 12, len(name), 1) + name
    directory = struct.pack("<IHBB", 2, 12, 1, 2) + b".\0\0\0" + entry
    blocks = (bytes(_BLOCK), superblock, group, bytes(2 * _BLOCK), inodes, directory.ljust(_BLOCK, b"\0"), stamp.ljust(_BLOCK, b"\0"))
    return b"".join(map(bytes, blocks))


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
        mutator(_repacked, _field, words=(b"070701", b"TRAILER!!!", b".buildstamp\0")),
        budget=1500,
    ),
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
