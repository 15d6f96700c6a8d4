"""The NFS export of a tree by /etc/exports and exports.d: whether nodes may mount it, only read it, and keep it through a publication."""

import fnmatch
import ipaddress
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path, PurePosixPath

from mirrorsync.filesystem import Mount
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.probes.exportfile import WORLD, Export, parse_exports

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_OPTIONS = "ro,no_subtree_check"
_EVERYONE = "(everyone)"  # as mountd calls it
_RELOAD = "then `exportfs -ra`"
_WITHOUT_IDENTITY = ("tmpfs", "ramfs", "overlay", "fuse", "nfs", "nfs4", "9p", "virtiofs", "cifs")


@dataclass(frozen=True, slots=True)
class Exports:
    """The entries that count of all exports files, in the order exportfs reads them, and what it would stumble over.

    passed_over: (entry, the earlier one for the same directory and client, which counts), where their options differ.
    """

    entries: tuple[Export, ...]
    problems: tuple[Finding, ...] = ()
    passed_over: tuple[tuple[Export, Export], ...] = ()


class _Reach(Enum):
    """Whether an entry's client is the cluster: all of it, a part, nobody can say without the name service, or no."""

    ALL = auto()
    PART = auto()
    UNKNOWN = auto()
    NONE = auto()


def read_exports(etc: Path = Path("/etc")) -> Exports:
    """The entries of `etc`/exports and `etc`/exports.d/*.exports as exportfs takes them: symlinks resolved, the first of duplicates."""
    entries: dict[tuple[str, str], Export] = {}
    passed_over: list[tuple[Export, Export]] = []
    problems: list[Finding] = []
    for file in (etc / "exports", *sorted((etc / "exports.d").glob("[!.]*.exports"))):
        try:
            text = file.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            continue
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
            problems.append(Finding(Severity.WARNING, "export-unreadable", str(file), what, "let the user that runs mirrorsync read it"))
            continue
        found, faults = parse_exports(text, str(file))
        for export in found:
            own = replace(export, path=os.path.realpath(export.path))
            counting = entries.setdefault((own.path, own.client), own)
            if counting.options != own.options:
                passed_over.append((own, counting))
        problems.extend(faults)
    return Exports(tuple(entries.values()), tuple(problems), tuple(passed_over))


def export_findings(tree_path: str, clients: str | None, exports: Exports, mounted: Sequence[Mount] = ()) -> tuple[Finding, ...]:
    """What is wrong with the export of the tree at `tree_path` (symlinks in it are resolved, as mountd does) to its cluster.

    `clients` is the network, host, wildcard or @netgroup that installs from it; None leaves open who does, and any entry counts.
    mounted: what the machine has mounted where.
    """
    tree = PurePosixPath(os.path.realpath(tree_path))
    entries = [export for export in exports.entries if _concerns(export, tree)]
    relevant = _relevant(entries, clients)
    faults = [fault for export in relevant for fault in _faults(export, tree)]
    faults += [fault for export in relevant for fault in _mount_faults(export, tree, exports, mounted)]
    blanks = [_blank_trap(export) for export in entries if export.blank]
    passed_over = [pair for pair in exports.passed_over if _concerns(pair[0], tree)]
    collisions = [_collision(*pair) for pair in passed_over if _reach(pair[0].client, clients) is not _Reach.NONE]
    return (*exports.problems, *_access_faults(relevant, tree, clients), *blanks, *collisions, *faults)


def exported_above(tree_path: str, exports: Sequence[Export]) -> frozenset[str]:
    """The directories of these entries through which nodes reach the tree."""
    tree = PurePosixPath(os.path.realpath(tree_path))
    return frozenset(export.path for export in exports if _concerns(export, tree))


def is_shown(path: str, clients: str | None, shown: Sequence[tuple[str, Sequence[str]]]) -> bool:
    """Whether the directories and clients that a mount service shows let these clients mount the path, or may do so."""
    entries = [
        Export(directory, WORLD if client in (_EVERYONE, "") else client, (), "", 0)
        for directory, names in shown
        for client in names or (WORLD,)
    ]
    opening = [entry for entry in entries if PurePosixPath(path).is_relative_to(entry.path)]
    return bool(_relevant(opening, clients))


def exports_of_tree(tree_path: str, exports: Exports) -> tuple[Export, ...]:
    """The entries that export the tree itself, or something in it, rather than a folder above it."""
    tree = PurePosixPath(os.path.realpath(tree_path))
    return tuple(export for export in exports.entries if PurePosixPath(export.path).is_relative_to(tree))


