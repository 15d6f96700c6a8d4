"""What the administrator decided about one tree, as planning needs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mirrorsync.model.version import EVR


class NewPackages(StrEnum):
    """Which packages that the tree never had are taken from the errata."""

    NEEDED = "needed"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """arches: the architectures of the machines that install from the tree ("i386", "x86_64").

    exclude, include: globs over the package's name or its name-evr.arch; a package must match an include
    where there is one, and no exclude.  pins: name to the one EVR it may be updated to.
    promote_epochs: a requirement that names no epoch takes the provider's, as rpm did up to 4.2 (Red Hat Linux).
    """

    arches: tuple[str, ...]
    new_packages: NewPackages = NewPackages.NEEDED
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    pins: Mapping[str, EVR] = field(default_factory=dict)
    promote_epochs: bool = False
