"""Whether a node booted what was staged and read what was published: held against the files on the master's own disk."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from tests.boots.machine import Boot
from tests.boots.master import INITRD, KERNEL, WAYS

_CONSOLE_LINES = 6
_INDEXES = {"redhat": ("RedHat/base/hdlist", "RedHat/base/hdlist2"), "repodata": ("repodata/repomd.xml",)}
_PACKAGES = {"redhat": "RedHat/RPMS", "repodata": "Packages"}


class Published(Protocol):
    """What a master has."""

    @property
    def layout(self) -> str:
        """Of the tree."""

    @property
    def arguments(self) -> str:
        """The kernel's, for the node."""

    @property
    def staged(self) -> Sequence[str]:
        """What nodes load, as paths below the TFTP root, kernel first."""

    def sums(self, number: int) -> Mapping[str, str]:
        """Each file's SHA-256 in a kept generation, by its path there; 0 is the tree."""


def faults(boot: Boot, master: Published, build: str) -> Iterator[str]:
    """What was not as it has to be, for a node that was to boot the images of that build; nothing where all was."""
    booted = boot.said("booted")
    if not booted or not boot.said("done"):
        yield f"it came to no end: {' | '.join(boot.console.split(chr(10))[-_CONSOLE_LINES:])!r}"
        return
    [first] = booted
    if first["build"] != build:
        yield f"it booted the {first['build']} images, and the {build} ones are staged"
    if lacking := set(master.arguments.split()) - set(first["arguments"]):
        yield f"its kernel lacks the arguments {sorted(lacking)}"
    yield from _reading_faults(boot, master)
    yield from _staging_faults(boot, master)


def _reading_faults(boot: Boot, master: Published) -> Iterator[str]:
    """Every way has to have given a whole generation: its indexes, its images, and each package it lists."""
    read = {words["way"]: words for words in boot.said("read")}
    if set(read) != set(WAYS):
        yield f"it read by {sorted(read)} only"
    for way, words in read.items():
        if words["fault"]:
            yield f"{way}: {words['fault']}"
        else:
            yield from (f"{way}: {fault}" for fault in _sum_faults(words, master))


def _sum_faults(words: Mapping[str, Any], master: Published) -> Iterator[str]:
    own = master.sums(words["stamp"])
    for path, found in words["sums"].items():
        if found != own.get(path):
            yield f"{path} is not what generation {words['stamp']} has"
    wanted = {KERNEL, INITRD, *_INDEXES[master.layout], *_listed(own, _PACKAGES[master.layout])}
    if missed := wanted - set(words["sums"]):
        yield f"it was not led to {sorted(missed)}"


def _listed(files: Mapping[str, str], folder: str) -> set[str]:
    """Of the packages on disk those that the indexes list: of bash the newest alone, for the grace keeps the others."""
    packages = {path for path in files if path.startswith(f"{folder}/")}
    renewed = {path for path in packages if path.startswith(f"{folder}/bash-")}
    return packages - renewed | {max(renewed)}


def _staging_faults(boot: Boot, master: Published) -> Iterator[str]:
    fetched, own = {words["path"]: words["sum"] for words in boot.said("fetched")}, master.sums(0)
    for path, source in zip(master.staged, (KERNEL, INITRD), strict=True):
        if fetched.get(path) != own[source]:
            yield f"TFTP gives another {path} than the tree's {source}"