def _concerns(export: Export, tree: PurePosixPath) -> bool:
    """Whether the exported directory is above the tree, the tree, or in it."""
    path = PurePosixPath(export.path)
    return tree.is_relative_to(path) or path.is_relative_to(tree)


def _relevant(entries: Sequence[Export], clients: str | None) -> list[Export]:
    """The entries that are surely the cluster's, else those that may be."""
    reaches = [(export, _reach(export.client, clients)) for export in entries]
    sure = [export for export, reach in reaches if reach in (_Reach.ALL, _Reach.PART)]
    return sure or [export for export, reach in reaches if reach is _Reach.UNKNOWN]


def _reach(client: str, clients: str | None) -> _Reach:
    if clients is None or client == WORLD or client.lower() == clients.lower():
        return _Reach.ALL
    theirs, ours = _network(client), _network(clients)
    if theirs and ours:
        return _network_reach(theirs, ours)
    if theirs or ours or client.startswith("@") or clients.startswith("@"):
        return _Reach.UNKNOWN
    if fnmatch.fnmatchcase(clients.lower(), client.lower()):
        return _Reach.ALL
    same_host = client.partition(".")[0].lower() == clients.partition(".")[0].lower()
    return _Reach.UNKNOWN if same_host or any(mark in clients for mark in "*?[") else _Reach.NONE


def _network(client: str) -> _Network | None:
    """The network or single address that a client is written as, None for a name."""
    try:
        return ipaddress.ip_network(client, strict=False)
    except ValueError:
        return None


def _network_reach(theirs: _Network, ours: _Network) -> _Reach:
    if not theirs.overlaps(ours):
        return _Reach.NONE
    return _Reach.ALL if theirs.prefixlen <= ours.prefixlen else _Reach.PART


def _access_faults(relevant: Sequence[Export], tree: PurePosixPath, clients: str | None) -> Iterator[Finding]:
    """Whether the cluster may mount the tree at all."""
    opening = [export for export in relevant if tree.is_relative_to(export.path)]
    whom = clients or "anybody"
    remedy = f"write `{_line(tree.parent, clients or 'NETWORK')}` in /etc/exports, {_RELOAD}"
    reaches = {_reach(export.client, clients) for export in opening}
    if not opening:
        yield Finding(Severity.ERROR, "export-missing", str(tree), f"is not exported to {whom}: nodes cannot mount it", remedy)
    elif _Reach.ALL not in reaches and _Reach.UNKNOWN in reaches:
        what = f"is exported to {_names(opening)}; only the name service knows whether {whom} is among them"
        yield Finding(Severity.NOTE, "export-clients-unknown", str(tree), what, f"try it from a node: `showmount -e`, then mount {tree}")
    elif _Reach.ALL not in reaches and not _together(opening, whom):
        yield Finding(Severity.ERROR, "export-partial", str(tree), f"of {whom} only {_names(opening)} may mount it", remedy)


def _names(exports: Sequence[Export]) -> str:
    return ", ".join(sorted({export.client for export in exports}))


def _together(exports: Sequence[Export], clients: str) -> bool:
    """Whether the exports' networks, none of which has all of the network `clients`, have it together."""
    whole = _network(clients)
    parts = [network for export in exports if (network := _network(export.client)) and whole and network.version == whole.version]
    reached = int(whole.network_address) if whole else 0
    for part in sorted(parts, key=lambda network: int(network.network_address)):
        if int(part.network_address) <= reached:
            reached = max(reached, int(part.broadcast_address) + 1)
    return whole is not None and reached > int(whole.broadcast_address)


def _blank_trap(export: Export) -> Finding:
    options = f"({','.join(export.options)})"
    what = f"the blank before '{options}' exports {export.path} to every machine, and gives the client before it the default options"
    return Finding(Severity.ERROR, "export-blank", export.where, what, f"take the blank out: CLIENT{options}, {_RELOAD}")


def _collision(export: Export, counting: Export) -> Finding:
    what = f"{counting.where} exports {export.path} to {export.client} with other options and is read first: this entry does nothing"
    return Finding(Severity.WARNING, "export-duplicate", export.where, what, f"keep one of the two, {_RELOAD}")


