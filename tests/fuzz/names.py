"""Targets: names and versions from outside."""

from collections.abc import Sequence
from pathlib import Path

from mirrorsync.errors import PlanError, TreeError, UpstreamError
from mirrorsync.files import contained
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.upstream.mirror import Mirror, local_path, place
from mirrorsync.upstream.repomd import plain_location
from tests.fuzz.mutation import mutator
from tests.fuzz.target import Target

_ROOT = Path("/u1/redhat")
_WORDS = (
    b"..",
    b".",
    b"/",
    b"//",
    b"\\",
    b"%2e",
    b"%2F",
    b"%00",
    b"\0",
    b"~",
    b"\x7f",
    "\u202e".encode(),
    "\u2028".encode(),
    b"a" * 255,
    b"a" * 256,
)
_NAMES = (
    b"Packages/bash-2.05a-13.i386.rpm",
    b"../../etc/cron.d/x",
    b"/etc/passwd",
    b"a/./b",
    "naïve.rpm".encode(),
    b"na\xefve.rpm",
    b"%2e%2e/x",
)
_VERSIONS = (b"bash-1:2.05a-13.1.i386\nkernel-2.4.18-3.i686", b"a-1~rc1^git-1.noarch\na-1-1.noarch", b"1:1-1\n0:1-1", b"\xff:1-1\n1")


def _read_name(content: bytes, _: Path) -> None:
    """What is let in lies below the root, as a name that says where, in the words of the operating system too."""
    name = content.decode(errors="surrogateescape")
    _require_inside(contained(_ROOT, name))
    _require_inside(_ROOT / plain_location(name, source="x"))


def _require_inside(path: Path) -> None:
    spoken = str(path)
    if not spoken.startswith(f"{_ROOT}/") or ".." in path.parts or not spoken.isprintable() or "\\" in spoken:
        raise AssertionError(f"a name was let in as {spoken!r}")


def _read_versions(content: bytes, _: Path) -> None:
    first, _line, second = content.decode(errors="surrogateescape").partition("\n")
    for parse in (EVR.parse, NEVRA.parse):
        try:
            parse(first)
        except PlanError:
            continue
    one, other = EVR.parse(first), EVR.parse(second)
    if one.compare(other) != -other.compare(one):
        raise AssertionError(f"{one} and {other} are compared differently from either side")


def _read_address(content: bytes, _: Path) -> None:
    mirror = Mirror.at(content.decode(errors="surrogateescape"))
    place(mirror.url, "RedHat/RPMS/x.rpm")
    if mirror.url.startswith("file:"):
        local_path(mirror.url)


def _addresses() -> Sequence[bytes]:
    return [b"http://user:word@mirror.example:8080/updates/", b"file:///srv/x", b"/srv/x/../y", b"ftp://[::1]/x", b"https://x/"]


TARGETS = (
    Target("name", _read_name, lambda: _NAMES, (TreeError, UpstreamError), mutator(words=_WORDS)),
    Target("version", _read_versions, lambda: _VERSIONS, (PlanError,), mutator(words=(b":", b"-", b"~", b"^", b".", b"\n", b"0"))),
    Target("address", _read_address, _addresses, (UpstreamError,), mutator(words=(b"[", b"]", b"@", b":", b"//", b"%00", "℀".encode()))),
)
