"""Targets: what administrators write: the configuration, .repo files, /etc/exports."""

import json
from collections.abc import Sequence
from pathlib import Path

from mirrorsync.config.display import config_document, config_text
from mirrorsync.config.loading import understand
from mirrorsync.config.sources import gather
from mirrorsync.errors import ConfigError, UpstreamError
from mirrorsync.probes.exportfile import parse_exports
from mirrorsync.upstream.yumrepo import parse_repo
from tests.fuzz.mutation import mutator
from tests.fuzz.samples import samples
from tests.fuzz.target import Target

_SAMPLE = Path(__file__).resolve().parents[2] / "config" / "mirrorsync.toml"
_SMALL = b"""[mirrorsync]
state = "/var/lib/mirrorsync"
[trees.t]
path = "/u1/redhat"
layout = "redhat"
arches = ["i686"]
grace = "1d12h"
pin = ["kernel = 2.4.18-3"]
[[trees.t.updates]]
url = "http://mirror.example/updates"
kind = "listing"
signatures = "digest-only"
max_rate = "1.5M"
"""
_REPO = b"""[main]
cachedir=/var/cache
[updates]
name = Updates $releasever
baseurl = http://one.example/$basearch/
  ftp://two.example/x, file:///srv/x
mirrorlist=https://mirrors.example/?repo=x
enabled=1
gpgcheck=yes
gpgkey=file:///etc/pki/a
throttle=50%
bandwidth=1.5M
proxy=_none_
exclude=kernel* glibc
sslverify=1
[off]
enabled=0
metalink=https://mirrors.example/metalink
throttle=100k
"""
_EXPORTS = b"""# nodes
/u1 10.1.0.0/16(ro,no_subtree_check,sec=sys:krb5) @cluster(ro) *.example.com
"/with blank" -ro,fsid=0 host\\
  [fe80::1]/64(rw,mp=/x)
/octal\\040name (ro)
"""
_TOML = (
    *(b"[[", b"]]", b"[trees.t.export]\n", b"= ", b'"""', b"'", b"{a = 1}", b"1979-05-27T07:32:00Z", b"0x", b"1e9", b"inf", b"true"),
    *(b"[", b"[" * 1500, b"\nx = " + b"9" * 5000 + b"\n", b"\\u0000", b"a.b.c"),
)


def _read_configuration(content: bytes, scratch: Path) -> None:
    path = scratch / "mirrorsync.toml"
    path.write_bytes(content)
    config = understand(gather(path), scratch)
    config_text(config)
    json.dumps(config_document(config))


def _read_repo(content: bytes, _: Path) -> None:
    for section in parse_repo(content.decode(errors="replace"), source="x.repo", variables={"releasever": "9", "basearch": "x86_64"}):
        if section.enabled:
            str(section.mirror)


def _read_exports(content: bytes, _: Path) -> None:
    for export in parse_exports(content.decode(errors="surrogateescape"), "/etc/exports")[0]:
        str(export.where)


def _configurations() -> Sequence[bytes]:
    return [_SAMPLE.read_bytes(), _SMALL]


TARGETS = (
    Target("configuration", _read_configuration, _configurations, (ConfigError,), mutator(words=_TOML), budget=1500, longest_line=1 << 17),
    Target(
        "repo-file",
        _read_repo,
        lambda: [_REPO],
        (ConfigError, UpstreamError),
        mutator(words=(b"\n[", b"]\n", b"=", b"\n  ", b"throttle=", b"${", b"%")),
        largest=1 << 15,
        corpus=samples("kickstart/**/*.repo"),
        longest_line=1 << 17,
    ),
    Target(
        "exports",
        _read_exports,
        lambda: [_EXPORTS],
        (),
        mutator(words=(b'"', b"\\", b"\\\n", b"(", b")", b",", b" -ro", b"\\777")),
        corpus=samples("kickstart/**/exports"),
    ),
)
