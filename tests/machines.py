"""A machine as dnf sees one: an rpm database that has a tree's packages, and one repository."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from mirrorsync.model.version import NEVRA

_INSTALL = ("-i", "--justdb", "--nodeps", "--noscripts", "--nosignature", "--nodigest", "--force", "--ignorearch")


def dnf_machine(folder: Path, tree: Path, mirror: Path, *, release: int) -> list[str]:
    """The beginning of dnf's commands on an x86_64 machine that has the tree's packages; all it writes is in `folder`."""
    root = folder / "root"
    root.mkdir(parents=True)
    left = {path.name.removesuffix(".rpm"): str(path) for path in (tree / "Packages").glob("*.rpm")}
    while left:  # rpm leaves out of one transaction what others in it obsolete; beside what is installed it takes it
        subprocess.run([*_rpm(root), *_INSTALL, *left.values()], check=True, capture_output=True)
        known = set(subprocess.run([*_rpm(root), "-qa"], check=True, capture_output=True, text=True).stdout.split())
        assert known & left.keys(), sorted(left)
        left = {name: path for name, path in left.items() if name not in known}
    settings = {"reposdir": "/nonexistent", "cachedir": f"{folder}/cache", "logdir": str(folder), "persistdir": str(folder)}
    options = [f"--setopt={name}={value}" for name, value in settings.items()]
    repository = [f"--repofrompath=mirror,{mirror.as_uri()}", "--repo=mirror"]
    return ["dnf", "-q", f"--installroot={root}", f"--releasever={release}", "--forcearch=x86_64", *options, *repository]


def named(machine: Sequence[str], *options: str) -> set[tuple[str, str, str]]:
    """The lines of `dnf updateinfo list`: advisory, and the name and architecture of a package."""
    found = (line.split() for line in _asked(machine, "updateinfo", "list", *options))
    return {(advisory, nevra.name, nevra.arch) for advisory, nevra in ((words[0], NEVRA.parse(words[-1])) for words in found)}


def upgrades(machine: Sequence[str]) -> set[NEVRA]:
    """What `dnf repoquery --upgrades` names."""
    return set(map(NEVRA.parse, _asked(machine, "repoquery", "--upgrades")))


def _rpm(root: Path) -> list[str]:
    return ["rpm", "--root", str(root)]


def _asked(machine: Sequence[str], *arguments: str) -> list[str]:
    return subprocess.run([*machine, *arguments], capture_output=True, text=True, check=True).stdout.splitlines()
