"""The boot set of a tree, staged or compared."""

from mirrorsync.app.site import Site
from mirrorsync.boot.bootset import read_boot_set
from mirrorsync.boot.staging import plan_staging, stage
from mirrorsync.errors import BootError
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import BootChange


def compare_boot_set(site: Site) -> BootChange:
    """Whether the tree's boot set is what is staged. Raises BootError."""
    boot_set = read_boot_set(site.tree.path) if site.boot_directory else None
    return plan_staging(boot_set, site.boot_directory) if boot_set and site.boot_directory else BootChange.NONE


def stage_boot_set(site: Site) -> tuple[BootChange, tuple[Finding, ...]]:
    """Stage the tree's boot set where it is not staged; what prevents it is a finding, for the tree is published already."""
    try:
        change = compare_boot_set(site)
        boot_set = read_boot_set(site.tree.path)
        if change is BootChange.WOULD_STAGE and boot_set and site.boot_directory:
            change = stage(boot_set, site.boot_directory)
    except BootError as error:
        finding = Finding(Severity.ERROR, "boot-not-staged", str(site.boot_directory), str(error), "then run `mirrorsync update` again")
        return BootChange.FAILED, (finding,)
    return change, ()
