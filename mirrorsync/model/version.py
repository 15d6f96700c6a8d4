"""EVR and NEVRA: how a package says which version of what it is, in librpm's own order."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from threading import Lock
from typing import Self

from mirrorsync.errors import PlanError

_Label = tuple[str | None, str, str]  # epoch, version and release, as librpm takes them
_LOADING = Lock()


@dataclass(frozen=True, slots=True, eq=False)
class EVR:
    """Epoch, version and release; ordered and compared as rpm 4.18 does (`rpm.labelCompare`).

    `epoch` is None where the header has none, which compares equal to "0"; it is a string because
    librpm takes no integer there. Two EVRs that compare equal hash alike only when they are
    normally written, so use `key` for lookups.
    """

    epoch: str | None
    version: str
    release: str

    @property
    def key(self) -> tuple[str, str, str]:
        """(epoch with 0 for none, version, release): one spelling for one EVR."""
        return (self.epoch or "0", self.version, self.release)

    def compare(self, other: "EVR") -> int:
        """-1, 0 or 1 as this EVR is older than, equal to or newer than `other`."""
        if self.version == other.version and self.release == other.release and (self.epoch or "0") == (other.epoch or "0"):
            return 0
        labels = (self.epoch or None, self.version, self.release), (other.epoch or None, other.version, other.release)
        try:
            return _label_compare()(*labels)
        except ValueError:  # an empty version, or bytes that are no UTF-8
            return _label_compare()(_plain(labels[0]), _plain(labels[1]))

    def without_release(self) -> "EVR":
        """The same epoch and version with no release, which a dependency may leave out."""
        return EVR(self.epoch, self.version, "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EVR) and self.compare(other) == 0

    # All four, since functools.total_ordering's cost twice as much and planning asks for hundreds of thousands.
    def __lt__(self, other: "EVR") -> bool:
        return self.compare(other) < 0

    def __le__(self, other: "EVR") -> bool:
        return self.compare(other) <= 0

    def __gt__(self, other: "EVR") -> bool:
        return self.compare(other) > 0

    def __ge__(self, other: "EVR") -> bool:
        return self.compare(other) >= 0

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        prefix = f"{self.epoch}:" if self.epoch not in (None, "", "0") else ""
        return f"{prefix}{self.version}-{self.release}" if self.release else f"{prefix}{self.version}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`[epoch:]version[-release]`, as Requires and pins write it; an absent release is ''."""
        epoch, colon, rest = text.partition(":")
        if not colon:
            epoch, rest = "", text
        if (epoch and not epoch.isascii()) or (epoch and not epoch.isdigit()):
            raise PlanError(f"{text!r:.200}: the epoch before ':' must be a number")
        version, dash, release = rest.rpartition("-")  # at the last one, as librpm's parseEVR
        return cls(epoch or None, version if dash else release, release if dash else "")


LONGEST_NEVRA = 255
"""Characters: a file is called after it, and NAME_MAX is 255."""


@dataclass(frozen=True, slots=True, order=False)
class NEVRA:
    """Name, EVR and architecture. Source packages have the architecture "src" (or "nosrc")."""

    name: str
    evr: EVR
    arch: str

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """A spelling to sort and look up by: name, arch, epoch, version, release."""
        return (self.name, self.arch, *self.evr.key)

    @property
    def filename(self) -> str:
        """The file name rpmbuild gives it: no epoch."""
        return f"{self.name}-{self.evr.version}-{self.evr.release}.{self.arch}.rpm"

    def __str__(self) -> str:
        return f"{self.name}-{self.evr}.{self.arch}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`name-[epoch:]version-release.arch`, as `str` writes it. Raises PlanError otherwise."""
        rest, _, arch = text.rpartition(".")
        whole, _, release = rest.rpartition("-")
        name, _, version = whole.rpartition("-")
        if not (name and version and release and arch):
            raise PlanError(f"{text!r:.200} is not name-[epoch:]version-release.arch")
        return cls(name, EVR.parse(f"{version}-{release}"), arch)


@cache
def _label_compare() -> Callable[[_Label, _Label], int]:
    """librpm's comparison, loaded when it is first asked for: that takes a tenth of a second."""
    with _LOADING:
        return _loaded()


@cache
def _loaded() -> Callable[[_Label, _Label], int]:
    """By one thread at a time: PyPI's `rpm` takes itself out of sys.modules while it looks for the system's."""
    compare: Callable[[_Label, _Label], int] = import_module("rpm").labelCompare
    return compare


def _plain(label: _Label) -> _Label:
    """The label as librpm's binding takes it, in the same order.

    Any character it refuses becomes '?': to rpmvercmp each is a separator like any other. A common beginning lets the version be empty.
    """
    epoch, version, release = (text and text.encode("ascii", "replace").decode().replace("\0", "?") for text in label)
    return epoch, f"0.{version}", release or ""
