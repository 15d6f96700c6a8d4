"""The guests' root image: Debian 12 with an NFS server and client, a kernel, and what mirrorsync needs besides itself."""

import hashlib
import importlib.metadata
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.guests import kernel
from tests.guests.kernel import Kernel, debian_kernel, modules_of, run

DEPENDENCIES = "opt/dependencies"
"""Where the image has mirrorsync's dependencies, below its root."""

NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "depmod": "kmod",
    "cpio": "cpio",
    "/usr/bin/busybox": "busybox-static",
    "mkfs.ext4": "e2fsprogs",
    "dpkg-deb": "dpkg",
    "setpriv": "util-linux",
    "rpmbuild": "rpm",
}
"""Each command that building and running guests takes, and Debian's package that has it."""

_INCLUDED = "kmod,iproute2,nfs-kernel-server,nfs-common,rpcbind,python3,python3-rpm,rpm,libglib2.0-0,netbase"
_BOOT_MODULES = ("virtio_pci", "virtio_blk")
_BULKY = ("sound", "drivers/gpu", "drivers/infiniband", "drivers/net/ethernet", "drivers/scsi", "drivers/media")
_ROOT_SIZE = "900M"

_INIT = """#!/busybox sh
/busybox mkdir -p /dev /root
/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /busybox insmod /$module; done
for attempt in $(/busybox seq 200); do [ -e /dev/vda ] && [ -e /dev/vdb ] && break; /busybox sleep 0.1; done
/busybox mount -t ext4 /dev/vda /root
/busybox mount -t ext4 -o ro /dev/vdb /root/mnt
/busybox mount --move /dev /root/dev
export PATH=/usr/sbin:/usr/bin PYTHONPATH=/mnt/project:/{dependencies} PYTHONDONTWRITEBYTECODE=1
exec /busybox switch_root /root /usr/bin/python3 -m tests.guests.inside
"""


@dataclass(frozen=True, slots=True)
class Image:
    """What a guest boots from: its root file system, shared and never written to, a kernel and an initrd."""

    root: Path
    kernel: Path
    initrd: Path


def obstacle() -> str:
    """Why no guest can be run on this machine, "" where one can."""
    missing = sorted({package for command, package in NEEDED.items() if shutil.which(command) is None})
    if missing:
        return f"this machine lacks commands; apt-get install --no-install-recommends {' '.join(missing)}"
    return "" if os.geteuid() == 0 else "only root can make the guests' root file system"


def make_image(cache: Path) -> Image:
    """The image, kept in a folder of `cache` named after what it is made of; what is there already is used again."""
    folder = cache / _recipe()
    image = Image(folder / "root.img", folder / "vmlinuz", folder / "initrd.img")
    if image.root.exists():
        return image
    folder.mkdir(parents=True, exist_ok=True)
    root = debian(folder / "root", _INCLUDED)
    version = add_kernel(debian_kernel(folder / "kernel"), root, image.kernel)
    add_dependencies(root / DEPENDENCIES)
    make_initrd(root, version, folder / "initrd", image.initrd, _INIT)
    made = make_disk(root, folder / "root.img.new", _ROOT_SIZE)
    for name in ("root", "kernel", "initrd"):
        shutil.rmtree(folder / name)
    made.rename(image.root)
    return image


def _recipe() -> str:
    """A digest of what makes it, and of the versions of all that it copies from here."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _dependencies_of("mirrorsync")]
    text = "\n".join([*(Path(name).read_text(encoding="utf-8") for name in (__file__, kernel.__file__)), *versions])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_disk(content: Path, disk: Path, size: str) -> Path:
    """An ext4 file system with the files of `content`, in the file `disk`."""
    disk.unlink(missing_ok=True)
    run("mkfs.ext4", "-q", "-d", str(content), str(disk), size)
    return disk


def debian(root: Path, included: str) -> Path:
    """Debian 12's least system at `root`, with these packages."""
    shutil.rmtree(root, ignore_errors=True)
    run("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={included}", "bookworm", str(root))
    for name in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(root / name)
    return root


def add_kernel(found: Kernel, root: Path, image: Path) -> str:
    """Put the kernel at `image` and its modules, but for those that no guest needs, into `root`; its version."""
    modules = root / "usr/lib/modules" / found.version
    shutil.copytree(found.modules, modules)
    for name in _BULKY:
        shutil.rmtree(modules / "kernel" / name, ignore_errors=True)
    run("depmod", "-b", str(root), found.version)
    shutil.copy(found.image, image)
    return found.version


def add_dependencies(target: Path) -> None:
    """What mirrorsync imports, as it is installed here."""
    for name in _dependencies_of("mirrorsync"):
        for file in importlib.metadata.files(name) or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                copy = target / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), copy)


def _dependencies_of(name: str) -> list[str]:
    """The distributions that one requires, directly or not, outside of extras; but for `rpm`, which is Debian's own there."""
    found = {name, "rpm"}
    pending = [name]
    while pending:
        required = set(_direct(pending.pop())) - found
        found |= required
        pending += required
    return sorted(found - {name, "rpm"})


def _direct(name: str) -> Iterator[str]:
    for requirement in importlib.metadata.requires(name) or ():
        required = re.match(r"[\w.-]+", requirement)
        if required is not None and ";" not in requirement:
            yield re.sub(r"[-_.]+", "-", required[0]).lower()


def make_initrd(root: Path, version: str, folder: Path, initrd: Path, script: str) -> None:
    """A cpio archive of busybox, the modules that the root file system lies behind, and the script that goes over to it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    modules = modules_of(root, version, _BOOT_MODULES)
    for module in modules:
        shutil.copy(module, folder)
    shutil.copy("/usr/bin/busybox", folder / "busybox")
    init = folder / "init"
    init.write_text(script.format(modules=" ".join(module.name for module in modules), dependencies=DEPENDENCIES))
    init.chmod(0o755)
    names = "\n".join(sorted(path.name for path in folder.iterdir()))
    run("cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0", "-O", str(initrd), cwd=folder, text=names)
