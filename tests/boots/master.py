"""The master of a trial: a tree with a real kernel, its mirror, and the program, configured to look at all that nodes see."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.errors import ExitCode
from tests.boots.initrd import make_initrd
from tests.boots.services import Served
from tests.boots.styles import Style
from tests.boots.wire import MASTER, NETWORK, NODE
from tests.commands import Mirrorsync, Result
from tests.guests.kernel import Kernel
from tests.sites import Site, add_boot_images, redhat_site, repodata_site

KERNEL, INITRD = "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"
WAYS = ("nfs3", "nfs4", "http")
ARGUMENTS = f"node.server={MASTER} console=ttyS0 quiet panic=1"
_NAMES = ("bash", "tar", "gzip", "sed")
_RENEWED = "bash"
VERSIONS = (2, 3, 4)
"""Those of one package that the mirror comes to have, one by one; the first is in generation 2."""

_GROUP = """
[[trees.{name}.boot.groups]]
name = "gpu"
arguments = "{arguments}"
{members}
"""
_MORE = """
urls = ["http://{master}/install/{name}"]
access_log = "{work}/nginx.log"
"""
_CONFIG = """
[trees.{name}.boot]
directory = "{directory}"
style = "{style}"
tftp = "tftp://{master}/{below}"
tftp_log = "{work}/dnsmasq.log"
{menu}
[trees.{name}.export]
clients = ["{network}"]
nfs = "nfs://{master}{tree}"
versions = [3, 4]
"""


class TrialError(Exception):
    """Something was not as the trial needs it."""


@dataclass(slots=True)
class Master:
    """digests: of every package ever built, by file name."""

    site: Site
    program: Mirrorsync
    style: Style
    kernel: Kernel
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def layout(self) -> str:
        """Of the tree."""
        return self.style.layout

    @property
    def arguments(self) -> str:
        """The kernel's, for the node."""
        return f"{ARGUMENTS} node.group=gpu" if self.style.group else ARGUMENTS

    @property
    def served(self) -> Served:
        """What the servers give nodes."""
        return Served(self.site.tree.parent, self.tftpboot, self.site.folder / "order")

    @property
    def tftpboot(self) -> Path:
        """The TFTP root."""
        return self.site.boot

    @property
    def directory(self) -> Path:
        """The boot directory."""
        return self.tftpboot / self.style.directory

    def offer(self, version: int) -> None:
        """Let the mirror have the package in that version."""
        self.site.offer(self.site.folder.parent / "built" / PackageSpec(_RENEWED, str(version)).filename)

    def publish(self, *words: str) -> Result:
        """Run the program, which has to do it whole. Raises TrialError."""
        done = self.program(*words)
        if done.code != ExitCode.DONE:
            raise TrialError(f"mirrorsync {' '.join(words)} ended with {done.code}: {(done.out + done.err).strip()}")
        return done

    def check(self) -> list[str]:
        """The codes of all that a deep check finds but notes."""
        found = self.program("check", "--deep", "--json").findings
        return [f"{finding['code']} {finding['where']}" for finding in found if finding["severity"] != "note"]

    def heard(self) -> set[str]:
        """By which ways the node was heard of lately."""
        nodes = self.program("status", "--json").tree["installing"]["nodes"]
        return {node["way"] for node in nodes if node["node"] == NODE}

    def renew_images(self, build: str) -> None:
        """Put an initrd of that build into the tree by hand, as from newer discs, and have it published."""
        (self.site.tree / INITRD).unlink()
        make_initrd(self.kernel, build, self.site.tree / INITRD)
        self.publish("update", "--adopt-changes")

    def order(self, gates: Sequence[str], tree: Path | None = None) -> None:
        """Write down what the node is to do; with a gate, what it waits for in the middle of that way. tree: where it is exported."""
        folder = self.served.order
        folder.mkdir(exist_ok=True)
        for way in WAYS:
            (folder / way).unlink(missing_ok=True)
        order = {
            "server": MASTER,
            "address": NODE,
            "ways": WAYS,
            "layout": self.layout,
            "path": str(tree or self.site.tree),
            "url": f"install/{self.site.name}",
            "digests": self.digests,
            "gates": list(gates),
            "staged": self.staged,
        }
        (folder / "order.json").write_text(json.dumps(order))

    @property
    def staged(self) -> list[str]:
        """What nodes load, as paths below the TFTP root, kernel first."""
        names = ["linux.1", "linux.2"]
        if self.style.style != "undi":
            [folder] = (path.parent for path in self.directory.glob("mirrorsync-*/vmlinuz") if not (path.parent / "former").exists())
            names = [f"{folder.name}/vmlinuz", f"{folder.name}/initrd.img"]
        return [str((self.directory / name).relative_to(self.tftpboot)) for name in names]

    def sums(self, number: int) -> Mapping[str, str]:
        """As judgement.Published says."""
        root = self.site.home / "generations" / str(number) if number else self.site.tree
        return {str(path.relative_to(root)): sha256(path) for path in root.rglob("*") if path.is_file()}


def sha256(path: Path) -> str:
    """In hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_master(folder: Path, style: Style, kernel: Kernel, build: str) -> Master:
    """A tree of four packages, never published, whose images are `kernel` and an initrd of that build; its mirror has a newer one."""
    make = redhat_site if style.layout == "redhat" else repodata_site
    held = build_rpms([PackageSpec(name, "1") for name in _NAMES], folder / "built")
    newer = build_rpms([PackageSpec(_RENEWED, str(version)) for version in VERSIONS], folder / "built")
    site = make(folder / "master", held, ())
    if style.layout == "repodata":
        add_boot_images(site.tree)
    (site.tree / KERNEL).write_bytes(kernel.image.read_bytes())
    make_initrd(kernel, build, site.tree / INITRD)
    master = Master(site, site.program(more=_MORE.format(master=MASTER, name=site.name, work=folder)), style, kernel)
    master.digests |= {file.name: sha256(file) for file in (*held, *newer)}
    style.lay_out(master.tftpboot, ARGUMENTS)
    _configure(master, folder)
    master.offer(VERSIONS[0])
    return master


def _configure(master: Master, folder: Path) -> None:
    style, site = master.style, master.site
    menu = "" if style.menu else f'arguments = "{ARGUMENTS}"'
    if style.group:
        menu += _GROUP.format(name=site.name, arguments=master.arguments, members=style.group)
    words = {"name": site.name, "tree": site.tree, "directory": master.directory, "style": style.style, "menu": menu}
    places = {"master": MASTER, "network": NETWORK, "below": "" if style.directory == "." else style.directory, "work": folder}
    with master.program.config.open("a") as file:
        file.write(_CONFIG.format(**words, **places))
