"""A whole distribution at full size: the RHEL 6 of September 2012 as a tree, and its update mirror of December 2012."""

import shutil
import subprocess
import sys
from pathlib import Path

from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import nevra
from tests.corpus import CORPUS

METADATA = CORPUS / "repodata/rhel6-server-x86_64-2012-12/repodata"
PAIRS = CORPUS / "pairs"
INSTALLED = "rhel6-installed-at-2012-09-01"


def build_rhel6(folder: Path) -> tuple[Path, Path]:
    """(the tree's repository, the mirror's repository), both complete with repodata; what both have is the same file in both."""
    base, mirror = folder / "base", folder / "mirror"
    _forge(mirror)
    _forge(base, "--nevras", str(PAIRS / f"{INSTALLED}.installed.txt"))
    for package in (base / "Packages").iterdir():
        same = mirror / "Packages" / package.name
        if same.exists() and nevra(read_rpm(same).main).key == nevra(read_rpm(package).main).key:
            shutil.copy2(same, package)
    for repository in (base, mirror):
        subprocess.run(["createrepo_c", "-q", str(repository)], check=True, capture_output=True)
    _modify(mirror, "updateinfo", "492777d904da6c1e8444d933a81131ad18d37eac9663ad6beb533f5ca3160375-updateinfo.xml.xz")
    for repository in (base, mirror):
        _modify(repository, "group", "26c5585cb5dd45868f1eac054aa537ada506722534250c61f61f1532eb04fb7a-group.xml.xz")
        _modify(repository, "productid", "2a08c9b4d94e790a377b060f56134f2d2f3b4ab53b481d18e9b659e0335ae2d6-productid.xml.xz")
    return base, mirror


def _forge(repository: Path, *options: str) -> None:
    """Valid packages with the real names, versions, dependencies and files."""
    primary, filelists = (next(METADATA.glob(f"*-{kind}.xml.gz")) for kind in ("primary", "filelists"))
    tool = CORPUS.parent / "tools/forge_rpms.py"
    command = [sys.executable, str(tool), str(primary), str(repository / "Packages"), "--filelists", str(filelists), *options]
    subprocess.run(command, check=True, capture_output=True)


def _modify(repository: Path, kind: str, name: str) -> None:
    command = ["modifyrepo_c", f"--mdtype={kind}", str(METADATA / name), str(repository / "repodata")]
    subprocess.run(command, check=True, capture_output=True)


def link_copy(source: Path, target: Path) -> Path:
    """A copy of hard links: quick, and as separate as a tree that mirrorsync never writes into needs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target, copy_function=lambda one, other: Path(other).hardlink_to(one))
    return target


def table(name: str) -> list[list[str]]:
    """The rows of an expectation table, without its comments."""
    lines = (PAIRS / f"{INSTALLED}.{name}").read_text().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]
