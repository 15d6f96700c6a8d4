"""Targets: yum metadata, and the lists of mirrors that have it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from mirrorsync.errors import UpstreamError
from mirrorsync.model.version import EVR
from mirrorsync.planning.changelogs import news
from mirrorsync.upstream.alternatives import parse_alternatives
from mirrorsync.upstream.filelists import read_filelists
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.modules import read_modules
from mirrorsync.upstream.other import read_other
from mirrorsync.upstream.primary import read_primary
from mirrorsync.upstream.repomd import parse_repomd
from mirrorsync.upstream.updateinfo import read_updateinfo, with_epochs
from tests.fuzz import markup
from tests.fuzz.mutation import mutator
from tests.fuzz.samples import samples
from tests.fuzz.target import Target
from tests.repositories import Item, primary_xml

_SOURCE = "http://mirror.example/repodata/x.xml"
_BLOCK = 1000  # bytes, so that elements are cut in two
_VARIABLES = {"releasever": "9", "basearch": "x86_64"}
_RELATIONS = (
    '<rpm:sourcerpm>a-1-1.src.rpm</rpm:sourcerpm><rpm:provides><rpm:entry name="a" flags="EQ" epoch="0" ver="1" rel="1"/></rpm:provides>'
    '<rpm:requires><rpm:entry name="/bin/sh"/><rpm:entry name="b" flags="GE" ver="2"/></rpm:requires>'
    '<file>/etc/a</file><file type="dir">/b</file>'
)
_REPOMD = b"""<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm"><revision>1700000000</revision>
<data type="primary"><checksum type="sha256">%s</checksum><open-checksum type="sha">x</open-checksum><location href="repodata/p.xml.gz"/>
<timestamp>1700000000</timestamp><size>1234</size><open-size>12345</open-size></data></repomd>""" % (b"ab" * 32)
_FILELISTS = b"""<?xml version="1.0"?><filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="1">
<package pkgid="AB" name="a" arch="i686">
<version epoch="0" ver="1" rel="1"/><file>/usr/share/x</file><file type="dir">/etc</file></package></filelists>"""
_UPDATEINFO = b"""<?xml version="1.0"?><updates><update from="x@example.com" status="final" type="security" version="2">
<id>RHSA-2012:0001</id>
<title>a</title><severity>Important</severity><issued date="2012-2-17 00:00:00"/><updated date="1532044800"/><description>text</description>
<references><reference href="x" id="CVE-2012-0001" type="cve" title="CVE-2012-0002"/></references>
<pkglist><collection short="x"><name>x</name>
<package name="a" version="1" release="2" epoch="0" arch="i686" src="a.src.rpm"><filename>a.rpm</filename><reboot_suggested/></package>
</collection></pkglist></update><update><id>SUSE-1</id><issued><date>2012-01-01</date></issued></update></updates>"""
_OTHER = b"""<?xml version="1.0"?><otherdata xmlns="http://linux.duke.edu/metadata/other" packages="1">
<package pkgid="AB" name="a" arch="i686"><version epoch="0" ver="1" rel="1"/>
<changelog author="A B &lt;a@b&gt; - 1-1" date="1021000000">- fix CVE-2002-0001</changelog>
<changelog author="x" date="-1"/></package></otherdata>"""
_MODULES = b"""---
document: modulemd
version: 2
data:
  name: nodejs
  stream: "10"
  artifacts:
    rpms:
    - nodejs-1:10.11.0-1.module_f29+1.x86_64
    - &a npm-1:6.4.1-1.x86_64
    - *a
