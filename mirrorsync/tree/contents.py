"""Which files the next generation has, and where each comes from: decided before the disk is touched."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mirrorsync.model.generation import FileRecord, GraceCopy
from mirrorsync.model.package import Digest, Package
from mirrorsync.model.plan import Plan
from mirrorsync.model.version import NEVRA
from mirrorsync.tree.layout import Shape
from mirrorsync.tree.reading import Holding


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified file of the pool and its place in the tree."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Contents:
    """kept: files linked from the present tree.  arrivals: files linked from the pool.
    outdated: index files of former generations, linked from the present tree where the new indexes have none of that name.
    grace: which of all these are not listed, and since when.
    listed: the packages that the indexes name, each with its location in the tree and its SHA-256, by location.
    replaced: location of an arrival to the locations of what it takes the place of.
    treeinfo: by section and key, what .treeinfo is to say from now on of new boot images.
    """

    kept: tuple[FileRecord, ...]
    arrivals: tuple[Arrival, ...]
    outdated: tuple[FileRecord, ...]
    grace: tuple[GraceCopy, ...]
    listed: tuple[Package, ...]
    replaced: Mapping[str, tuple[str, ...]]
    treeinfo: Mapping[tuple[str, str], str] = field(default_factory=dict)


def next_contents(
    shape: Shape,
    holding: Holding,
    plan: Plan,
    staged: Mapping[NEVRA, str],
    repositories: Mapping[str, str],
    images: Sequence[Arrival] = (),
    *,
    now: datetime,
    grace: timedelta,
) -> Contents:
    """The tree after `plan`. `staged` maps each incoming package to the SHA-256 of its file in the pool, `repositories` each origin
    to the repository that its packages go into. `images` are the plan's boot images.

    What leaves the indexes stays on disk, unlisted, until `grace` after `now`; earlier copies whose grace is over go.
    """
    outgoing = {entry.package.location for entry in plan.outgoing}
    remaining = [package for package in holding.catalogue.packages if package.location not in outgoing]
    arriving = _arriving(shape, remaining, holding, plan, staged, repositories)
    new_paths = {package.location for package, _ in arriving}
    copies = [copy for copy in holding.grace if copy.since + grace > now]
    known = {copy.path for copy in holding.grace}
    copies += [GraceCopy(record.path, now) for record in holding.files if shape.outlives(record.path) and record.path not in known]
    copies += [GraceCopy(path, now) for path in outgoing]
    copies = [copy for copy in copies if copy.path not in new_paths]
    staying = {copy.path for copy in copies}
    dropped = known - staying | new_paths | {image.path for image in images}
    return Contents(
        kept=tuple(record for record in holding.files if record.path not in dropped and not shape.is_index(record.path)),
        outdated=tuple(record for record in holding.files if record.path in staying and shape.is_index(record.path)),
        arrivals=(*(Arrival(package.location, package.digest.value, package.size) for package, _ in arriving if package.digest), *images),
        grace=tuple(sorted(copies, key=lambda copy: copy.path)),
        listed=tuple(sorted([*remaining, *(package for package, _ in arriving)], key=lambda package: package.location)),
        replaced={package.location: replaced for package, replaced in arriving},
        treeinfo=_treeinfo(plan),
    )


def _treeinfo(plan: Plan) -> Mapping[tuple[str, str], str]:
    if plan.images is None:
        return {}
    sums = {("checksums", image.path): str(image.digest) for image in plan.images.files}
    return sums | {(section, key): value for section, key, value in plan.images.stamps}


def _arriving(
    shape: Shape,
    remaining: Sequence[Package],
    holding: Holding,
    plan: Plan,
    staged: Mapping[NEVRA, str],
    repositories: Mapping[str, str],
) -> list[tuple[Package, tuple[str, ...]]]:
    """Each incoming package at its place in the tree, with the locations of what it replaces."""
    packages = [package.location for package in holding.catalogue.packages]
    taken = _taken(remaining, holding, plan)
    arriving = []
    for entry in plan.incoming:
        replaced = tuple(out.package.location for out in plan.outgoing if out.by == entry.package.nevra)
        sha256 = staged[entry.package.nevra]
        names = (entry.package.filename, entry.package.nevra.filename, f"{sha256[:16]}-{entry.package.nevra.filename}")
        repository = repositories[entry.origin]
        candidates = [shape.new_location(replace(entry.package, location=name), replaced, packages, repository) for name in names]
        location = next((candidate for candidate in candidates if candidate not in taken), candidates[-1])
        taken.add(location)
        arriving.append((replace(entry.package, location=location, digest=Digest("sha256", sha256)), replaced))
    return arriving


def _taken(remaining: Sequence[Package], holding: Holding, plan: Plan) -> set[str]:
    """Paths that an arriving file may not have: every file but those that leave the indexes, and every directory."""
    leaving = {entry.package.location for entry in plan.outgoing} | {copy.path for copy in holding.grace}
    taken = {record.path for record in holding.files} - leaving | {package.location for package in remaining}
    return taken | {parent for path in taken for parent in _parents(path)}


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
