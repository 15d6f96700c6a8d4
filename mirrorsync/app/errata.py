"""One erratum, and the errata that trees have taken: by their journals, libraries and indexes, asking nobody."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from mirrorsync.app.applied import rating
from mirrorsync.app.assembly import tree_of
from mirrorsync.app.library import LIBRARY, Library
from mirrorsync.app.standing import standing_of
from mirrorsync.config.schema import Config
from mirrorsync.errors import PublishError
from mirrorsync.model.advisory import Advisory
from mirrorsync.model.errata import AppliedOutcome, Dossier, Involvement, Relation
from mirrorsync.model.generation import Generation
from mirrorsync.model.pending import PendingErratum
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.applied import applied_errata
from mirrorsync.planning.history import lineage
from mirrorsync.tree import journal
from mirrorsync.tree.indexes import read_indexes
from mirrorsync.tree.site import Tree
from mirrorsync.tree.ways import check_path


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What is known of one tree: its advisories that were asked for, its records, what it lacked when last seen, what it lists, by name."""

    tree: str
    advisories: Mapping[str, Advisory]
    records: Mapping[int, Generation]
    present: frozenset[int]
    pending: Mapping[str, PendingErratum]
    listed: Mapping[str, Sequence[NEVRA]]
    seen: datetime | None

    def involvement(self, name: str, advisory: Advisory | None) -> Involvement | None:
        """What an erratum is to the tree, None where it is nothing."""
        came = tuple(record for record in self.records.values() if name in record.advisories)
        if not came and name not in self.pending and name not in self.advisories:
            return None
        packages = advisory.packages if advisory else ()
        builds = tuple((nevra, tuple(self.listed.get(nevra.name, ()))) for nevra in packages)
        return Involvement(self.tree, self._relation(name, came), came, self.pending.get(name), builds, self.seen)

    def _relation(self, name: str, came: Sequence[Generation]) -> Relation:
        if name in self.pending:
            return Relation.PENDING
        if any(record.number in self.present for record in came):
            return Relation.APPLIED
        return Relation.TAKEN_OUT if came else Relation.KNOWN


def dossiers(config: Config, trees: Iterable[str], names: Sequence[str], now: datetime) -> tuple[Dossier, ...]:
    """What these trees know of each of these errata, in this order; one that none knows has no involvements."""
    shelves = [_shelf(config, tree, names, now) for tree in trees]
    found = []
    for name in dict.fromkeys(names):
        advisory = next((shelf.advisories[name] for shelf in shelves if name in shelf.advisories), None)
        involvements = (shelf.involvement(name, advisory) for shelf in shelves)
        found.append(Dossier(name, advisory, tuple(each for each in involvements if each)))
    return tuple(found)


def applied_tree(config: Config, name: str, since: date | None) -> AppliedOutcome:
    """The errata that a tree has by its journal, those of rolled back generations left out. Raises TreeError where there is no tree."""
    tree = tree_of(config, name)
    check_path(tree)
    records = _records(tree)
    named = {advisory for record in records.values() for advisory in record.advisories}
    told = Library(tree.state / LIBRARY).all(sorted(named))
    errata = applied_errata(records, tree.stamp(), (), told, rating(config), most=None)
    return AppliedOutcome(name, since, tuple(erratum for erratum in errata if since is None or erratum.published.date() >= since))


def _shelf(config: Config, name: str, wanted: Sequence[str], now: datetime) -> _Shelf:
    tree = tree_of(config, name)
    records = _records(tree)
    standing = standing_of(config, name, now)
    pending = {erratum.advisory.id: erratum for erratum in standing.pending if erratum.advisory.id in wanted} if standing else {}
    advisories = Library(tree.state / LIBRARY).all(wanted)
    present = frozenset(lineage(records, tree.stamp() or 0))
    return _Shelf(name, advisories, records, present, pending, _listed(tree), standing.at if standing else None)


def _records(tree: Tree) -> dict[int, Generation]:
    return {record.number: record for record in journal.readable(tree)}


def _listed(tree: Tree) -> Mapping[str, Sequence[NEVRA]]:
    """What the indexes list, by name; nothing where they cannot be read, which `check` tells."""
    found: dict[str, list[NEVRA]] = defaultdict(list)
    try:
        packages = read_indexes(tree.shape, tree.path)
    except PublishError:
        return found
    for package in packages:
        found[package.nevra.name].append(package.nevra)
    return found
