"""Debian's kernel for virtual machines, unpacked and not installed, and which of its modules to load in which order."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LIMIT_SECONDS = 900


class ImageError(Exception):
    """What a guest boots from could not be made."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """image: what boot programs load.  modules: the folder of that version's, below `root`/lib/modules."""

    root: Path
    version: str
    image: Path
    modules: Path


def run(*command: str, cwd: Path | None = None, text: str | None = None) -> str:
    """What the command printed. Raises ImageError where it fails."""
    try:
        done = subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"{command[0]} did not end within {_LIMIT_SECONDS} s") from error
    if done.returncode != 0:
        raise ImageError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def debian_kernel(folder: Path) -> Kernel:
    """The kernel unpacked in the folder; where it is not there yet, downloaded from the mirror that apt has."""
    if not (folder / "boot").exists():
        _unpack(folder)
    [modules] = (folder / "lib/modules").iterdir()
    [image] = (folder / "boot").glob("vmlinuz-*")
    return Kernel(folder, modules.name, image, modules)


def _unpack(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted = re.search(r"Depends: (linux-image-\S+)", run("apt-cache", "depends", "linux-image-cloud-amd64"))
    if wanted is None:
        raise ImageError("apt knows no linux-image-cloud-amd64; run apt-get update")
    run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", wanted[1], cwd=folder)
    [package] = folder.glob("*.deb")
    run("dpkg-deb", "-x", str(package), str(folder))
    package.unlink()


def modules_of(root: Path, version: str, names: Sequence[str]) -> list[Path]:
    """The files of these modules and of what they need, below `root`, in the order to load them. depmod was run there."""
    listed = run("modprobe", "-d", str(root), "-S", version, "--show-depends", "-a", *names)
    paths = [line.split()[1] for line in listed.splitlines() if line.startswith("insmod")]
    return [Path(path) for path in dict.fromkeys(paths)]
