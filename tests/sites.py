"""Small trees of real packages with their update mirrors, in both layouts, and the program configured for them."""

import gzip
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fixtures.images import cpio_archive
from mirrorsync.model.choices import Layout
from tests.commands import Mirrorsync, configured

LISTING = 'kind = "listing"\nsignatures = "digest-only"'
REPODATA = 'kind = "repodata"\nsignatures = "digest-only"'
KINDS = {Layout.REDHAT: LISTING, Layout.REPODATA: REPODATA}
RPMS = "RedHat/RPMS"
STAMP = ".mirrorsync-generation"
INITRD = gzip.compress(cpio_archive({"init": b"an initrd"}), mtime=0)


def copy(files: Iterable[Path], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(file, folder)
    return folder


def rhl_tree(folder: Path, files: Iterable[Path]) -> Path:
    """A Red Hat Linux tree at `folder`/u1/redhat with boot images."""
    tree = folder / "u1" / "redhat"
    copy(files, tree / RPMS)
    add_boot_images(tree)
    return tree


def add_boot_images(tree: Path) -> None:
    """A kernel that says nothing of itself, and the least initrd."""
    (tree / "images/pxeboot").mkdir(parents=True)
    (tree / "images/pxeboot/vmlinuz").write_bytes(b"a kernel")
    (tree / "images/pxeboot/initrd.img").write_bytes(INITRD)


def repository(folder: Path, files: Iterable[Path]) -> Path:
    """A yum repository as createrepo_c makes it."""
    copy(files, folder / "Packages")
    subprocess.run(["createrepo_c", "-q", str(folder)], check=True, capture_output=True)
    return folder


def add_tree(program: Mirrorsync, path: Path, mirror: Path) -> None:
    """Configure one more Red Hat Linux tree for the program, named after its folder."""
    with program.config.open("a") as file:
        file.write(f'[trees.{path.name}]\npath = "{path}"\nlayout = "redhat"\narches = ["i386"]\n')
        file.write(f'[[trees.{path.name}.updates]]\nurl = "{mirror.as_uri()}/"\n{LISTING}\n')


@dataclass(frozen=True, slots=True)
class Site:
    """A tree at `folder`/u1/`name` with the mirror at `mirror`, which may lie elsewhere; what mirrorsync has lies in `folder` too."""

    folder: Path
    layout: Layout
    name: str
    mirror: Path

    @property
    def tree(self) -> Path:
        return self.folder / "u1" / self.name

    @property
    def home(self) -> Path:
        """The folder beside the tree."""
        return self.folder / "u1/.mirrorsync" / self.name

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def config(self) -> Path:
        """The program's configuration."""
        return self.folder / "mirrorsync.toml"

    @property
    def boot(self) -> Path:
        """The boot directory, which no site has to have."""
        return self.folder / "tftpboot"

    def offer(self, *files: Path) -> None:
        """Let the mirror have these packages too."""
        copy(files, self.mirror) if self.layout is Layout.REDHAT else repository(self.mirror, files)

    def program(self, url: str = "", *, boot: bool = False, more: str = "") -> Mirrorsync:
        """The program with this site's configuration; the mirror's address is its folder's where no other is given.

        boot: whether to stage into the boot directory.  more: what else [trees.NAME] has.
        """
        updates = f'url = "{url or self.mirror.as_uri()}/"\n{KINDS[self.layout]}'
        staging = f'\n[trees.{self.name}.boot]\ndirectory = "{self.boot}"' if boot else ""
        return configured(self.folder, self.tree, updates + staging, layout=self.layout.value, more=more)


def redhat_site(folder: Path, held: Iterable[Path], offered: Iterable[Path]) -> Site:
    """A Red Hat Linux tree of the packages `held`, never updated by mirrorsync, and a bare directory of those `offered`."""
    site = Site(folder, Layout.REDHAT, "redhat", folder / "mirror")
    rhl_tree(folder, held)
    site.offer(*offered)
    return site


def repodata_site(folder: Path, held: Iterable[Path], offered: Iterable[Path], *, name: str = "rocky") -> Site:
    """The same with yum metadata on both sides."""
    site = Site(folder, Layout.REPODATA, name, folder / "mirror")
    repository(site.tree, held)
    site.offer(*offered)
    return site
