"""A node's initrd: busybox, the modules for its card and for NFS, Python with what `tests.boots.node` imports, and /build."""

import gzip
import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import tests
from tests.guests.kernel import Kernel, modules_of, run

PYTHON = Path("/usr/bin/python3")
"""The machine's own: what it needs is asked of it, and copied."""

_CARD = ("virtio_pci", "virtio_net", "virtio_rng")
_NFS = ("nfs", "nfsv3", "nfsv4")
_NEVER = re.compile(r"/(_ssl|_hashlib)\.")  # OpenSSL weighs more than the rest; hashlib has its own SHA-256
_PROJECT = Path(tests.__file__).parents[1]
_ASKED = """
import sys, json, runpy, importlib.util
sys.path.insert(0, sys.argv[1])
import tests.boots.node
import encodings.ascii, encodings.idna
print(json.dumps([name for module in sys.modules.values() if (name := getattr(module, "__file__", None))]))
"""

_INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
exec >/dev/console 2>&1 </dev/console
dmesg -n 1
while read module; do insmod /modules/$module; done </modules/order
for attempt in $(seq 100); do [ -e /sys/class/net/eth0 ] && break; sleep 0.1; done
ip link set lo up; ip link set eth0 up
udhcpc -q -n -t 10 -T 2 -s /leased -i eth0
export PYTHONPATH=/project PYTHONDONTWRITEBYTECODE=1
python3 -m tests.boots.node
poweroff -f
"""
_LEASED = """#!/bin/busybox sh
[ "$1" = bound ] && ip address add $ip/${mask:-24} dev $interface
exit 0
"""


def make_initrd(kernel: Kernel, build: str, target: Path) -> Path:
    """The initrd of this build at `target`; what runs in it says `build` on the console."""
    root = target.with_name(f"{target.name}.root")
    shutil.rmtree(root, ignore_errors=True)
    for name in ("bin", "proc", "sys", "dev", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy("/usr/bin/busybox", root / "bin/busybox")
    _add_modules(kernel, root)
    _add_python(root)
    for name, text in (("init", _INIT), ("leased", _LEASED)):
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    (root / "build").write_text(build)
    archive = target.with_name(f"{target.name}.cpio")
    names = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
    run("cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0", "-O", str(archive), cwd=root, text=names)
    target.write_bytes(gzip.compress(archive.read_bytes(), 6, mtime=0))
    archive.unlink()
    shutil.rmtree(root)
    return target


def _add_modules(kernel: Kernel, root: Path) -> None:
    """Where kernel and initrd are held against each other their place tells the version; /modules/order has the order."""
    if not (kernel.modules / "modules.dep").exists():
        run("depmod", "-b", str(kernel.root), kernel.version)
    order = modules_of(kernel.root, kernel.version, (*_CARD, *_NFS))
    place = root / "lib/modules" / kernel.version
    place.mkdir(parents=True)
    for path in order:
        shutil.copy(path, place)
    (root / "modules/order").write_text("".join(f"../lib/modules/{kernel.version}/{path.name}\n" for path in order))


def _add_python(root: Path) -> None:
    """The interpreter, the libraries it is linked with, and each module's source with what was compiled of it."""
    program = PYTHON.resolve()
    _copy(program, root)
    (root / "bin/python3").symlink_to(program)
    asked = subprocess.run([PYTHON, "-S", "-I", "-c", _ASKED, _PROJECT], capture_output=True, text=True, check=True, timeout=60)
    found = [Path(name) for name in json.loads(asked.stdout) if not _NEVER.search(name)]
    for path in (program, *(path for path in found if path.suffix == ".so")):
        for library in re.findall(r"(/\S+) \(0x", run("ldd", str(path))):
            _copy(Path(library), root)
    for path in found:
        if path.is_relative_to(_PROJECT):
            _copy(path, root, root / "project" / path.relative_to(_PROJECT))
            continue
        _copy(path, root)
        compiled = Path(importlib.util.cache_from_source(str(path)))
        if path.suffix == ".py" and compiled.exists():
            _copy(compiled, root)
    for name in ("tests/__init__.py", "tests/boots/node.py"):
        _copy(_PROJECT / name, root, root / "project" / name)


def _copy(path: Path, root: Path, target: Path | None = None) -> None:
    """Under its own path below the root, where no other is given."""
    target = target or root / path.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
