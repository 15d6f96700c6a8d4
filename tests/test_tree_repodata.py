"""The repodata of a new generation: what no package carries is taken along, and what mirrors add is merged in."""

import os
import subprocess
from pathlib import Path

import createrepo_c
import pytest

from mirrorsync.errors import PublishError, TreeError
from mirrorsync.model.choices import Compression
from mirrorsync.model.package import Digest, Package
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import describe
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.metadata import Carried, carried, carried_from_tree, merged_modules, merged_updateinfo
from mirrorsync.tree.repodata import indexed_packages, write_repodata
from tests.conftest import Builder
from tests.sites import copy, repository

MODULE = b"document: modulemd\nversion: 2\ndata:\n  name: %s\n  stream: '5.30'\n"


def updateinfo(*errata: tuple[str, str, str]) -> bytes:
    """(id, updated, name of a package at 2-1.noarch) each."""
    updates = "".join(
        f'<update type="security"><id>{name}</id><title>{updated}</title><issued date="{updated}"/><updated date="{updated}"/>'
        "<pkglist><collection>"
        f'<package name="{package}" version="2" release="1" epoch="0" arch="noarch"><filename>x.rpm</filename></package>'
        "</collection></pkglist></update>"
        for name, updated, package in errata
    )
    return f"<updates>{updates}</updates>".encode()


def written(folder: Path, rpms: list[Path], items: list[Carried], compression: Compression = Compression.GZ) -> Path:
    copy(rpms, folder / "tree/Packages")
    paths = sorted((folder / "tree/Packages").iterdir())
    for path in paths:
        os.utime(path, (1_000_000_000, 1_000_000_000))  # metadata names each file's time
    packages = [described(path) for path in paths]
    with TreeCache(folder / "cache.sqlite") as cache:
        write_repodata(folder / "tree", packages, items, compression=compression, revision=1_000_000_000, cache=cache)
    return folder / "tree"


def described(path: Path) -> Package:
    digest = Digest("sha256", path.name)  # the cache's key, as good as any here
    return describe(read_rpm(path), location=f"Packages/{path.name}", size=path.stat().st_size, digest=digest)


def kinds(root: Path) -> dict[str, str]:
    return {record.type: record.location_href for record in createrepo_c.Repomd(str(root / "repodata/repomd.xml")).records}


@pytest.mark.parametrize(("compression", "suffix"), [(Compression.GZ, ".gz"), (Compression.ZSTD, ".zst")])
def test_metadata_is_compressed_as_configured_and_readable_by_createrepo(
    tmp_path: Path, rpm: Builder, compression: Compression, suffix: str
) -> None:
    root = written(tmp_path, [rpm("bash", "2"), rpm("tar", "1")], [], compression)
    assert all(location.endswith(f".xml{suffix}") for location in kinds(root).values())
    assert [str(package.nevra) for package in indexed_packages(root)] == ["bash-2-1.noarch", "tar-1-1.noarch"]
    assert {path.stat().st_mode & 0o777 for path in (root / "repodata").iterdir()} == {0o644}


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path, rpm: Builder) -> None:
    one, two = (written(tmp_path / name, [rpm("bash", "2")], []) for name in ("one", "two"))
    for root in (one, two):
        assert (root / "repodata/repomd.xml").exists()
    assert kinds(one) == kinds(two)


def test_comps_productid_and_unknown_kinds_of_the_tree_are_taken_along(tmp_path: Path, rpm: Builder) -> None:
    tree = repository(tmp_path / "old", [rpm("bash", "1")])
    for kind, text in (("group", "<comps/>"), ("productid", "an id"), ("extra", "something")):
        (tmp_path / kind).write_text(text)
        command = ["modifyrepo_c", f"--mdtype={kind}", str(tmp_path / kind), str(tree / "repodata")]
        subprocess.run(command, check=True, capture_output=True)
    own = carried_from_tree(tree)
    assert {(item.type, item.content) for item in own} == {("group", b"<comps/>"), ("productid", b"an id"), ("extra", b"something")}
    taken = carried(own, [Carried("group", b"<other/>"), Carried("modules", MODULE % b"perl")])
    root = written(tmp_path / "new", [rpm("bash", "2")], list(taken))
    assert {"group", "productid", "extra", "modules"} <= kinds(root).keys()
    assert {item.content for item in carried_from_tree(root)} >= {b"<comps/>", b"an id", b"something"}


