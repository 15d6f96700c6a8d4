"""What the guests bring along: the project's code, a small Red Hat Linux tree, and a mirror's updates to it, all built before."""

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import mirrorsync
from fixtures.rpms import PackageSpec, build_rpms
from tests.guests.image import make_disk
from tests.guests.master import ETC_EXPORTS, MIRROR, NETWORK, PARENT, TREE, export_line

PACKAGES = 12
_TEXT_BYTES = 40_000  # of hexadecimal digits, which gzip halves

CONFIG = "/mnt/mirrorsync.toml"
CONFIG_WITHOUT_GRACE = "/mnt/without-grace.toml"

BLINDED = ("unshare", "-m", "/mnt/blinded")
"""What lets the command that follows see another export than there is: an administrator cannot do that by accident."""

_CONFIG = """
[mirrorsync]
state = "/run/mirrorsync"
[trees.{name}]
path = "{tree}"
layout = "redhat"
arches = ["i386"]
{grace}
[[trees.{name}.updates]]
url = "file://{mirror}/"
kind = "listing"
signatures = "digest-only"
[trees.{name}.export]
clients = ["{network}"]
"""

_BLINDED = """#!/bin/sh -e
mount --bind /mnt/exports {exports}
mount --bind /dev/null /var/lib/nfs/etab
mount -t tmpfs tmpfs /proc/fs/nfsd
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Supplies:
    """What a pair of guests starts with.

    disk: read only, for both.  tree: the file system with the master's tree.  listed: the file names in its hdlist.
    updates: each update's file name, in order.
    """

    disk: Path
    tree: Path
    listed: frozenset[str]
    updates: tuple[str, ...]


def make_supplies(folder: Path, updates: int) -> Supplies:
    """Build a tree and `updates` updates of one package each, and pack them."""
    base = build_rpms([_package(number, 1) for number in range(PACKAGES)], folder / "base")
    newer = build_rpms([_package(number % PACKAGES, 2 + number) for number in range(updates)], folder / "newer")
    content = folder / "content"
    _add_project(content / "project")
    _add_configuration(content)
    for number, file in enumerate(newer):
        offered = content / "updates" / f"{number:03}"
        offered.mkdir(parents=True)
        shutil.copy(file, offered)
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (*base, *newer)}
    (content / "digests.json").write_text(json.dumps(digests))
    disk = make_disk(content, folder / "supplies.img", "64M")
    return Supplies(disk, _tree_disk(folder), frozenset(file.name for file in base), tuple(file.name for file in newer))


def _package(number: int, version: int) -> PackageSpec:
    name = f"package{number:02}"
    digits = hashlib.shake_256(f"{name} {version}".encode()).hexdigest(_TEXT_BYTES // 2)
    text = "\n".join(digits[start : start + 100] for start in range(0, len(digits), 100))
    return PackageSpec(name, str(version), files={f"/usr/share/{name}/text": text})


def _add_project(target: Path) -> None:
    """The code under test, and what runs it inside."""
    tests = Path(__file__).parents[1]
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(mirrorsync.__file__).parent, target / "mirrorsync", ignore=skipped)
    shutil.copytree(tests / "guests", target / "tests/guests", ignore=skipped)
    for name in ("__init__.py", "hdlists.py"):
        shutil.copy(tests / name, target / "tests")


def _add_configuration(content: Path) -> None:
    for place, grace in ((CONFIG, ""), (CONFIG_WITHOUT_GRACE, 'grace = "0s"\nkeep_generations = 1')):
        text = _CONFIG.format(name=TREE.name, tree=TREE, mirror=MIRROR, network=NETWORK, grace=grace)
        (content / Path(place).name).write_text(text)
    (content / "exports").write_text(export_line(str(PARENT)))
    blinded = content / "blinded"
    blinded.write_text(_BLINDED.format(exports=ETC_EXPORTS))
    blinded.chmod(0o755)


def _tree_disk(folder: Path) -> Path:
    """A tree as genhdlist left it, which mirrorsync has not published yet."""
    tree = folder / "parent" / TREE.name
    (tree / "RedHat/base").mkdir(parents=True)
    shutil.copytree(folder / "base", tree / "RedHat/RPMS")
    command = [sys.executable, "-m", "mirrorsync", "hdlist", str(tree)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return make_disk(folder / "parent", folder / "tree.img", "256M")
