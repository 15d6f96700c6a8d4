"""Pruning: what no install needs any more goes, at once rather than with the next update."""

from datetime import datetime

from mirrorsync.app.site import Site
from mirrorsync.model.outcome import PruneOutcome
from mirrorsync.tree import publication
from mirrorsync.tree.pruning import clear, discard, disposable
from mirrorsync.tree.ways import check_path


def prune_tree(site: Site, now: datetime, *, keep: int | None = None, dry_run: bool = False) -> PruneOutcome:
    """Remove what may go, or say what would; `keep` former generations stay, by default as many as are configured.

    Raises LockedError where a run is at work on the tree, TreeError where there is no tree.
    """
    tree = site.tree
    check_path(tree)
    if dry_run or not tree.home.is_dir():
        disposal = disposable(tree, now, keep=keep)
        kept = tuple(number for number in tree.kept_generations() if number not in disposal.generations)
        return PruneOutcome(tree.name, disposal, dry_run, kept)
    with publication.writing(tree):
        publication.recover(tree)
        disposal, left = discard(tree, now, keep=keep)
    left = (*left, *clear(tree, now))
    return PruneOutcome(tree.name, disposal, dry_run, tree.kept_generations(), left)
