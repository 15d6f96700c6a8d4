"""The real dnf as a node: everything it writes in a folder of its own, and what it took compared with what was built."""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.inflight.doors import RefusedError
from tests.inflight.installs import MixedError
from tests.inflight.ledger import Names

DNF_SECONDS = 120


def dnf_packages(folder: Path, url: str, names: Sequence[str], digests: Mapping[str, str], *, unpack: bool) -> Names:
    """Let dnf fetch the packages `names` from the tree at `url`, and install them below `folder` where `unpack` says so.

    Raises RefusedError with dnf's words where it fails, MixedError where a package is not as it was built. `folder` is removed.
    """
    try:
        _run(folder, url, ["install", *([] if unpack else ["--downloadonly"]), *names])
        fetched = sorted((folder / "cache").rglob("*.rpm"))
        for path in fetched:
            if hashlib.sha256(path.read_bytes()).hexdigest() != digests.get(path.name):
                raise MixedError(f"{path.name}: not the package as it was built")
        if unpack:
            _check_unpacked(folder / "root", fetched)
        return frozenset(path.name for path in fetched)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, url: str, arguments: Sequence[str]) -> None:
    """One try a file: a second one would hide what the first one met."""
    for log in (folder / "log", folder / "root" / folder.relative_to("/") / "log"):
        log.mkdir(parents=True)
    settings = {
        "reposdir": "/nonexistent", "cachedir": folder / "cache", "logdir": folder / "log", "persistdir": folder / "persist",
        "keepcache": 1, "retries": 1, "fastestmirror": 0, "timeout": 30, "skip_if_unavailable": 0,
    }  # fmt: skip
    options = [f"--setopt={name}={value}" for name, value in settings.items()]
    place = [f"--installroot={folder}/root", "--releasever=1", f"--repofrompath=tree,{url}", "--repo=tree"]
    command = ["dnf", "-q", "-y", "--noplugins", "--nogpgcheck", *place, *options, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DNF_SECONDS, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RefusedError(f"dnf ended with {done.returncode}: {' | '.join(done.stderr.splitlines()[-5:])}")


def _check_unpacked(root: Path, packages: Sequence[Path]) -> None:
    """Every package brought its file, which says whose and of which version it is."""
    for package in packages:
        name, version, _ = package.name.rsplit("-", 2)
        file = root / "usr/share" / name / "one"
        if not file.is_file() or file.read_text().strip() != f"{name} {version} one":
            raise MixedError(f"{package.name}: installed, but {file.name} of it is not there or another's")