...
---
document: modulemd-defaults
version: 1
data: {module: nodejs, stream: "10", profiles: {'10': [default]}}
"""
_METALINK = b"""<?xml version="1.0" encoding="utf-8"?><metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager">
<files><file name="repomd.xml"><mm0:timestamp>1700000000</mm0:timestamp><size>1234</size><verification><hash type="md5">aa</hash>
<hash type="sha256">%s</hash></verification><mm0:alternates><mm0:alternate><mm0:timestamp>1600000000</mm0:timestamp><size>99</size>
<verification>
<hash type="sha1">bb</hash></verification></mm0:alternate></mm0:alternates><resources maxconnections="1">
<url protocol="http" type="http" location="DE" preference="100">http://one.example/repodata/repomd.xml</url>
<url protocol="rsync" preference="99">rsync://two.example/repodata/repomd.xml</url><url>ftp://user:word@three.example/repodata/repomd.xml</url>
</resources></file></files></metalink>""" % (b"cd" * 32)
_MIRRORLIST = b"""# repo = x arch = y
http://one.example/$releasever/os/
https://two.example:8443/${basearch}/repodata/repomd.xml
ftp://three.example/x
rsync://four.example/x
"""
_PLACES = (
    b"http://",
    b"https://[::1]/",
    b"ftp://",
    b"@",
    b":99999",
    b"[",
    b"repodata/repomd.xml",
    b"<hash type='sha512'>",
    b"preference='",
)


def _blocks(content: bytes) -> Iterator[bytes]:
    return (content[start : start + _BLOCK] for start in range(0, len(content), _BLOCK))


def _read_repomd(content: bytes, _: Path) -> None:
    for record in parse_repomd(content, source=_SOURCE).records:
        if record.size_limit < 0 or record.open_size_limit < 0:
            raise AssertionError("a limit below nothing")


def _read_primary(content: bytes, _: Path) -> None:
    found = read_primary(_blocks(content), source=_SOURCE, wanted=lambda arch: arch != "s390", modules={})
    with_epochs((), found.packages)


def _read_filelists(content: bytes, _: Path) -> None:
    read_filelists(_blocks(content), frozenset({"/usr/share/x", "/etc"}), source=_SOURCE)


def _read_other(content: bytes, _: Path) -> None:
    for entries in read_other(_blocks(content), frozenset({"ab"}), source=_SOURCE).values():
        news(entries[1:], entries, EVR(None, "1", "0"))


def _read_updateinfo(content: bytes, _: Path) -> None:
    with_epochs(read_updateinfo(_blocks(content), source=_SOURCE).advisories, ())


def _read_modules(content: bytes, _: Path) -> None:
    read_modules(content, source=_SOURCE)


def _read_alternatives(content: bytes, _: Path) -> None:
    """The places must be such that doors can be opened to them: URLs, or refused as mirrors."""
    alternatives = parse_alternatives(content, source=_SOURCE, variables=_VARIABLES)
    alternatives.accepts(b"<repomd/>")
    for place in alternatives.places:
        urlsplit(place)
        Mirror.at(place)


def _primaries() -> Sequence[bytes]:
    return [
        primary_xml(Item("a", extra=_RELATIONS), Item("b", arch="src")),
        primary_xml(Item("c", epoch="x", location="../c.rpm"), announced=7),
    ]


_MARKUP = mutator(*markup.CHANGES)
_REPODATA = "repodata/**/"

TARGETS = (
    Target("repomd", _read_repomd, lambda: [_REPOMD], (UpstreamError,), _MARKUP, corpus=samples(f"{_REPODATA}repomd*.xml*")),
    Target(
        "primary",
        _read_primary,
        _primaries,
        (UpstreamError,),
        _MARKUP,
        corpus=samples(f"{_REPODATA}*primary.xml", f"{_REPODATA}*primary.xml.gz"),
    ),
    Target("filelists", _read_filelists, lambda: [_FILELISTS], (UpstreamError,), _MARKUP, corpus=samples(f"{_REPODATA}*filelists.xml.gz")),
    Target("other", _read_other, lambda: [_OTHER], (UpstreamError,), _MARKUP, corpus=samples(f"{_REPODATA}*other.xml.gz")),
    Target(
        "updateinfo",
        _read_updateinfo,
        lambda: [_UPDATEINFO],
        (UpstreamError,),
        _MARKUP,
        corpus=samples("**/*updateinfo*.xml*", "errata/**/*.xml"),
    ),
    Target(
        "modules",
        _read_modules,
        lambda: [_MODULES],
        (UpstreamError,),
        mutator(words=(b"- ", b"? ", b": ", b"{", b"[", b"&a ", b"*a", b"!!int ", b"---\n", b"|\n", b"data:")),
    ),
    Target(
        "mirrors",
        _read_alternatives,
        lambda: [_METALINK, _MIRRORLIST],
        (UpstreamError,),
        mutator(*markup.CHANGES, words=_PLACES),
        corpus=samples("repodata/mirrorlist-metalink/**/*"),
    ),
)
