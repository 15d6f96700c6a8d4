"""Offered files whose names differ from others' in nothing but case or Unicode form: one of the two would hide the other."""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.package import Package


def without_lookalikes(catalogue: Catalogue, present: Iterable[str]) -> Catalogue:
    """The catalogue without packages whose file names look like that of another file, with a finding for each.

    present: the tree's file names, which stay. Of several offered, the one stays that is called what its header says.
    """
    known = frozenset(present)
    owners = {_folded(name): name for name in sorted(known)}
    findings = []
    refused = set()
    for package in sorted(catalogue.packages, key=_precedence):
        owner = owners.setdefault(_folded(package.filename), package.filename)
        if owner != package.filename and package.filename not in known:
            refused.add(package.location)
            findings.append(_finding(catalogue.origin, package, owner))
    if not refused:
        return catalogue
    packages = tuple(package for package in catalogue.packages if package.location not in refused)
    return replace(catalogue, packages=packages, findings=(*catalogue.findings, *findings))


def _folded(name: str) -> str:
    """What a file system that knows neither case nor Unicode forms tells names apart by."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _precedence(package: Package) -> tuple[bool, str]:
    return (package.filename != package.nevra.filename, package.location)


def _finding(origin: str, package: Package, owner: str) -> Finding:
    what = f"its name differs from {owner!r} only by case or Unicode form; refused"
    return Finding(Severity.WARNING, "name-lookalike", f"{origin}/{package.location}", what, "it is not offered; tell the mirror's owner")
