"""Whether an update fits where it writes, asked before the first package is fetched."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mirrorsync.app.boot import compare_boot_set
from mirrorsync.app.site import Site
from mirrorsync.boot.bootset import read_boot_set
from mirrorsync.errors import SpaceError
from mirrorsync.model.generation import FileRecord
from mirrorsync.model.outcome import BootChange
from mirrorsync.model.package import Package
from mirrorsync.model.plan import Plan
from mirrorsync.planning.space import Demand, Room, blocks_of, shortages
from mirrorsync.report.shortage import shortage_text
from mirrorsync.tree import journal
from mirrorsync.tree.pool import Pool
from mirrorsync.tree.pruning import disposable
from mirrorsync.tree.reading import Holding
from mirrorsync.tree.site import Tree
from mirrorsync.tree.space import copies_demand, generation_demands, rebuilding_demands, room_at
from mirrorsync.tree.usage import inodes_at
from mirrorsync.upstream.fetch import arrival_key

_POOL_FOLDERS = 256  # by the first two digits of the SHA-256
_AT_ONCE = 16  # files that say where what is arriving comes from, and what is written before they are in place
_CACHED = 24_000  # bytes of cache of one package: its description, paths and index parts; RHEL 6 has 22,100, and 20,600 for hdlist
_IMAGE_GROWTH = 1.2  # from one point release to the next
_BOOT_NAMES = 6  # the set's folder, its two files, and the three links to them


@dataclass(frozen=True, slots=True)
class Arriving:
    """What of a plan's files is still to come: its demand, and what is here of them already."""

    demand: Demand
    here: tuple[Path, ...]


def require_space(site: Site, holding: Holding, plan: Plan, now: datetime) -> None:
    """Raises SpaceError where carrying `plan` out would fill a file system."""
    shortage = space_shortage(site, holding, plan, now)
    if shortage is not None:
        raise SpaceError(f"{shortage}; nothing was fetched")


def space_shortage(site: Site, holding: Holding, plan: Plan, now: datetime) -> str | None:
    """What lacks room for `plan`, how much, and what would make room, in one line; None where it fits. Reads only."""
    tree, rooms = site.tree, _rooms(site)
    arriving = arriving_files(tree, plan, rooms[str(tree.home)])
    return _shortage(site, [arriving.demand, *space_demands(site, holding, plan, rooms)], rooms, now, arriving.here)


def require_space_for_links(site: Site, root: Path, files: Sequence[FileRecord], now: datetime) -> None:
    """Raises SpaceError where a generation of links to `files` below `root`, and the boot set, would fill a file system."""
    rooms = _rooms(site)
    demands = [*rebuilding_demands(site.tree, root, files, rooms[str(site.tree.home)]), *_boot_set(site, root, rooms)]
    shortage = _shortage(site, demands, rooms, now)
    if shortage is not None:
        raise SpaceError(f"{shortage}; nothing was done")


def _shortage(site: Site, demands: Sequence[Demand], rooms: Mapping[str, Room], now: datetime, sparing: Sequence[Path] = ()) -> str | None:
    short = shortages(demands, rooms)
    if not short:
        return None
    beside = rooms[str(site.tree.home)].device
    prunable = disposable(site.tree, now, sparing=sparing)
    told = (shortage_text(site.tree.name, shortage, prunable if shortage.room.device == beside else None) for shortage in short)
    return f"{site.tree.name}: {'; '.join(told)}"


def space_demands(site: Site, holding: Holding, plan: Plan, rooms: Mapping[str, Room]) -> list[Demand]:
    """What an update takes beside the packages it fetches."""
    tree, room = site.tree, rooms[str(site.tree.home)]
    packages = holding.catalogue.packages
    adopted = journal.recorded(tree) is not None
    return [
        *generation_demands(tree, holding.files, len(plan.incoming), len(packages) + len(plan.incoming), room, adopted=adopted),
        copies_demand(tree, [package.location for package in packages], room),
        _caches(tree, len(packages) + len(plan.incoming)),
        *_images(tree, holding, plan, room),
        *_boot_set(site, tree.path, rooms),
    ]


def _images(tree: Tree, holding: Holding, plan: Plan, room: Room) -> Iterator[Demand]:
    """No .treeinfo says how long they are: as long as those they replace, and somewhat more."""
    if plan.images is None:
        return
    paths = {image.path for image in plan.images.files}
    size = blocks_of([int(record.size * _IMAGE_GROWTH) for record in holding.files if record.path in paths], room.block)
    yield Demand(str(tree.home), "boot images", size + 2 * len(paths) * room.block, 2 * len(paths))


def arriving_files(tree: Tree, plan: Plan, room: Room) -> Arriving:
    """The plan's packages that the pool has not, less what has arrived of them; beside each, what it was called as it arrived."""
    pool = Pool(tree.pool)
    places = [(entry.package, _whole(pool, entry.package), pool.partial(arrival_key(entry.package))) for entry in plan.incoming]
    missing = [package for package, whole, _ in places if whole is None]
    partial = [path for _, whole, path in places if whole is None and path]
    size = blocks_of([package.size for package in missing], room.block) - sum(inode.bytes for inode in inodes_at(partial))
    beside = len(missing) + min(len(missing), _POOL_FOLDERS) + 2 * min(len(missing), _AT_ONCE)
    purpose = f"{len(missing)} package{'' if len(missing) == 1 else 's'}"
    demand = Demand(str(tree.home), purpose, max(0, size) + beside * room.block, len(missing) + beside)
    return Arriving(demand, (*partial, *(whole for _, whole, _ in places if whole)))


def _whole(pool: Pool, package: Package) -> Path | None:
    digest = package.digest
    return pool.whole(arrival_key(package), digest.value if digest and digest.algorithm == "sha256" else None)


def _rooms(site: Site) -> dict[str, Room]:
    places = [site.tree.home, site.tree.state, *([site.boot.staging.directory] if site.boot else [])]
    return {str(place): room_at(place) for place in places}


def _caches(tree: Tree, packages: int) -> Demand:
    present = tree.cache.stat().st_size if tree.cache.is_file() else 0
    return Demand(str(tree.state), "caches", max(0, packages * _CACHED - present), 4)


def _boot_set(site: Site, root: Path, rooms: Mapping[str, Room]) -> Iterator[Demand]:
    """A new set beside the one that is staged, which is put into a folder of its own too where it is not in one."""
    if site.boot is None or compare_boot_set(site, root) is not BootChange.WOULD_STAGE:
        return
    boot_set, block = read_boot_set(root), rooms[str(site.boot.staging.directory)].block
    new = [boot_set.kernel, boot_set.initrd] if boot_set else []
    present = site.boot.staging.replaced()
    size = blocks_of([path.stat().st_size for path in (*new, *present)], block)
    yield Demand(str(site.boot.staging.directory), "boot set", size + _BOOT_NAMES * block, _BOOT_NAMES + 3 * bool(present))