def _faults(export: Export, tree: PurePosixPath) -> Iterator[Finding]:
    """What one entry of the cluster does to installs."""
    right = f"write `{_line(tree.parent, export.client)}`, {_RELOAD}"
    if PurePosixPath(export.path).is_relative_to(tree):
        itself = "the tree itself" if PurePosixPath(export.path) == tree else f"{export.path}, inside the tree"
        what = f"exports {itself}: half an hour after the next publication all installs in flight have met 'Stale file handle'"
        remedy = f"export the parent instead: {right}; nodes go on mounting {tree}"
        yield Finding(Severity.ERROR, "export-is-tree", export.where, what, remedy)
    if not _read_only(export):
        what = f"{export.client} may write to {export.path}, and so to the tree"
        yield Finding(Severity.ERROR, "export-writable", export.where, what, right)
    if not _plain_access(export):
        what = f"{export.client} may mount {export.path}, but not with sec=sys, and installers know nothing else"
        yield Finding(Severity.ERROR, "export-security", export.where, what, right)
    if last_of(export.options, "root_squash", "no_root_squash") == "no_root_squash":
        what = f"no_root_squash on {export.path}: root of any node reads what only root may read there"
        yield Finding(Severity.WARNING, "export-root", export.where, what, right)
    if last_of(export.options, "subtree_check", "no_subtree_check") == "subtree_check":
        what = f"subtree_check on {export.path}: a file's handle dies with its folder, even where a kept generation still has the file"
        yield Finding(Severity.WARNING, "export-subtree-check", export.where, what, right)


def _mount_faults(export: Export, tree: PurePosixPath, exports: Exports, mounted: Sequence[Mount]) -> Iterator[Finding]:
    """What file systems mean for an entry: those below it that nodes do not see, one without an identity, one that is not there yet."""
    points = {PurePosixPath(mount.point): mount for mount in mounted}
    crosses = last_of(export.options, "crossmnt", "nocrossmnt") == "crossmnt"
    own = {PurePosixPath(each.path) for each in exports.entries}
    for point in sorted(points):
        inside = point.is_relative_to(tree) or tree.is_relative_to(point)
        if inside and point != PurePosixPath(export.path) and point.is_relative_to(export.path) and not crosses and point not in own:
            what = f"{point} is a file system of its own below {export.path}: nodes see an empty folder there"
            yield Finding(Severity.ERROR, "export-mounts", export.where, what, f"add crossmnt to its options, {_RELOAD}")
    kind = next((points[place].kind for place in (PurePosixPath(export.path), *PurePosixPath(export.path).parents) if place in points), "")
    if kind.partition(".")[0] in _WITHOUT_IDENTITY and not any(option.startswith("fsid=") for option in export.options):
        what = f"{export.path} lies on {kind}, which has no UUID: exportfs refuses it, or its handles change with each start"
        yield Finding(Severity.ERROR, "export-fsid", export.where, what, f"add fsid= and a number that no other export has, {_RELOAD}")
    for option in export.options:
        name, _, place = option.partition("=")
        if mounted and name in ("mp", "mountpoint") and PurePosixPath(place or export.path) not in points:
            what = f"with {option} it is exported only while {place or export.path} is a mount point, and that is none now"
            yield Finding(Severity.ERROR, "export-not-mounted", export.where, what, f"mount it, {_RELOAD}")


def _read_only(export: Export) -> bool:
    """As installers mount, with sec=sys: ro and rw after a sec= count for its flavours, those before it for all; ro by default."""
    general = special = "ro"
    listed = applies = False
    for option in export.options:
        if option.startswith("sec="):
            applies = _names_sys(option)
            special = general if applies and not listed else special
            listed = listed or applies
        elif option in ("ro", "rw"):
            general = option
            special = option if applies else special
    return (special if listed else general) == "ro"


def _plain_access(export: Export) -> bool:
    flavours = [option for option in export.options if option.startswith("sec=")]
    return not flavours or any(_names_sys(option) for option in flavours)


def _names_sys(option: str) -> bool:
    return not {"sys", "unix"}.isdisjoint(option.removeprefix("sec=").split(":"))


def last_of(options: Sequence[str], *alternatives: str) -> str | None:
    """The one of these options that counts, None where none is given."""
    return next((option for option in reversed(options) if option in alternatives), None)


def _line(directory: PurePosixPath, client: str) -> str:
    """A line of exports(5), its path with blanks and the like escaped."""
    path = "".join(f"\\{ord(sign):03o}" if sign in ' \t\n"\\#' else sign for sign in str(directory))
    return f"{path} {client}({_OPTIONS})"
