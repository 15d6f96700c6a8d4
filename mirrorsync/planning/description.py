"""Whether metadata says of a package what its own header says, in all that a plan is made by."""

import re
from collections.abc import Callable, Iterable, Iterator

from mirrorsync.model.package import Dependency, Package, Sense

_OF_RPM_ITSELF = "rpmlib("
_LIBC = "libc.so.6"
_LIBC_VERSION = re.compile(r"\(GLIBC_(\d+(?:\.\d+)*)\)")


def departure(described: Package, found: Package, paths: Callable[[], Iterable[str]]) -> str:
    """What a package as it was `described` by metadata differs by from what its header says: "… that it obsoletes zip, …"; '' for nothing.

    paths: all that the package has, asked for only where paths are spoken of. Requirements may be left out, as createrepo does:
    those on rpm itself, on what the package has or provides itself, and on every version of the C library but the highest.
    """
    itself = {Dependency(found.name, Sense.EQUAL, found.evr)}
    obsoleted, obsoletes = _normal(described.obsoletes), _normal(found.obsoletes)
    provided, provides = _normal(described.provides) | itself, _normal(found.provides) | itself
    required, requires = _normal(described.requires), _normal(found.requires)
    files, omitted = {Dependency(path) for path in described.files}, requires - required
    spoken = files or any(dependency.name.startswith("/") for dependency in omitted)
    had = {Dependency(_text(path)) for path in paths()} if spoken else set()
    return (
        _said(obsoleted - obsoletes, obsoletes - obsoleted, "obsoletes")
        or _said(provided - provides, provides - provided, "provides")
        or _said(required - requires, omitted.difference(_dispensable(omitted, required), provides, had), "requires")
        or _said(files - had, (), "has")
    )


def _said(more: Iterable[Dependency], less: Iterable[Dependency], verb: str) -> str:
    """more: what the metadata says alone; less: what the header says alone."""
    if name := min(map(str, more), default=""):
        return f"its metadata says that it {verb} {name}, and its header does not"
    if name := min(map(str, less), default=""):
        return f"its header says that it {verb} {name}, and its metadata does not"
    return ""


def _dispensable(omitted: Iterable[Dependency], required: Iterable[Dependency]) -> Iterator[Dependency]:
    """Those on rpm itself, and on versions of the C library where one at least as high is required."""
    highest = max((_libc_version(dependency) for dependency in required if dependency.name.startswith(_LIBC)), default=None)
    for dependency in omitted:
        of_libc = dependency.name.startswith(_LIBC) and highest is not None and _libc_version(dependency) <= highest
        if of_libc or dependency.name.startswith(_OF_RPM_ITSELF):
            yield dependency


def _libc_version(dependency: Dependency) -> tuple[int, ...]:
    match = _LIBC_VERSION.search(dependency.name)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _normal(dependencies: Iterable[Dependency]) -> set[Dependency]:
    """One spelling for what means the same: without a comparison or without a version there is neither."""
    return {
        Dependency(_text(found.name), found.sense, found.evr) if found.sense and found.evr else Dependency(_text(found.name))
        for found in dependencies
    }


def _text(name: str) -> str:
    """createrepo takes what is no UTF-8 for Latin-1."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode(errors="surrogateescape").decode("latin-1")
    return name