def test_a_mirrors_comps_are_taken_where_the_tree_has_none() -> None:
    assert [item.type for item in carried((), [Carried("group", b"<comps/>"), Carried("prestodelta", b"")])] == ["group"]


def test_modules_are_merged_document_by_document_each_once() -> None:
    perl, ruby = MODULE % b"perl", MODULE % b"ruby"
    merged = merged_modules([b"---\n" + perl + b"...\n---\n" + ruby, b"---\n" + ruby + b"...\n"])
    assert merged == b"---\n" + perl + b"...\n---\n" + ruby + b"...\n"


def test_errata_of_mirrors_are_taken_for_listed_packages_and_the_trees_own_all(rpm: Builder) -> None:
    packages = [describe(read_rpm(rpm("bash", "2")), location="bash.rpm", size=1)]
    own = Carried("updateinfo", updateinfo(("OLD", "2020-01-01", "gone"), ("BOTH", "2020-01-01", "bash")), own=True)
    theirs = [("BOTH", "2021-01-01", "bash"), ("NEW", "2021-01-01", "bash"), ("OTHER", "2021-01-01", "tar")]
    offered = Carried("updateinfo", updateinfo(*theirs))
    merged = merged_updateinfo([own, offered], packages)
    assert [name in merged.decode() for name in ("OLD", "NEW", "OTHER")] == [True, True, False]
    assert merged.count(b"<id>BOTH</id>") == 1
    assert b"<title>2021-01-01</title>" in merged


@pytest.mark.parametrize("fault", ["digest", "missing", "no primary", "not XML"])
def test_metadata_that_an_installer_could_not_read_is_named(tmp_path: Path, rpm: Builder, fault: str) -> None:
    root = written(tmp_path, [rpm("bash", "2")], [])
    primary, repomd = root / kinds(root)["primary"], root / "repodata/repomd.xml"
    if fault == "digest":
        primary.write_bytes(primary.read_bytes()[:-8] + b"12345678")
    if fault == "missing":
        primary.unlink()
    if fault == "no primary":
        repomd.write_text(repomd.read_text().replace('type="primary"', 'type="secondary"'))
    if fault == "not XML":
        repomd.write_text("Please log in")
    with pytest.raises(PublishError, match=r"primary|repomd"):
        indexed_packages(root)


def test_a_damaged_metadata_file_of_the_tree_is_named_with_what_to_do(tmp_path: Path, rpm: Builder) -> None:
    tree = repository(tmp_path / "old", [rpm("bash", "1")])
    (tmp_path / "comps.xml").write_text("<comps/>")
    subprocess.run(["modifyrepo_c", "--mdtype=group", str(tmp_path / "comps.xml"), str(tree / "repodata")], check=True, capture_output=True)
    (tree / kinds(tree)["group"]).write_bytes(b"\x1f\x8b\x08broken")
    with pytest.raises(TreeError, match="restore it, or remove the repodata folder"):
        carried_from_tree(tree)


def test_a_damaged_part_in_the_cache_is_made_anew(tmp_path: Path, rpm: Builder) -> None:
    first = written(tmp_path, [rpm("bash", "2")], [])
    before = kinds(first)
    with TreeCache(tmp_path / "cache.sqlite") as cache:
        cache.remember_parts("repodata", {("bash-2-1.noarch.rpm", "Packages/bash-2-1.noarch.rpm"): b"[1"})
    assert kinds(written(tmp_path, [rpm("bash", "2")], [])) == before
