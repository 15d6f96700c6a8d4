"""What the mirrors offer that the policy lets in, and what it keeps out, with the reason."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.package import Package
from mirrorsync.model.policy import Policy
from mirrorsync.planning.architecture import installable


@dataclass(frozen=True, slots=True)
class Refused:
    """An offered package that the policy keeps out."""

    package: Package
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Offered packages by name, in the order of the mirrors; those kept out likewise."""

    offered: Mapping[str, Sequence[Package]]
    refused: Mapping[str, Sequence[Refused]]

    def family(self, name: str, module: str | None) -> list[Package]:
        """The newest build of each architecture of this name; a modular package competes only within its own stream.

        The first mirror's build stays where another has an equal one.
        """
        best: dict[str, Package] = {}
        for package in self.offered.get(name, ()):
            if package.module != module:
                continue
            other = best.get(package.nevra.arch)
            if other is None or package.nevra.evr > other.nevra.evr:
                best[package.nevra.arch] = package
        return list(best.values())

    def newest(self) -> Iterator[Package]:
        """The newest build of every name, stream and architecture, sorted by name."""
        for name in sorted(self.offered):
            packages = self.offered[name]
            if len(packages) == 1:
                yield packages[0]
                continue
            for module in sorted({package.module or "" for package in packages}):
                yield from self.family(name, module or None)


def select(available: Iterable[Catalogue], policy: Policy) -> Selection:
    """Sort what the mirrors offer into what may come in and what may not; what no machine can install is left out of both."""
    fits: dict[str, bool] = {}
    offered: dict[str, list[Package]] = defaultdict(list)
    refused: dict[str, list[Refused]] = defaultdict(list)
    judge = _Judge(policy)
    for catalogue in available:
        for package in catalogue.packages:
            nevra = package.nevra
            if nevra.arch not in fits:
                fits[nevra.arch] = installable(nevra.arch, policy.arches)
            if not fits[nevra.arch]:
                continue
            reason = judge.refusal(package) if judge.speaks else ""
            if reason:
                refused[nevra.name].append(Refused(package, reason))
            else:
                offered[nevra.name].append(package)
    return Selection(offered, refused)


class _Judge:
    """The policy's globs and pins, made ready to be asked about many packages."""

    def __init__(self, policy: Policy) -> None:
        self._exclude = [(glob, re.compile(translate(glob))) for glob in policy.exclude]
        self._include = [(glob, re.compile(translate(glob))) for glob in policy.include]
        self._pins = policy.pins
        self.speaks = bool(self._exclude or self._include or self._pins)

    def refusal(self, package: Package) -> str:
        """Why the policy keeps the package out; '' where it does not."""
        name, full = package.nevra.name, str(package.nevra)
        for glob, pattern in self._exclude:
            if pattern.match(name) or pattern.match(full):
                return f"excluded by {glob!r}"
        if self._include and not any(pattern.match(name) or pattern.match(full) for _, pattern in self._include):
            return f"not among the included {', '.join(repr(glob) for glob, _ in self._include)}"
        pin = self._pins.get(name)
        return "" if pin is None or package.nevra.evr == pin else f"pinned to {pin}"
