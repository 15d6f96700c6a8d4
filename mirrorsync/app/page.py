"""The page of all trees: from how each stands, its journal and its library, into a folder."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from mirrorsync.app.assembly import tree_of
from mirrorsync.app.library import LIBRARY, Library
from mirrorsync.app.sitefolder import Written, write_site
from mirrorsync.app.standing import history_of, present_standing
from mirrorsync.config.schema import Config
from mirrorsync.model.advisory import Advisory
from mirrorsync.model.generation import Generation
from mirrorsync.model.standing import Standing
from mirrorsync.report.page import Part, parts_of

GENERATIONS = 500
"""How many of each tree's, the newest, have pages; `mirrorsync history` knows all."""


def make_page(config: Config, names: Sequence[str], folder: Path, clock: Callable[[], datetime], *, anew: bool) -> Written:
    """Let the folder hold the page of these trees; it may lie in none that is configured. Raises PageError, LockedError, OSError.

    anew: make every file, whatever was made of the same things before.
    """
    trees = [tree_of(config, name) for name in sorted(config.trees)]
    return write_site(folder, lambda: _parts(config, names, clock()), trees, anew=anew)


def _parts(config: Config, names: Sequence[str], now: datetime) -> tuple[Part, ...]:
    standings = [present_standing(config, name, now) for name in names]
    histories = {name: history_of(config, name)[:GENERATIONS] for name in names}
    advisories: dict[str, Advisory] = {}
    for standing in standings:
        advisories.update(_told(config, standing, histories[standing.tree]))
    return parts_of(standings, histories, advisories, now)


def _told(config: Config, standing: Standing, history: tuple[Generation, ...]) -> Mapping[str, Advisory]:
    """What the tree's library has of the errata that came; of those that are pending the standing knows it."""
    came = {name for generation in history for name in generation.advisories} | {erratum.id for erratum in standing.applied}
    wanted = sorted(came - {erratum.advisory.id for erratum in standing.pending})
    return Library(tree_of(config, standing.tree).state / LIBRARY).all(wanted) if wanted else {}
