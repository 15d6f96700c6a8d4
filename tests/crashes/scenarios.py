"""The sites that mirrorsync is killed at: small trees of real packages, their mirrors, and what is done to them."""

import gzip
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.images import cpio_archive
from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.model.choices import Layout
from tests.crashes import program
from tests.crashes.installer import FOLDERS, INITRD, KERNEL, Boot, Known, Listing, sha256
from tests.crashes.sites import copy_site

NAME = "redhat"
TREE = f"u1/{NAME}"
HOME = f"u1/.mirrorsync/{NAME}"
_README = "README"
NAMES = ("first", "later", "rollback", "prune", "linked", "release")
_LARGE = 40  # packages more, every second of which has an update

_CONFIGURATION = """
[mirrorsync]
state = "{site}/state"
[trees.{name}]
path = "{site}/{tree}"
layout = "{layout}"
arches = ["i386"]
grace = "0s"
keep_generations = {keep}
[trees.{name}.boot]
directory = "{site}/tftpboot"
[[trees.{name}.updates]]
url = "{mirror}"
kind = "{kind}"
signatures = "digest-only"
connections = 1
{more}
"""

_TREEINFO = """[general]
name = A distribution {version}
timestamp = 1{version}00000000
version = {version}
[checksums]
{kernel_path} = sha256:{kernel}
{initrd_path} = sha256:{initrd}
repodata/repomd.xml = sha256:{repomd}
[images-i386]
kernel = {kernel_path}
initrd = {initrd_path}
"""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command on a site, which is kept as it was before at `kept`.

    old, new: what the tree lists before and after.  staged: the boot sets that may lie in the boot directory, None for none.
    pairs: the boot images that belong to what is listed, where a generation brings both.
    then: a further command, after which everything must be as it was to be; () where the command itself is run once more.
    """

    name: str
    kept: Path
    command: tuple[str, ...]
    old: Listing
    new: Listing
    staged: frozenset[Boot | None]
    then: tuple[str, ...] = ()
    pairs: Mapping[Listing, Boot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where all happens: every site lies at `folder`/site while something is done to it."""

    folder: Path
    known: Known
    listings: tuple[Listing, ...]

    @property
    def site(self) -> Path:
        """The site itself."""
        return self.folder / "site"

    @property
    def output(self) -> Path:
        """Where a run's output goes, without its suffix."""
        return self.folder / "run"

    def arguments(self, mirror: int, keep: int, *command: str) -> tuple[str, ...]:
        """A command line with the configuration for that mirror and that many generations kept."""
        return ("--config", str(self.folder / f"{mirror}-{keep}.toml"), *command)


def furnish(folder: Path, layout: Layout, *, large: bool) -> Ground:
    """Packages, mirrors and configurations below `folder`, and at site/ a tree as copied from its discs."""
    releases = [build_rpms(specs, folder / "packages" / str(number)) for number, specs in enumerate(_releases(large=large))]
    packages = {path.name: sha256(path) for paths in releases for path in paths}
    site = folder / "site"
    _make_tree(site / TREE, layout, releases[0])
    (site / "tftpboot").mkdir()
    for number in (1, 2):
        mirror = folder / "mirrors" / str(number)
        _copy([path for paths in releases[1 : number + 1] for path in paths], mirror)
        if layout is Layout.REPODATA:
            _createrepo(mirror)
        for keep in (1, 5):
            (folder / f"{number}-{keep}.toml").write_text(_configuration(site, mirror, layout, keep))
    boots = frozenset({_boot(site / TREE), _write_boot(folder / "older", "an older build")})
    if layout is Layout.REPODATA:
        boots |= {_point_release(folder, site)}
    known = Known(layout, packages, {_README: sha256(site / TREE / _README)}, boots)
    return Ground(folder, known, tuple(_listings(releases)))


def _point_release(folder: Path, site: Path) -> Boot:
    """A third mirror: what the second one has, and boot images of another build; as a pair of digests."""
    mirror = folder / "mirrors/3"
    shutil.copytree(folder / "mirrors/2", mirror)
    boot = _write_boot(mirror, "a point release")
    _write_treeinfo(mirror, 2)
    (folder / "3-5.toml").write_text(_configuration(site, mirror, Layout.REPODATA, 5, 'images = "follow"'))
    return boot


def _write_treeinfo(root: Path, version: int) -> None:
    kernel, initrd = _boot(root)
    repomd = sha256(root / "repodata/repomd.xml")
    text = _TREEINFO.format(version=version, kernel_path=KERNEL, initrd_path=INITRD, kernel=kernel, initrd=initrd, repomd=repomd)
    (root / ".treeinfo").write_text(text)


def _releases(*, large: bool) -> Sequence[Sequence[PackageSpec]]:
    """What the discs have, the first errata, and the second."""
    more = [f"package{number}" for number in range(_LARGE if large else 0)]
    return (
        [PackageSpec(name, "1", files={f"/usr/share/{name}/1": "1"}) for name in ("bash", "setup", "tar", *more)],
        [PackageSpec(name, "2", files={f"/usr/share/{name}/2": "2"}) for name in ("bash", *more[::2])],
        [PackageSpec(name, "3", files={f"/usr/share/{name}/3": "3"}) for name in ("bash", "tar", *more[1::2])],
    )


def _listings(releases: Sequence[Sequence[Path]]) -> list[Listing]:
    """What the tree lists once each of the releases is in it."""
    latest: dict[str, str] = {}
    listings = []
    for release in releases:
        latest |= {path.name.partition("-")[0]: path.name for path in release}
        listings.append(frozenset(latest.values()))
    return listings


