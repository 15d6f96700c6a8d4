"""What trees lack: by looking at them and their mirrors, waiting for nobody, or by what the last run kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from mirrorsync.app.decision import lacking
from mirrorsync.app.run import Run
from mirrorsync.app.site import Site, Source
from mirrorsync.app.standing import standing_of
from mirrorsync.app.steadiness import steady
from mirrorsync.app.vigilance import remember
from mirrorsync.config.schema import Config
from mirrorsync.errors import TreeError
from mirrorsync.model.pending import PendingOutcome
from mirrorsync.tree.cache import TreeCache


def pending_tree(site: Site, sources: Sequence[Source], run: Run) -> PendingOutcome:
    """What a tree lacks just now; nothing but caches is written. Raises MirrorsyncError."""
    with TreeCache(site.tree.cache) as cache:
        found, seen = steady(site.tree, partial(lacking, site, sources, cache, run))
    remember(source.vigil for source in sources)
    return replace(found, findings=(*seen, *found.findings))


def pending_offline(config: Config, name: str, now: datetime) -> PendingOutcome:
    """What a tree lacked after its last run, with ages as of `now`. Raises TreeError where none is recorded."""
    standing = standing_of(config, name, now)
    if standing is None:
        raise TreeError(f"{name}: no run is recorded, so that nobody knows what is pending; leave --offline out to look")
    return PendingOutcome(name, standing.at, standing.pending, standing.untold)
