"""What the NFS server really exports, by exportfs's own table, held against what is written in /etc/exports: exportfs(8), FILES."""

from collections.abc import Iterator
from pathlib import Path

from mirrorsync.model.finding import Finding, Severity
from mirrorsync.probes.exportfile import Export, parse_exports
from mirrorsync.probes.exports import Exports, last_of

ETAB = Path("/var/lib/nfs/etab")
_ALTERNATIVES = (("ro", "rw"), ("root_squash", "no_root_squash"), ("subtree_check", "no_subtree_check"), ("crossmnt", "nocrossmnt"))
_RELOAD = "run `exportfs -ra`"


def read_etab(etab: Path = ETAB) -> tuple[Export, ...]:
    """The server's entries; none where there is no such table, as on a master whose server is another or does not run."""
    try:
        entries, _ = parse_exports(etab.read_text(encoding="utf-8", errors="surrogateescape"), str(etab))
    except OSError:
        return ()
    return entries


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


def _key(export: Export) -> tuple[str, str]:
    """exportfs writes a host by the whole name that it has: the first part of it has to do."""
    name = export.client.lower()
    return export.path, name if any(sign in name for sign in "*?[@/:") or name.replace(".", "").isdigit() else name.partition(".")[0]


def _difference(export: Export, loaded: Export | None) -> str:
    if loaded is None:
        return f"{export.path} is not exported to {export.client} yet: the server has not read it"
    for pair in _ALTERNATIVES:
        wanted, has = last_of(export.options, *pair), last_of(loaded.options, *pair)
        if wanted and has and wanted != has:
            return f"{export.path} is exported to {export.client} with {has}, and {wanted} is written: the server has not read it"
    return ""