def _make_tree(tree: Path, layout: Layout, packages: Sequence[Path]) -> None:
    _copy(packages, tree / FOLDERS[layout])
    (tree / _README).write_text("Copied from disc 1\n")
    _write_boot(tree, "a build")
    if layout is Layout.REPODATA:
        _createrepo(tree)
        return
    (tree / "RedHat/base").mkdir()
    made = program.run(("hdlist", str(tree)), tree.parent.parent / "hdlist")
    if made.code:
        raise RuntimeError(f"hdlist ended with {made.code}: {made.errors}")
    for suffix in (".out", ".err"):
        (tree.parent.parent / f"hdlist{suffix}").unlink()


def _write_boot(tree: Path, build: str) -> Boot:
    """Put a kernel and an initrd into a tree; as a pair of digests."""
    (tree / KERNEL).parent.mkdir(parents=True, exist_ok=True)
    (tree / KERNEL).write_bytes(f"the kernel of {build}\n".encode())
    (tree / INITRD).write_bytes(gzip.compress(cpio_archive({"init": f"of {build}\n".encode()}), mtime=0))
    return _boot(tree)


def _boot(tree: Path) -> Boot:
    return sha256(tree / KERNEL), sha256(tree / INITRD)


def _copy(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy2(file, folder)


def _createrepo(folder: Path) -> None:
    subprocess.run(["createrepo_c", "-q", str(folder)], check=True, capture_output=True)


def _configuration(site: Path, mirror: Path, layout: Layout, keep: int, more: str = "") -> str:
    kind, url = "listing" if layout is Layout.REDHAT else "repodata", f"{mirror.as_uri()}/"
    return _CONFIGURATION.format(site=site, name=NAME, tree=TREE, layout=layout.value, mirror=url, kind=kind, keep=keep, more=more)


def scenarios(ground: Ground) -> tuple[Scenario, ...]:
    """Every scenario; what is done to prepare one goes on from the one before."""
    made = (_first(ground), _later(ground), _rollback(ground), _prune(ground), _linked(ground))
    return (*made, _release(ground)) if ground.known.layout is Layout.REPODATA else made


def _first(ground: Ground) -> Scenario:
    """The first update of a tree: adopted, updated, and its boot set staged."""
    staged = frozenset({None, _boot(ground.site / TREE)})
    return Scenario("first", _keep(ground, "first"), ground.arguments(1, 5, "update"), ground.listings[0], ground.listings[1], staged)


def _later(ground: Ground) -> Scenario:
    """A later update, after which the first generation is no longer kept; a boot set of another build is staged."""
    _done(ground, ground.arguments(1, 5, "update"))
    for path in (ground.site / "tftpboot").iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    older = ground.folder / "older"
    for source, name in ((older / KERNEL, "linux.1"), (older / INITRD, "linux.2")):
        shutil.copyfile(source, ground.site / "tftpboot" / name)
    staged = frozenset({_boot(older), _boot(ground.site / TREE)})
    return Scenario("later", _keep(ground, "later"), ground.arguments(2, 1, "update"), ground.listings[1], ground.listings[2], staged)


def _rollback(ground: Ground) -> Scenario:
    """From a second update, which came with other boot images, back to the first."""
    former = _boot(ground.site / TREE)
    images = ground.site / TREE / KERNEL
    shutil.rmtree(images.parent)
    latest = _write_boot(ground.site / TREE, "an older build")
    _done(ground, ground.arguments(2, 5, "update", "--adopt-changes"))
    command, then = ground.arguments(2, 5, "rollback", NAME, "2"), ground.arguments(2, 5, "update")
    staged = frozenset({former, latest})
    return Scenario("rollback", _keep(ground, "rollback"), command, ground.listings[2], ground.listings[1], staged, then)


def _prune(ground: Ground) -> Scenario:
    """All generations but the present one and the one before it go."""
    listing, staged = ground.listings[2], frozenset({_boot(ground.site / TREE)})
    return Scenario("prune", _keep(ground, "prune"), ground.arguments(2, 1, "prune"), listing, listing, staged)


def _linked(ground: Ground) -> Scenario:
    """As the later update, of a tree whose path is a symbolic link, with nothing to stage."""
    copy_site(ground.folder / "kept/first", ground.site)
    tree = ground.site / TREE
    directory = tree.rename(tree.with_name(f"{NAME}.first"))
    tree.symlink_to(directory.name)
    _done(ground, ground.arguments(1, 5, "update"))
    staged = frozenset({_boot(tree)})
    return Scenario("linked", _keep(ground, "linked"), ground.arguments(2, 1, "update"), ground.listings[1], ground.listings[2], staged)


def _release(ground: Ground) -> Scenario:
    """An update to a point release: packages, boot images, .treeinfo and the staged boot set change together."""
    copy_site(ground.folder / "kept/first", ground.site)
    _write_treeinfo(ground.site / TREE, 1)
    _done(ground, ground.arguments(1, 5, "update"))
    former, latest = _boot(ground.site / TREE), _boot(ground.folder / "mirrors/3")
    old, new = ground.listings[1:]
    kept, command = _keep(ground, "release"), ground.arguments(3, 5, "update")
    return Scenario("release", kept, command, old, new, frozenset({former, latest}), pairs={old: former, new: latest})


def _keep(ground: Ground, name: str) -> Path:
    """The site as it is now, kept for a scenario."""
    kept = ground.folder / "kept" / name
    kept.parent.mkdir(exist_ok=True)
    copy_site(ground.site, kept)
    return kept


def _done(ground: Ground, arguments: Sequence[str]) -> None:
    ended = program.run(arguments, ground.output)
    if ended.code:
        raise RuntimeError(f"mirrorsync {' '.join(arguments)} ended with {ended.code}: {ended.errors}")
