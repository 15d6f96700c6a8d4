"""The root file system of a fresh master: Debian 12 with systemd, the servers that nodes need, mirrorsync, and its units."""

import hashlib
import shutil
from pathlib import Path

import mirrorsync
from tests.boots.styles import LAYER
from tests.boots.wire import MAC, MASTER, NETWORK, NODE
from tests.guests import image, kernel
from tests.guests.image import DEPENDENCIES, Image, add_dependencies, add_kernel, debian, make_disk, make_initrd
from tests.guests.kernel import Kernel, run

_PROJECT = Path(__file__).parents[2]
_PACKAGES = (
    "systemd-sysv,udev,kmod,iproute2,netbase,cron,nfs-kernel-server,nfs-common,rpcbind,dnsmasq,tftpd-hpa,nginx-light,"
    "python3,python3-rpm,rpm,gpgv,libglib2.0-0,libnfs13"
)
_ROOT_SIZE = "1400M"
_UNITS = "etc/systemd/system"

_INIT = """#!/busybox sh
/busybox mkdir -p /dev /root
/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /busybox insmod /$module; done
for attempt in $(/busybox seq 200); do [ -e /dev/vda ] && [ -e /dev/vdb ] && break; /busybox sleep 0.1; done
/busybox mount -t ext4 /dev/vda /root
/busybox mount --move /dev /root/dev
exec /busybox switch_root /root /sbin/init
"""

_PROGRAM = f"""#!/bin/sh
PYTHONPATH=/opt/project:/{DEPENDENCIES} exec /usr/bin/python3 -m mirrorsync "$@"
"""

_CONTROL = """
[Service]
Environment=PYTHONPATH=/opt/project PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStartPre=/sbin/modprobe virtio_console
ExecStart=/usr/bin/python3 -m tests.boots.control
Restart=on-failure
RestartSec=1s
[Install]
WantedBy=multi-user.target
"""

_NGINX = """
server {
    listen 80 default_server;
    location /install/ { alias /u1/; }
    location /order/ { alias /srv/work/order/; }
}
"""

_CONFIG = f"""
[trees.redhat]
path = "/u1/redhat"
layout = "redhat"
arches = ["i386"]
urls = ["http://{MASTER}/install/redhat"]
[[trees.redhat.updates]]
url = "file:///srv/work/mirror/"
kind = "listing"
signatures = "digest-only"
[trees.redhat.boot]
directory = "/tftpboot/{LAYER}"
tftp = "tftp://{MASTER}/{LAYER}"
[trees.redhat.export]
clients = ["{NETWORK}"]
nfs = "nfs://{MASTER}/u1/redhat"
versions = [3, 4]
"""

_FILES = {
    "etc/fstab": "/dev/vda / ext4 defaults 0 0\n/dev/vdb /srv/work ext4 defaults 0 0\n",
    "etc/hostname": "master\n",
    "etc/exports": f"/u1 {NETWORK}(ro,no_subtree_check)\n",
    "etc/default/tftpd-hpa": 'TFTP_USERNAME="tftp"\nTFTP_DIRECTORY="/tftpboot"\nTFTP_ADDRESS=":69"\nTFTP_OPTIONS="--secure"\n',
    "etc/dnsmasq.d/nodes": (
        f"port=0\ndhcp-range=10.77.0.100,10.77.0.120,255.255.255.0,10m\ndhcp-host={MAC},{NODE},node1\ndhcp-boot={LAYER}/linux.0,,{MASTER}\n"
    ),
    "etc/nginx/sites-enabled/default": _NGINX,
    "etc/systemd/network/wire.network": f"[Match]\nDriver=virtio_net\n[Network]\nAddress={MASTER}/24\n",
    f"{_UNITS}/control.service": _CONTROL,
    "etc/mirrorsync/mirrorsync.toml": _CONFIG,
}
_ENABLED = ("systemd-networkd.service", "nfs-server.service", "nginx.service", "dnsmasq.service", "control.service", "mirrorsync.timer")


def make_image(cache: Path, found: Kernel) -> Image:
    """The image, kept in a folder of `cache` named after what it is made of; what is there already is used again."""
    folder = cache / _recipe()
    made = Image(folder / "root.img", folder / "vmlinuz", folder / "initrd.img")
    if made.root.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True)
    root = debian(folder / "root", _PACKAGES)
    version = add_kernel(found, root, made.kernel)
    add_dependencies(root / DEPENDENCIES)
    _install(root)
    make_initrd(root, version, folder / "initrd", made.initrd, _INIT)
    disk = make_disk(root, folder / "root.img.new", _ROOT_SIZE)
    for name in ("root", "initrd"):
        shutil.rmtree(folder / name)
    disk.rename(made.root)
    return made


def _recipe() -> str:
    """A digest of what makes it, and of the project's own files."""
    digest = hashlib.sha256()
    sources = [*Path(mirrorsync.__file__).parent.rglob("*.py"), *(_PROJECT / "config").rglob("*")]
    for path in sorted(path for path in (*sources, Path(__file__), Path(image.__file__), Path(kernel.__file__)) if path.is_file()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _install(root: Path) -> None:
    """mirrorsync as README and docs/PRIVILEGE.md say, but for pip: there is no network in the guest."""
    project = root / "opt/project"
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(mirrorsync.__file__).parent, project / "mirrorsync", ignore=skipped)
    for folder in ("tests/guests", "tests/boots"):
        shutil.copytree(_PROJECT / folder, project / folder, ignore=skipped)
    for name in ("tests/__init__.py", "tests/hdlists.py"):
        shutil.copy(_PROJECT / name, project / name)
    program = root / "usr/local/sbin/mirrorsync"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    for source, target in (("systemd", _UNITS), ("sysusers.d", "etc/sysusers.d"), ("tmpfiles.d", "etc/tmpfiles.d")):
        shutil.copytree(_PROJECT / "config" / source, root / target, dirs_exist_ok=True)
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).unlink(missing_ok=True)
        (root / name).write_text(text)
    (root / "srv/work").mkdir()
    run("chroot", str(root), "systemd-sysusers")
    run("chroot", str(root), "systemctl", "-q", "enable", *_ENABLED)
