"""What is wrong around a tree's packages: boot images, what is staged of them and served, the export, and the tree by NFS and its URLs."""

from collections.abc import Iterator, Sequence

from mirrorsync.app.site import Site
from mirrorsync.app.windows import window_at
from mirrorsync.boot.bootset import belonging, image_names, read_boot_set
from mirrorsync.errors import BootError, PublishError
from mirrorsync.filesystem import mounts
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.probes.etab import flushed_findings, loaded_findings, read_etab, read_kernel
from mirrorsync.probes.exports import export_findings, exported_above, read_exports
from mirrorsync.probes.nfs import NfsPlace, nfs_findings
from mirrorsync.probes.served import served_findings
from mirrorsync.probes.tftp import TftpPlace
from mirrorsync.probes.urls import url_findings
from mirrorsync.tree.indexes import index_files


def surroundings_findings(site: Site, packages: Sequence[str] = (), *, deep: bool = False) -> Iterator[Finding]:
    """What is wrong around the packages: boot images that do not belong together or are not staged, the NFS export, and the URLs.

    packages: paths below the tree's root that nodes ask for by NFS and, some of them (`deep`: all), by its URLs.
    """
    yield from _staged(site, deep=deep)
    yield from belonging(site.tree.path, site.tree.repositories, deep=deep)
    if site.export:
        yield from _export_findings(str(site.tree.path), site.export.clients)
    yield from _reached(site, packages, deep=deep)


def _export_findings(path: str, clients: Sequence[str]) -> Iterator[Finding]:
    """What is written, and what exportfs and the kernel have read of it."""
    exports, mounted = read_exports(), mounts()
    found = [export_findings(path, each, exports, mounted) for each in clients or (None,)]
    yield from dict.fromkeys(finding for findings in found for finding in findings)
    loaded = read_etab()
    concerned = exported_above(path, (*exports.entries, *loaded))
    yield from loaded_findings(exports, loaded, concerned)
    yield from flushed_findings(exports, read_kernel(), concerned)


def _reached(site: Site, packages: Sequence[str], *, deep: bool) -> Iterator[Finding]:
    """The tree as nodes ask for it by NFS and by its URLs."""
    root, nfs = site.tree.path, site.export.nfs if site.export else ""
    if not (site.urls or nfs):
        return
    names = (*_indexes(site), *image_names(root))
    if site.export and nfs:
        yield from nfs_findings(NfsPlace.at(nfs, site.export.clients), site.export.versions, root, names, packages, deep=deep)
    for url in site.urls:
        yield from url_findings(url, root, names, packages, window_at, deep=deep)


def _indexes(site: Site) -> tuple[str, ...]:
    try:
        return index_files(site.tree.shape, site.tree.path)
    except PublishError:
        return ()  # told by what reads them


def _staged(site: Site, *, deep: bool) -> Iterator[Finding]:
    """Half a boot set is wrong whether or not it is staged from this tree."""
    try:
        boot_set = read_boot_set(site.tree.path)
    except BootError as error:
        yield Finding(Severity.ERROR, "boot-set", site.tree.name, str(error), "then run `mirrorsync check` again")
        return
    if boot_set and site.boot:
        staging = site.boot.staging
        yield from staging.findings(boot_set)
        if site.boot.tftp:
            yield from served_findings(TftpPlace.at(site.boot.tftp), staging.directory, staging.names(boot_set), deep=deep)
