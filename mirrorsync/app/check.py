"""The check: a tree, its boot files and its export, as a node would meet them."""

from collections.abc import Iterator, Sequence
from functools import partial

from mirrorsync.app.records import records_findings
from mirrorsync.app.signatures import signature_findings
from mirrorsync.app.site import Site
from mirrorsync.app.steadiness import steady
from mirrorsync.app.surroundings import surroundings_findings
from mirrorsync.app.texts import text_findings
from mirrorsync.app.unsigned import not_signed
from mirrorsync.errors import PublishError, TreeError
from mirrorsync.model.choices import Layout
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import CheckOutcome
from mirrorsync.model.package import Digest, IndexedPackage
from mirrorsync.probes.indexed import digest_findings, duplicate_findings, mode_findings, name_findings, presence_findings
from mirrorsync.tree.comps import listed_names
from mirrorsync.tree.indexes import index_files, read_indexes
from mirrorsync.tree.reading import scan
from mirrorsync.tree.treeinfo import treeinfo_findings
from mirrorsync.trust.confinement import lacking
from mirrorsync.trust.keys import Keyring


def check_tree(site: Site, keyring: Keyring | None, *, deep: bool) -> CheckOutcome:
    """Look at everything an install needs.

    With `deep`, read every file's bytes, and its signature where there is a `keyring`. Raises MirrorsyncError where there is no tree.
    """
    return steady(site.tree, partial(_checked, site, keyring, deep=deep))


def _checked(site: Site, keyring: Keyring | None, *, deep: bool) -> CheckOutcome:
    tree, notes = site.tree, (*not_signed(site), *_not_confined())
    scan(tree)
    try:
        indexed = read_indexes(tree.shape, tree.path)
    except PublishError as error:
        finding = Finding(Severity.ERROR, "index-unreadable", str(tree.path), str(error), "run `mirrorsync update`, or rebuild the index")
        around = (*records_findings(tree, deep=deep), *surroundings_findings(site, deep=deep), *notes)
        return CheckOutcome(tree.name, 0, deep, (finding, *around))
    locations = [package.location for package in indexed]
    findings = [*_tree_findings(site, indexed, deep=deep), *records_findings(tree, deep=deep)]
    findings += surroundings_findings(site, locations, deep=deep)
    if deep:
        findings += signature_findings(tree.path, indexed, keyring)
        findings += text_findings(tree.path, indexed, site.texts)
    return CheckOutcome(tree.name, len(indexed), deep, (*findings, *notes))


def _tree_findings(site: Site, indexed: Sequence[IndexedPackage], *, deep: bool) -> Iterator[Finding]:
    tree = site.tree
    yield from presence_findings(tree.path, indexed)
    severity = Severity.ERROR if tree.layout is Layout.REDHAT else Severity.NOTE
    yield from duplicate_findings(tree.path, indexed, severity=severity)
    yield from _name_findings(site, indexed)
    if tree.layout is Layout.REPODATA:
        yield from treeinfo_findings(tree.path)
    yield from mode_findings(tree.path, [*(package.location for package in indexed), *index_files(tree.shape, tree.path)])
    if deep:
        yield from digest_findings(tree.path, _expected_digests(site, indexed))


def _name_findings(site: Site, indexed: Sequence[IndexedPackage]) -> Iterator[Finding]:
    tree = site.tree
    try:
        names = listed_names(tree.path, tree.layout, tree.arches, tree.kickstarts)
    except TreeError as error:
        yield Finding(Severity.ERROR, "comps-unreadable", tree.name, str(error), "without it no node can choose packages")
        return
    yield from name_findings(tree.path, indexed, names)


def _not_confined() -> Iterator[Finding]:
    """A note for each thing that programs which read strangers' files could do here, because the kernel keeps nobody from it."""
    for part in lacking():
        what = f"they run without {part}, which this machine does not have: a fault in them could do what this user may"
        remedy = "let mirrorsync be a user of its own (docs/PRIVILEGE.md), or use a newer kernel"
        yield Finding(Severity.NOTE, "not-confined", "rpmkeys and gpgv", what, remedy)


def _expected_digests(site: Site, indexed: Sequence[IndexedPackage]) -> dict[str, Digest]:
    """What the indexes say."""
    return {package.location: package.digest for package in indexed if package.digest}
