"""Small sites to record: an install tree, its update mirror, its boot directory, before the first update or before a later one."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.model.choices import Layout
from tests.commands import Mirrorsync
from tests.sites import Site, add_boot_images, redhat_site, repodata_site

LAYOUTS = ("redhat", "repodata")


def roots(site: Site) -> list[Path]:
    """What the model has."""
    return [site.folder / "u1", site.boot]


def configured(site: Site) -> Mirrorsync:
    """The program with the site's configuration; a former generation is superfluous as soon as it can be."""
    return site.program(boot=True, more='grace = "0s"\nkeep_generations = 1')


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is done to a site before the recording begins, and the command that is recorded."""

    name: str
    prepare: Callable[[Site], None]
    command: tuple[str, ...] = ("update",)


def make_site(folder: Path, layout: Layout) -> Site:
    """A tree of two packages as copied from its discs, and a mirror with an erratum for one of them."""
    held, offered = [_rpm(folder, "bash", "1"), _rpm(folder, "tar", "1")], [_rpm(folder, "bash", "2")]
    if layout is Layout.REDHAT:
        site = redhat_site(folder, held, offered)
    else:
        site = repodata_site(folder, held, offered, name="redhat")
        add_boot_images(site.tree)
    site.boot.mkdir()
    for path in [site.tree, *site.tree.rglob("*"), site.boot]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return site


def _rpm(folder: Path, name: str, version: str) -> Path:
    [rpm] = build_rpms([PackageSpec(name, version, files={f"/etc/{name}": version * 200})], folder / "rpms")
    return rpm


def _offer(site: Site, version: str) -> None:
    """Put a newer build onto the mirror."""
    site.offer(_rpm(site.folder, "bash", version))


def _updated(site: Site, newer: Sequence[str]) -> None:
    """Update the site, and once more for each newer build when the mirror has got it; then another boot set is staged."""
    for version in [*newer, None]:
        done = configured(site)("update")
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
