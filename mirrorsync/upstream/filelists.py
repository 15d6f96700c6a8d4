"""filelists.xml: every path of every package, for the requirements primary.xml cannot answer."""

from collections.abc import Iterable, Mapping

from mirrorsync.upstream.xmlstream import children, open_document


def beyond_primary(paths: Iterable[str]) -> frozenset[str]:
    """The paths that primary.xml does not carry by createrepo's rule: /etc, directories of binaries and /usr/lib/sendmail are in it."""
    return frozenset(path for path in paths if not (path.startswith("/etc/") or "bin/" in path or path == "/usr/lib/sendmail"))


def read_filelists(chunks: Iterable[bytes], paths: frozenset[str], *, source: str) -> Mapping[str, tuple[str, ...]]:
    """Which of `paths` each package has, by its package id (the checksum primary.xml gives). UpstreamError where the file is broken."""
    found: dict[str, tuple[str, ...]] = {}
    for package in open_document(chunks, "package", source=source)[1]:
        if hits := tuple(file.text for file in children(package, "file") if file.text in paths):
            found[package.get("pkgid", "").lower()] = hits
    return found
