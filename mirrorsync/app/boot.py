"""The boot set of a tree, compared with what is staged, or staged."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mirrorsync.app.site import Site
from mirrorsync.boot.bootset import read_boot_set
from mirrorsync.errors import BootError, MirrorsyncError
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import BootChange

BootResult = tuple[BootChange, tuple[Finding, ...]]


def compare_boot_set(site: Site, root: Path | None = None) -> BootChange:
    """Whether the boot set at `root` (by default, the tree's) is what is staged; of FAILED `plan_boot_set` has the reason."""
    change, _ = plan_boot_set(site, root)
    return change


def plan_boot_set(site: Site, root: Path | None = None) -> BootResult:
    """What staging the boot set at `root` (by default, the tree's) would do, and what would prevent it; nothing is written."""
    try:
        boot_set = read_boot_set(root or site.tree.path) if site.boot else None
        change = site.boot.staging.plan(boot_set) if boot_set and site.boot else BootChange.NONE
    except BootError as error:
        return _failed(site, error)
    return change, ()


def stage_boot_set(site: Site, root: Path | None = None) -> BootResult:
    """Stage the boot set at `root` (by default, the tree's) where it is not; what prevents it is a finding, for the tree is published."""
    change, findings = plan_boot_set(site, root)
    if change is not BootChange.WOULD_STAGE:
        return change, findings
    try:
        boot_set = read_boot_set(root or site.tree.path)
        return (site.boot.staging.stage(boot_set) if boot_set and site.boot else BootChange.NONE), ()
    except BootError as error:
        return _failed(site, error)


@contextmanager
def staged_anyway(site: Site) -> Iterator[None]:
    """What a stopped run left unstaged waits neither for a mirror that answers nor for a disk that is mended."""
    try:
        yield
    except (MirrorsyncError, OSError):
        stage_boot_set(site)
        raise


def _failed(site: Site, error: BootError) -> BootResult:
    remedy = "then run `mirrorsync update` again"
    return BootChange.FAILED, (Finding(Severity.ERROR, "boot-not-staged", site.tree.name, str(error), remedy),)
