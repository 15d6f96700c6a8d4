"""Boot sets by themselves: how a tree's is staged, staged once more, or an earlier generation's in its place."""

from collections.abc import Iterator
from pathlib import Path

from mirrorsync.app.boot import plan_boot_set, stage_boot_set
from mirrorsync.app.site import BootPlace, Site
from mirrorsync.boot.bootset import BootSet, read_boot_set
from mirrorsync.errors import BootError, UsageError
from mirrorsync.model.booting import BootOutcome
from mirrorsync.model.finding import Finding
from mirrorsync.model.outcome import BootChange
from mirrorsync.tree import publication
from mirrorsync.tree.ways import check_path


def boot_status(site: Site) -> BootOutcome:
    """How the tree's boot set is staged, and what a node would meet. Raises TreeError, and UsageError where none is staged."""
    place = _place(site)
    check_path(site.tree)
    change, findings = plan_boot_set(site)
    boot_set = None if change is BootChange.FAILED else read_boot_set(site.tree.path)
    met = place.staging.findings(boot_set) if boot_set else ()
    return _outcome(site, place, site.tree.stamp(), change, (*findings, *met))


def stage_boot(site: Site, number: int | None = None, *, dry_run: bool = False) -> BootOutcome:
    """Stage the boot set of the tree, or of a kept generation, as an update does; with a dry run, say what that would do.

    Raises UsageError where nothing is staged from this tree or no such generation is kept, LockedError, TreeError.
    """
    place = _place(site)
    check_path(site.tree)
    with publication.writing(site.tree):
        publication.recover(site.tree)
        root = None if number is None else _root(site, number)
        change, findings = (plan_boot_set if dry_run else stage_boot_set)(site, root)
    return _outcome(site, place, site.tree.stamp() if number is None else number, change, findings)


def earlier_boot_set(site: Site) -> int:
    """The newest kept generation before the present whose boot set is another than the tree's. Raises UsageError where there is none."""
    _place(site)
    own, present = _boot_set(site.tree.path), site.tree.stamp() or 0
    for number in sorted(site.tree.kept_generations(), reverse=True):
        other = _boot_set(site.tree.generations / str(number))
        if number < present and own and other and not _same(own, other):
            return number
    raise UsageError(f"{site.tree.name}: no kept generation before the present has another boot set; `mirrorsync history` names them")


def _place(site: Site) -> BootPlace:
    if site.boot is None:
        raise UsageError(f"{site.tree.name}: nothing is staged from this tree; add [trees.{site.tree.name}.boot] with a directory")
    return site.boot


def _root(site: Site, number: int) -> Path:
    if number not in site.tree.kept_generations():
        kept = ", ".join(map(str, site.tree.kept_generations())) or "none"
        raise UsageError(f"{site.tree.name}: generation {number} is not kept; kept are {kept}")
    return site.tree.generations / str(number)


def _outcome(site: Site, place: BootPlace, source: int | None, change: BootChange, findings: tuple[Finding, ...]) -> BootOutcome:
    boot_set = _boot_set(site.tree.path)
    names = place.staging.names(boot_set) if boot_set else ()
    return BootOutcome(
        site.tree.name, str(place.staging.directory), place.staging.style, source, change, tuple(_staged(site, place)), names, findings
    )


def _staged(site: Site, place: BootPlace) -> Iterator[int]:
    """The kept generations whose boot set nodes load now."""
    for number in site.tree.kept_generations():
        boot_set = _boot_set(site.tree.generations / str(number))
        try:
            if boot_set and place.staging.plan(boot_set) is BootChange.CURRENT:
                yield number
        except BootError:
            return


def _boot_set(root: Path) -> BootSet | None:
    try:
        return read_boot_set(root)
    except BootError:
        return None


def _same(one: BootSet, other: BootSet) -> bool:
    pairs = (one.kernel, other.kernel), (one.initrd, other.initrd)
    return all(left.samefile(right) or left.read_bytes() == right.read_bytes() for left, right in pairs)
