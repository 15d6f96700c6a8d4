"""Small sites to record: an install tree, its update mirror, its boot directory, before the first update or before a later one."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fixtures.rpms import PackageSpec, build_rpms
from tests.commands import Mirrorsync, configured
from tests.test_update import LISTING, REPODATA, copy, repository, rhl_tree

LAYOUTS = ("redhat", "repodata")


@dataclass(frozen=True, slots=True)
class Site:
    """A tree at `folder`/u1/redhat and a boot directory at `folder`/tftpboot, with the mirror at `mirror`, which may lie elsewhere."""

    folder: Path
    layout: str
    mirror: Path

    @property
    def tree(self) -> Path:
        return self.folder / "u1/redhat"

    @property
    def home(self) -> Path:
        """The folder beside the tree."""
        return self.folder / "u1/.mirrorsync/redhat"

    @property
    def boot(self) -> Path:
        return self.folder / "tftpboot"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def roots(self) -> list[Path]:
        """What the model has."""
        return [self.folder / "u1", self.boot]

    def at(self, folder: Path) -> "Site":
        """The same site in another place, with the same mirror."""
        return Site(folder, self.layout, self.mirror)

    def configured(self) -> Mirrorsync:
        """The program with this site's configuration; a former generation is superfluous as soon as it can be."""
        source = LISTING if self.layout == "redhat" else REPODATA
        updates = f'url = "{self.mirror.as_uri()}/"\n{source}\n[trees.redhat.boot]\ndirectory = "{self.boot}"'
        return configured(self.folder, self.tree, updates, layout=self.layout, more='grace = "0s"\nkeep_generations = 1')


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is done to a site before the recording begins, and the command that is recorded."""

    name: str
    prepare: Callable[[Site], None]
    command: tuple[str, ...] = ("update",)


def make_site(folder: Path, layout: str) -> Site:
    """A tree of two packages as copied from its discs, and a mirror with an erratum for one of them."""
    site = Site(folder, layout, folder / "mirror")
    rpms = [_rpm(folder, "bash", "1"), _rpm(folder, "tar", "1")]
    if layout == "redhat":
        rhl_tree(folder, rpms)
    else:
        rhl_tree(folder, [])
        (site.tree / "RedHat/RPMS").rmdir()
        (site.tree / "RedHat").rmdir()
        repository(site.tree, rpms)
    site.boot.mkdir()
    _offer(site, "2")
    for path in [site.tree, *site.tree.rglob("*"), site.boot]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return site


def _rpm(folder: Path, name: str, version: str) -> Path:
    [rpm] = build_rpms([PackageSpec(name, version, files={f"/etc/{name}": version * 200})], folder / "rpms")
    return rpm


def _offer(site: Site, version: str) -> None:
    """Put a newer build onto the mirror."""
    rpm = _rpm(site.folder, "bash", version)
    if site.layout == "redhat":
        copy([rpm], site.mirror)
    else:
        repository(site.mirror, [rpm])


def _updated(site: Site, newer: Sequence[str]) -> None:
    """Update the site, and once more for each newer build when the mirror has got it; then another boot set is staged."""
    for version in [*newer, None]:
        done = site.configured()("update")
        if done.code != 0:
            raise subprocess.CalledProcessError(done.code, "update", done.out, done.err)
        if version is not None:
            _offer(site, version)
    for name in ("linux.1", "linux.2"):
        path = site.boot / name
        path.unlink()
        path.write_text(f"{name} of a former build")
        path.chmod(0o644)


def _linked(site: Site) -> None:
    """The tree's path as a symbolic link."""
    first = site.tree.with_name("redhat.first")
    site.tree.rename(first)
    site.tree.symlink_to(first.name)


def _behind(site: Site) -> None:
    """An update was made, and the mirror has a newer build."""
    _updated(site, [])
    _offer(site, "3")


def _linked_and_behind(site: Site) -> None:
    _linked(site)
    _behind(site)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("first", lambda _: None),
        Scenario("later", _behind),
        Scenario("rollback", lambda site: _updated(site, ["3"]), ("rollback", "redhat")),
        Scenario("linked-first", _linked),
        Scenario("linked-later", _linked_and_behind),
    )
}
