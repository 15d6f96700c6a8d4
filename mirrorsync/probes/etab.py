"""What the NFS server really exports, by exportfs's table and by the kernel's, held against what is written in /etc/exports.

exportfs(8), FILES. The kernel's is a cache of what it was asked for: what is not in it says nothing.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mirrorsync.model.finding import Finding, Severity
from mirrorsync.probes.exportfile import Export, parse_exports, plain
from mirrorsync.probes.exports import Exports, last_of

ETAB = Path("/var/lib/nfs/etab")
KERNEL = Path("/proc/fs/nfsd/exports")
_ALTERNATIVES = (("ro", "rw"), ("root_squash", "no_root_squash"), ("subtree_check", "no_subtree_check"), ("crossmnt", "nocrossmnt"))
_RELOAD = "run `exportfs -ra`"


def read_etab(etab: Path = ETAB) -> tuple[Export, ...]:
    """The server's entries; none where there is no such table, as on a master whose server is another or does not run."""
    try:
        entries, _ = parse_exports(etab.read_text(encoding="utf-8", errors="surrogateescape"), str(etab))
    except OSError:
        return ()
    return entries


def read_kernel(table: Path = KERNEL) -> tuple[Export, ...]:
    """What the kernel's server has been told when it asked, without what it makes up for version 4; none where it does not run."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ()
    return tuple(_kernel_entries(lines, str(table)))


def _kernel_entries(lines: Iterable[str], file: str) -> Iterator[Export]:
    """A directory, a tab, CLIENT(OPTION,…), blanks and the like in octal: svc_export_show in Linux's fs/nfsd/export.c."""
    for number, line in enumerate(lines, start=1):
        path, tab, rest = line.partition("\t")
        client, _, options = rest.rstrip(")").partition("(")
        if tab and not line.startswith("#") and "v4root" not in options.split(","):
            yield Export(plain(path), client, tuple(options.split(",")), file, number)


def loaded_findings(written: Exports, loaded: tuple[Export, ...], concerned: frozenset[str]) -> Iterator[Finding]:
    """Where the server knows something else than is written, of the directories `concerned`. Nothing where it knows nothing at all."""
    if not loaded:
        return
    table = {_key(export): export for export in loaded}
    own = {_key(export): export for export in written.entries}
    for key, export in own.items():
        if export.path in concerned and (what := _difference(export, table.get(key))):
            yield Finding(Severity.WARNING, "export-not-loaded", export.where, what, _RELOAD)
    for key, export in table.items():
        if export.path in concerned and key not in own:
            what = f"{export.path} is exported to {export.client}, and no exports file says so"
            remedy = f"{_RELOAD} to end that, or write it in /etc/exports: it ends with the server's next start"
            yield Finding(Severity.WARNING, "export-not-written", export.where, what, remedy)


def flushed_findings(written: Exports, kernel: tuple[Export, ...], concerned: frozenset[str]) -> Iterator[Finding]:
    """Where the kernel goes by other options than are written, of the directories `concerned`.

    It knows clients by names that mountd gives them: those that are not as they are written are passed over.
    """
    own = {_key(export): export for export in written.entries}
    for loaded in kernel:
        export = own.get(_key(loaded))
        if export and loaded.path in concerned and (differing := _differing(export, loaded)):
            what = f"the kernel exports {loaded.path} to {loaded.client} with {differing[0]} still, and {differing[1]} is written"
            yield Finding(Severity.WARNING, "export-not-flushed", export.where, what, "run `exportfs -ra`, then `exportfs -f`")


def _key(export: Export) -> tuple[str, str]:
    """exportfs writes a host by the whole name that it has: the first part of it has to do."""
    name = export.client.lower()
    return export.path, name if any(sign in name for sign in "*?[@/:") or name.replace(".", "").isdigit() else name.partition(".")[0]


def _difference(export: Export, loaded: Export | None) -> str:
    if loaded is None:
        return f"{export.path} is not exported to {export.client} yet: the server has not read it"
    if differing := _differing(export, loaded):
        has, wanted = differing
        return f"{export.path} is exported to {export.client} with {has}, and {wanted} is written: the server has not read it"
    return ""


def _differing(export: Export, loaded: Export) -> tuple[str, str] | None:
    """The first option that is loaded otherwise than written, and what is written."""
    for pair in _ALTERNATIVES:
        wanted, has = last_of(export.options, *pair), last_of(loaded.options, *pair)
        if wanted and has and wanted != has:
            return has, wanted
    return None
