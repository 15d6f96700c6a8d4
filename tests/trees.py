"""Small install trees of real packages, for tests."""

import hashlib
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from fixtures.images import cpio_archive
from mirrorsync.model.choices import Layout
from mirrorsync.model.package import Digest, Package
from mirrorsync.model.plan import Change, Incoming, Outgoing, Plan, Removal
from mirrorsync.model.version import NEVRA
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import describe
from mirrorsync.tree.site import Tree

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def make_tree(folder: Path, rpms: Iterable[Path], layout: Layout = Layout.REDHAT) -> Tree:
    """A plain tree as copied from discs at `folder`/u1/redhat, never updated by mirrorsync."""
    path = folder / "u1" / "redhat"
    packages = path / ("RedHat/RPMS" if layout is Layout.REDHAT else "Packages")
    packages.mkdir(parents=True)
    for rpm in rpms:
        shutil.copy(rpm, packages)
    (path / "images/pxeboot").mkdir(parents=True)
    (path / "images/pxeboot/vmlinuz").write_bytes(b"kernel")
    (path / "images/pxeboot/initrd.img").write_bytes(cpio_archive({"init": b"initrd"}))
    (path / "README").write_text("Copied from disc 1\n")
    (path / "empty").mkdir()
    return Tree(name="redhat", path=path, layout=layout, state=folder / "state", arches=("i386",))


def described(rpm: Path, location: str | None = None) -> Package:
    """A package file as a mirror's catalogue has it."""
    return describe(read_rpm(rpm), location=location or rpm.name, size=rpm.stat().st_size)


def replacing(tree: Tree, held: Iterable[Package], new: Package) -> Plan:
    """The plan that lets `new` take the place of every held package of its name."""
    outgoing = tuple(Outgoing(package, Removal.SUPERSEDED, new.nevra, "older") for package in held if package.name == new.name)
    return Plan(tree.name, (Incoming(new, "a mirror", Change.UPGRADE, "newer"),), outgoing)


def staged(pool_folder: Path, rpm: Path, package: Package) -> dict[NEVRA, str]:
    """The package's file put into the pool, and the mapping that building takes."""
    content = rpm.read_bytes()
    digest = Digest("sha256", hashlib.sha256(content).hexdigest())
    target = pool_folder / digest.value[:2] / digest.value
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return {package.nevra: digest.value}


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file below `root` with its content."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
