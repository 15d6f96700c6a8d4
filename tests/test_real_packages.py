"""The older of the corpus's real packages in a tree, the newer ones on a mirror: the right ones are replaced, nothing is lost."""

import functools
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import rpm as librpm

from mirrorsync.errors import HeaderError
from mirrorsync.model.package import Package
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import describe
from tests.commands import configured, nevra_text
from tests.corpus import CORPUS, needs_corpus
from tests.servers import Running, ftp_server, mirror_server

pytestmark = needs_corpus

FOLDERS = ("rpms/debian-src-dnf", "rpms/pulp+pulp-fixtures", "rpms/cavaliergopher+rpm", "rhl-era/rpms")
Served = Callable[[Path, Path], AbstractContextManager[Running]]


@functools.cache
def real_packages() -> tuple[tuple[Path, Package], ...]:
    """Every readable binary package of the folders, the first of a file name."""
    found: dict[str, tuple[Path, Package]] = {}
    for path in (path for folder in FOLDERS for path in sorted((CORPUS / folder).glob("*.rpm"))):
        try:
            package = describe(read_rpm(path), location=path.name, size=path.stat().st_size)
        except HeaderError:
            continue
        if package.arch in ("noarch", "i386", "i686", "x86_64") and "__" not in path.name:
            found.setdefault(path.name, (path, package))
    return tuple(found.values())


def label(package: Package) -> tuple[str, str, str]:
    return (package.evr.epoch or "0", package.evr.version, package.evr.release)


def split() -> tuple[list[Path], list[Path]]:
    """(the oldest of each name and architecture, all others)."""
    groups: dict[tuple[str, str], list[tuple[Path, Package]]] = defaultdict(list)
    for path, package in real_packages():
        groups[package.name, package.arch].append((path, package))
    key = functools.cmp_to_key(lambda one, two: librpm.labelCompare(label(one[1]), label(two[1])))
    ordered = [sorted(group, key=key) for group in groups.values()]
    return [group[0][0] for group in ordered], [path for group in ordered for path, _ in group[1:]]


def digests(base: Path) -> dict[str, str]:
    """The corpus's tool on a pair: file name to its line, which has a digest of each of its two records."""
    tool = CORPUS.parent / "tools" / "hdlist_digest.py"
    command = [sys.executable, str(tool), str(base / "hdlist"), str(base / "hdlist2")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line.split("\t")[0]: line for line in done.stdout.splitlines()}


# What stays although the mirror has newer builds: what those require is in no package here.
HELD = {
    "centos-release-10:5-0.0.el5.centos.2.i386": "centos-release-notes",
    "centos-release-10:5-0.0.el5.centos.2.x86_64": "centos-release-notes",
    "tmpwatch-2.9.7-1.1.el5.2.i386": "libc.so.6(GLIBC_2.3.4)",
}
# Of one line with centos-release-1:3.1-1.i386, whose epoch makes it the newer: on an i686 node the old one would win.
SUPERSEDED_IN_THE_TREE = {"centos-release-6-0.el6.centos.5.i686.rpm"}


@pytest.mark.parametrize("server", [mirror_server, ftp_server])
def test_the_newest_of_the_real_packages_are_listed_and_nothing_is_lost(tmp_path: Path, server: Served) -> None:
    older, newer = split()
    tree, mirror = tmp_path / "u1" / "redhat", tmp_path / "mirror" / "x86_64"
    for folder, files in ((tree / "RedHat/RPMS", older), (mirror, newer)):
        folder.mkdir(parents=True)
        for file in files:
            shutil.copy(file, folder)
    with server(tmp_path / "mirror", tmp_path) as running:
        era = "legacy = true"  # MD5 alone says of the oldest packages that they are whole
        updates = f'url = "{running.url}/"\nkind = "listing"\nsignatures = "digest-only"\n{era}'
        mirrorsync = configured(tmp_path, tree, updates, arches='"x86_64"')
        updated = mirrorsync("update", "--json")
    assert updated.code == 3, updated.err
    held = {nevra_text(entry["nevra"]): entry["reason"] for entry in updated.tree["plan"]["held"]}
    assert held.keys() == HELD.keys()
    assert all(HELD[nevra] in reason for nevra, reason in held.items())

    ours = digests(tree / "RedHat/base")
    assert ours.keys() == expected_names(older)
    on_disk = {path.name for path in (tree / "RedHat/RPMS").iterdir()}
    assert {path.name for path in older} | ours.keys() == on_disk
    reference = digests(CORPUS / "hdlist/reference")
    shared = ours.keys() & reference.keys()
    assert len(shared) == 75
    assert {name: ours[name] for name in shared} == {name: reference[name] for name in shared}
    checked = mirrorsync("check", "--deep", "--json")
    assert (checked.code, checked.findings) == (0, []), checked.out


def expected_names(older: list[Path]) -> set[str]:
    """By librpm's order alone: the newest of each name and architecture, but the older where the newest is held."""
    described = dict(real_packages())
    newest: dict[tuple[str, str], tuple[Path, Package]] = {}
    for path, package in real_packages():
        best = newest.get((package.name, package.arch))
        if best is None or librpm.labelCompare(label(best[1]), label(package)) < 0:
            newest[package.name, package.arch] = (path, package)
    kept = {(described[path].name, described[path].arch): path.name for path in older}
    names = {kept[key] if str(package.nevra) in HELD else path.name for key, (path, package) in newest.items()}
    return names - SUPERSEDED_IN_THE_TREE
