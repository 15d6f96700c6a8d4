"""The packages that the trees begin with and those their mirror gets, each in a version that nothing else has."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.files import sha256_of

SMALL, LARGE = 6, 4
LARGE_BYTES = 300_000


@dataclass(frozen=True, slots=True)
class Stock:
    """first: one package of each name.  later: newer ones, one a publication.  digests: SHA-256 of each, as built, by file name."""

    first: tuple[Path, ...]
    later: tuple[Path, ...]
    digests: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The packages' names."""
        return tuple(sorted(name_of(path.name) for path in self.first))


def build_stock(folder: Path, later: int) -> Stock:
    """Build the first packages and `later` newer ones below `folder`."""
    names = [f"small{number}" for number in range(SMALL)] + [f"large{number}" for number in range(LARGE)]
    first = [_spec(name, 1) for name in names]
    newer = [_spec(names[number % len(names)], 2 + number // len(names)) for number in range(later)]
    built = build_rpms([*first, *newer], folder)
    digests = {path.name: sha256_of(path) for path in built}
    return Stock(tuple(built[: len(first)]), tuple(built[len(first) :]), digests)


def name_of(filename: str) -> str:
    """The package's name in the name of its file."""
    return filename.rsplit("-", 2)[0]


def with_replaced(filenames: frozenset[str], new: Sequence[str]) -> frozenset[str]:
    """What a tree lists once the `new` files have taken the place of those of their names."""
    replaced = {name_of(filename) for filename in new}
    return frozenset(filename for filename in filenames if name_of(filename) not in replaced) | frozenset(new)


def _spec(name: str, version: int) -> PackageSpec:
    """A package with two small files; a large one also has text that does not compress to little."""
    files = {f"/usr/share/{name}/{part}": f"{name} {version} {part}" for part in ("one", "two")}
    if name.startswith("large"):
        files[f"/usr/share/{name}/noise"] = random.Random(f"{name} {version}").randbytes(LARGE_BYTES // 2).hex()
    return PackageSpec(name, str(version), files=files)
