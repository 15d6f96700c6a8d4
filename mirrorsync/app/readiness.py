"""What must hold before the first byte is fetched: that the tree can be replaced where it lies, without harm to nodes, and that it fits."""

from collections.abc import Iterator
from datetime import datetime

from mirrorsync.app.site import Site
from mirrorsync.app.space import require_space, space_shortage
from mirrorsync.errors import PublishError
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.plan import Plan
from mirrorsync.probes.exports import exports_of_tree, read_exports
from mirrorsync.tree.ownership import foreign_text, require_owned
from mirrorsync.tree.reading import Holding
from mirrorsync.tree.ways import require_way


def require_publishable(site: Site) -> None:
    """Raises PublishError, with what to do, where a generation could be built but not be put in place safely."""
    _require_unexported(site)
    require_owned(site.tree)
    require_way(site.tree)


def require_ready(site: Site, holding: Holding, plan: Plan, now: datetime) -> None:
    """As `require_publishable`, and raises SpaceError where carrying `plan` out would fill a file system."""
    _require_unexported(site)
    require_owned(site.tree)
    require_space(site, holding, plan, now)  # before the trial of `require_way`, which a full disk would end
    require_way(site.tree)


def obstacles(site: Site, holding: Holding, plan: Plan, now: datetime) -> Iterator[Finding]:
    """What `require_ready` would refuse, for a run that only looks: nothing is tried on the disk."""
    refusals = (
        ("export-is-tree", _exported(site)),
        ("not-owned", foreign_text(site.tree)),
        ("no-space", space_shortage(site, holding, plan, now)),
    )
    for code, refusal in refusals:
        if refusal:
            what, _, remedy = refusal.removeprefix(f"{site.tree.name}: ").partition("; ")
            yield Finding(Severity.ERROR, code, site.tree.name, what, remedy)


def _require_unexported(site: Site) -> None:
    if exported := _exported(site):
        raise PublishError(f"{exported}; nothing was done")


def _exported(site: Site) -> str | None:
    """That the tree is itself an NFS export: it would go stale under every mounted node once it is replaced."""
    for export in exports_of_tree(str(site.tree.path), read_exports()):
        what = f"{export.where} exports {export.path}, the tree itself or in it: nodes that have it mounted would meet 'Stale file handle'"
        return f"{site.tree.name}: {what}; export {site.tree.path.parent} instead, `exportfs -ra`: nodes go on mounting {site.tree.path}"
    return None
