"""Yum metadata read as a catalogue: made by createrepo_c, written by hand with faults, and real ones."""

import gzip
import hashlib
import re
import shutil
import subprocess
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import createrepo_c
import pytest

from mirrorsync.errors import UnpackingError, UpstreamError
from mirrorsync.model.package import Dependency, Digest, Sense
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.unpacking import unpacked
from mirrorsync.upstream.alternatives import Doors
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.modules import read_modules
from mirrorsync.upstream.repodata import RepodataUpstream
from mirrorsync.upstream.xmlstream import open_document
from tests.conftest import Builder
from tests.corpus import CORPUS, needs_corpus
from tests.repositories import PACK, Item, Repository, primary_xml
from tests.servers import http_server

ARCHES = ("x86_64",)
EVERY_ARCH = ("x86_64", "i386", "ppc64", "s390x", "aarch64")


@contextmanager
def upstream(address: str, cache: Path, arches: tuple[str, ...] = ARCHES) -> Iterator[RepodataUpstream]:
    mirror = Mirror.at(address)
    with Doors(mirror) as transport:
        yield RepodataUpstream(mirror, transport, cache, arches)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "mirror", {"primary": primary_xml(Item("bash", "2.05a", "13", "i386"), Item("words"))})


def names(repository: Repository, tmp_path: Path, arches: tuple[str, ...] = ARCHES) -> list[str]:
    repository.write()
    with upstream(str(repository.root), tmp_path / "cache", arches) as mirror:
        return [str(package.nevra) for package in mirror.read().packages]


def findings(repository: Repository, tmp_path: Path) -> list[str]:
    repository.write()
    with upstream(str(repository.root), tmp_path / "cache") as mirror:
        return [str(finding) for finding in mirror.read().findings]


def refusal(repository: Repository, tmp_path: Path) -> str:
    repository.write()
    with upstream(str(repository.root), tmp_path / "cache") as mirror, pytest.raises(UpstreamError) as raised:
        mirror.read()
    assert "\n" not in str(raised.value)
    return str(raised.value)


# What createrepo_c writes


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz", "zstd"])
def test_a_repository_of_real_packages_is_read_in_every_compression(compression: str, rpm: Builder, tmp_path: Path) -> None:
    built = [
        rpm("shell", "2.05a", "13", epoch=1, requires=["libc >= 2.2", "/bin/ed"], obsoletes=["oldshell < 2"], files={"/bin/shell": "x"}),
        rpm("words", "2", source="dictionaries", files={"/usr/share/dict/words": "a"}),
    ]
    root = tmp_path / "mirror"
    make_repository(root, built, compression)
    with upstream(str(root), tmp_path / "cache") as mirror:
        shell, words = mirror.read().packages
    assert (shell.nevra, words.nevra) == (NEVRA("shell", EVR("1", "2.05a", "13"), "noarch"), NEVRA("words", EVR(None, "2", "1"), "noarch"))
    assert shell.digest == Digest("sha256", hashlib.sha256(built[0].read_bytes()).hexdigest())
    assert (shell.size, shell.location, shell.files) == (built[0].stat().st_size, built[0].name, ("/bin/shell",))
    assert Dependency("libc", Sense.GREATER | Sense.EQUAL, EVR(None, "2.2", "")) in shell.requires
    assert Dependency("/bin/ed") in shell.requires
    assert shell.obsoletes == (Dependency("oldshell", Sense.LESS, EVR(None, "2", "")),)
    assert Dependency("shell", Sense.EQUAL, EVR("1", "2.05a", "13")) in shell.provides
    assert words.source == "dictionaries-2-1.src.rpm"
    assert words.built > 1_000_000_000


def make_repository(root: Path, packages: list[Path], compression: str) -> None:
    root.mkdir()
    if compression == "zstd":  # which Debian's createrepo_c command cannot write
        with createrepo_c.RepositoryWriter(str(root), num_packages=len(packages), compression=createrepo_c.ZSTD) as writer:
            for package in packages:
                writer.add_pkg_from_file(str(package))
        return
    for package in packages:
        shutil.copy(package, root)
    command = ["createrepo_c", "--quiet", f"--general-compress-type={compression}", "--no-database", str(root)]
    subprocess.run(command, check=True, capture_output=True)


def test_paths_that_only_filelists_knows_are_completed_on_request(rpm: Builder, tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    make_repository(root, [rpm("words", "2", source="dictionaries", files={"/usr/share/dict/words": "a"})], "gz")
    with http_server(root) as web, upstream(web.url, tmp_path / "cache") as mirror:
        catalogue = mirror.read()
        assert mirror.with_paths(catalogue, frozenset({"/bin/sh", "/etc/passwd", "/usr/lib/sendmail"})) is catalogue
        assert not any("filelists" in line for line in web.lines())
        [words] = mirror.with_paths(catalogue, frozenset({"/usr/share/dict/words", "/usr/share/none"})).packages
    assert words.files == ("/usr/share/dict/words",)


# What is offered


def test_source_packages_and_foreign_architectures_are_left_out(repository: Repository, tmp_path: Path) -> None:
    items = [Item("a", arch=arch) for arch in ("src", "nosrc", "s390x", "x86_64", "i686", "noarch")]
    repository.files["primary"] = primary_xml(*items)
    assert sorted(names(repository, tmp_path)) == ["a-1-1.i686", "a-1-1.noarch", "a-1-1.x86_64"]


def test_two_files_of_one_nevra_with_other_checksums_are_both_in_the_catalogue(repository: Repository, tmp_path: Path) -> None:
    items = [Item("a", digest=letter * 64, location=f"{letter}/a-1-1.noarch.rpm") for letter in "ab"]
    repository.files["primary"] = primary_xml(*items)
    assert names(repository, tmp_path) == ["a-1-1.noarch", "a-1-1.noarch"]


def test_a_modular_package_says_its_stream(repository: Repository, tmp_path: Path) -> None:
    repository.files["primary"] = primary_xml(Item("perl", "5.30", "1.module", "x86_64"), Item("perl", "5.26", "1", "x86_64"))
    repository.files["modules"] = (
        b"---\ndocument: modulemd-stream-v2\nversion: 2\ndata:\n  name: perl\n  stream: 5.30\n  artifacts:\n    rpms:\n"
        b"    - perl-0:5.30-1.module.x86_64\n...\n---\ndocument: modulemd-defaults\nversion: 1\ndata: {module: perl, stream: '5.26'}\n...\n"
    )
    repository.write()
    with upstream(str(repository.root), tmp_path / "cache") as mirror:
        assert {str(package.nevra): package.module for package in mirror.read().packages} == {
            "perl-5.26-1.x86_64": None,
            "perl-5.30-1.module.x86_64": "perl:5.30",
        }


def test_an_erratum_without_epochs_takes_those_of_the_packages(repository: Repository, tmp_path: Path) -> None:
    repository.files["primary"] = primary_xml(Item("bind", "9", "1", "x86_64", epoch="32"))
    repository.files["updateinfo"] = (
        b'<updates><update type="security"><id>RHSA-1</id><pkglist><collection>'
        b'<package name="bind" version="9" release="1" arch="x86_64"/></collection></pkglist></update></updates>'
    )
    repository.write()
    with upstream(str(repository.root), tmp_path / "cache") as mirror:
        [advisory] = mirror.read().advisories
    assert [str(nevra) for nevra in advisory.packages] == ["bind-32:9-1.x86_64"]


def test_a_package_has_a_url_at_its_mirror_with_its_name_encoded(repository: Repository, tmp_path: Path) -> None:
    repository.files["primary"] = primary_xml(Item("a", location="Packages/lib%2bstuff%23-1.noarch.rpm"))
    repository.write()
    with upstream(str(repository.root), tmp_path / "cache") as mirror:
        [package] = mirror.read().packages
        assert package.location == "Packages/lib+stuff#-1.noarch.rpm"
        assert mirror.places(package) == (f"{mirror.mirror.url}/Packages/lib%2Bstuff%23-1.noarch.rpm",)


def test_other_metadata_is_there_as_bytes_for_the_publishing_side(repository: Repository, tmp_path: Path) -> None:
    repository.files["group"] = b"<comps/>"
    repository.write()
    with upstream(str(repository.root), tmp_path / "cache") as mirror:
        assert mirror.metadata("group") == b"<comps/>"
        assert mirror.metadata("productid") is None


# What is asked of the mirror


def test_a_second_run_asks_for_nothing_but_whether_repomd_is_the_same(repository: Repository, tmp_path: Path) -> None:
    repository.write()
    with http_server(repository.root) as web:
        with upstream(web.url, tmp_path / "cache") as mirror:
            first = (mirror.revision(), mirror.read())
        web.requests.clear()
        with upstream(web.url, tmp_path / "cache") as mirror:
            assert (mirror.revision(), mirror.read()) == first
        [request] = web.requests
    assert request.path == "/repodata/repomd.xml"
    assert "If-None-Match" in request.headers


def test_a_changed_repomd_is_another_revision(repository: Repository, tmp_path: Path) -> None:
    repository.write()
    with upstream(str(repository.root), tmp_path / "cache") as mirror:
        before = mirror.revision()
        repository.files["primary"] = primary_xml(Item("new"))
        repository.write()
        assert mirror.revision() != before
        assert [package.name for package in mirror.read().packages] == ["new"]


def test_metadata_that_is_no_longer_listed_is_dropped_from_the_cache(repository: Repository, tmp_path: Path) -> None:
    names(repository, tmp_path)
    repository.files["primary"] = primary_xml(Item("new"))
    names(repository, tmp_path)
    assert len([path for path in (tmp_path / "cache").iterdir() if path.name.startswith("sha256-")]) == 1


@pytest.mark.parametrize("victim", ["repomd.xml", "repomd.json", "sha256-"])
def test_a_damaged_cache_costs_a_request_and_nothing_else(victim: str, repository: Repository, tmp_path: Path) -> None:
    before = names(repository, tmp_path)
    damaged = next(path for path in (tmp_path / "cache").iterdir() if path.name.startswith(victim))
    damaged.write_bytes(b"rot" + damaged.read_bytes()[3:])
    with upstream(str(repository.root), tmp_path / "cache") as mirror:
        assert [str(package.nevra) for package in mirror.read().packages] == before


def test_a_mirror_that_changes_between_repomd_and_primary_is_read_anew(repository: Repository, tmp_path: Path) -> None:
    repository.write()
    with upstream(str(repository.root), tmp_path / "cache") as mirror:
        mirror.revision()
        repository.metadata_file("primary").unlink()
        repository.files["primary"] = primary_xml(Item("new"))
        repository.write()
        assert [package.name for package in mirror.read().packages] == ["new"]


@pytest.mark.parametrize("algorithm", ["sha", "sha1", "sha256", "sha512"])
def test_metadata_is_verified_by_whatever_checksum_repomd_has(algorithm: str, repository: Repository, tmp_path: Path) -> None:
    repository.algorithm = algorithm
    assert len(names(repository, tmp_path)) == 2


# What is refused


def test_a_primary_of_another_time_is_refused_with_both_checksums(repository: Repository, tmp_path: Path) -> None:
    repository.write()
    path = repository.metadata_file("primary")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with upstream(str(repository.root), tmp_path / "cache") as mirror, pytest.raises(UpstreamError) as raised:
        mirror.read()
    assert f"repomd.xml says {path.name[:12]}" in str(raised.value)
    assert not list((tmp_path / "cache").glob("sha256-*"))


def test_a_file_longer_than_announced_is_given_up(repository: Repository, tmp_path: Path) -> None:
    repository.write()
    path = repository.metadata_file("primary")
    path.write_bytes(path.read_bytes() + b"x")
    with upstream(str(repository.root), tmp_path / "cache") as mirror, pytest.raises(UpstreamError, match="is longer than the"):
        mirror.read()


def test_an_error_page_in_place_of_repomd_is_refused(repository: Repository, tmp_path: Path) -> None:
    repository.write()
    (repository.root / "repodata/repomd.xml").write_text("<html><body>Please log in</body></html>")
    refused = pytest.raises(UpstreamError, match=r"is not a repomd\.xml but <html>")
    with upstream(str(repository.root), tmp_path / "cache") as mirror, refused:
        mirror.revision()


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
def test_a_decompression_bomb_stops_at_the_announced_size(suffix: str, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(PACK[suffix](bytes(64 << 20)))
    tracemalloc.start()
    with bomb.open("rb") as file, pytest.raises(UnpackingError, match="unpacks to more than the 1048576 bytes"):
        sum(map(len, unpacked(file, limit=1 << 20)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2"])
def test_a_file_cut_short_cannot_be_unpacked(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(PACK[suffix](bytes(range(256)) * 64)[:-9])
    with path.open("rb") as file, pytest.raises(UnpackingError, match="cannot be unpacked"):
        sum(map(len, unpacked(file, limit=1 << 20)))


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
def test_files_of_several_compressed_streams_are_read_whole(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "two"
    path.write_bytes(PACK[suffix](b"one") + PACK[suffix](b"two"))
    with path.open("rb") as file:
        assert b"".join(unpacked(file, limit=1 << 20)) == b"onetwo"


def test_zchunk_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "primary.xml.zck"
    path.write_bytes(b"\0ZCK1rest")
    with path.open("rb") as file, pytest.raises(UnpackingError, match="is zchunk"):
        next(unpacked(file, limit=1 << 20))


@pytest.mark.parametrize("kind", ["primary", "updateinfo"])
def test_entities_are_refused_before_anything_is_read(kind: str, repository: Repository, tmp_path: Path) -> None:
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    repository.files[kind] = f'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l0 "lol">{lol}]><lolz>&l9;</lolz>'.encode()
    assert "declares a document type" in refusal(repository, tmp_path)


def test_a_doctype_behind_a_long_comment_is_refused_too() -> None:
    chunks = (b"<!--" + b"x" * 10_000, b"-->", b"<!DOCTYPE a>", b"<a/>")
    with pytest.raises(UpstreamError, match="declares a document type"):
        open_document(chunks, "b", source="x")


def test_elements_nested_too_deep_are_refused() -> None:
    with pytest.raises(UpstreamError, match="nested more than 64 deep"):
        list(open_document((b"<a>" * 100_000,), "b", source="x")[1])


def test_an_element_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    chunks = (b"<a>", b"<b>", *(b"<c/>" * 4096 for _ in range(2000)))
    with pytest.raises(UpstreamError, match="one element has more than"):
        list(open_document(chunks, "b", source="x")[1])


@pytest.mark.parametrize("content", [b"", b"<metadata", b"<metadata><package></metadata>", b"\xff\xfe\xfd", b"{}"])
def test_what_is_not_xml_is_refused(content: bytes, repository: Repository, tmp_path: Path) -> None:
    repository.files["primary"] = content
    assert "primary" in refusal(repository, tmp_path)


@pytest.mark.parametrize("content", [b"a: \xff", b"? [a]\n: b", b"{", b"document: modulemd\ndata: {artifacts: {rpms: [bash]}}"])
def test_modules_that_are_no_modules_are_refused(content: bytes) -> None:
    with pytest.raises(UpstreamError, match=r"^modules: "):
        read_modules(content, source="modules")


@pytest.mark.parametrize("content", [b"[" * 200_000, b"{a: " * 200_000, b"- " * 200_000])
def test_modules_nested_too_deep_are_refused(content: bytes) -> None:
    with pytest.raises(UpstreamError, match="nested more than 64 deep"):
        read_modules(content, source="modules")


def test_metadata_that_lies_outside_the_repository_is_refused(repository: Repository, tmp_path: Path) -> None:
    repository.write()
    path = repository.root / "repodata/repomd.xml"
    path.write_text(path.read_text().replace('href="repodata/', 'href="repodata/%2e%2e/../'))
    with upstream(str(repository.root), tmp_path / "cache") as mirror, pytest.raises(UpstreamError, match="not a plain relative path"):
        mirror.read()


def test_a_repository_with_sqlite_alone_is_refused(repository: Repository, tmp_path: Path) -> None:
    repository.files = {"primary_db": b"SQLite format 3"}
    assert "no primary metadata" in refusal(repository, tmp_path)


# What becomes a finding


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (Item("a", location="../../etc/cron.d/x.rpm"), "not a plain relative path"),
        (Item("a", location="/etc/x.rpm"), "not a plain relative path"),
        (Item("a", location="%2e%2e/x.rpm"), "not a plain relative path"),
        (Item("a", location="a\\b.rpm"), "a backslash"),
        (Item("a", location="a%00b.rpm"), "a backslash"),
        (Item("a", location="x" * 300 + ".rpm"), "longer than a file name may be"),
        (Item("a", location="etc/passwd"), "is not an .rpm file"),
        (Item("a", base="http://elsewhere.example/"), "lies elsewhere, at 'http://elsewhere.example/'"),
        (Item("a", epoch="one"), "its epoch 'one' is not a number"),
        (Item("a", version=""), "has no name, version, release or architecture"),
        (Item("a", algorithm="crc32"), "unknown kind 'crc32'"),
        (Item("a", digest="abc"), "is not a sha256 checksum"),
        (Item("a", extra='<rpm:requires><rpm:entry name="b" flags="ABOUT" ver="1"/></rpm:requires>'), "no known comparison ('ABOUT')"),
    ],
)
def test_a_broken_package_is_a_finding_and_the_others_are_read(item: Item, said: str, repository: Repository, tmp_path: Path) -> None:
    repository.files["primary"] = primary_xml(item, Item("sound"))
    assert names(repository, tmp_path) == ["sound-1-1.noarch"]
    [finding] = findings(repository, tmp_path)
    assert said in finding


def test_a_primary_that_lists_fewer_packages_than_it_announces_is_a_finding(repository: Repository, tmp_path: Path) -> None:
    repository.files["primary"] = primary_xml(Item("a"), announced=2)
    assert "it announces 2 packages and lists 1" in findings(repository, tmp_path)[0]


# Real repositories


def repositories() -> list[Path]:
    return sorted(path.parent.parent for path in CORPUS.rglob("repodata/repomd.xml"))


def damaged(root: Path) -> bool:
    """repo_01's primary is not the one its repomd.xml names; repo_03 has none."""
    return root.name in ("repo_01", "repo_03")


class TestWithTheCorpus:
    pytestmark = needs_corpus

    @pytest.mark.parametrize("root", [root for root in repositories() if not damaged(root)], ids=lambda root: root.name)
    def test_every_real_repository_is_read_completely(self, root: Path, tmp_path: Path) -> None:
        with upstream(str(root), tmp_path / "cache", EVERY_ARCH) as mirror:
            catalogue = mirror.read()
            primary = mirror.metadata("primary") or b""
        installable_arches = rb"<arch>(?:noarch|x86_64|i.86|athlon|ppc64|ppc|s390x|s390|aarch64)</arch>"
        announced = re.search(rb"<metadata[^>]* packages=\"(\d+)\"", primary)
        assert announced
        assert int(announced[1]) == primary.count(b"</package>")
        assert len(catalogue.packages) == len(re.findall(installable_arches, primary))
        assert catalogue.findings == ()

    @pytest.mark.parametrize("root", [root for root in repositories() if damaged(root)], ids=lambda root: root.name)
    def test_a_damaged_real_repository_is_refused_in_one_line(self, root: Path, tmp_path: Path) -> None:
        with upstream(str(root), tmp_path / "cache") as mirror, pytest.raises(UpstreamError, match=r"\A.*-primary\.xml\.gz.*\Z"):
            mirror.read()

    def test_a_whole_distribution_is_read(self, tmp_path: Path) -> None:
        with upstream(str(CORPUS / "repodata/rhel6-server-x86_64-2012-12"), tmp_path / "cache") as mirror:
            catalogue = mirror.read()
            productid = mirror.metadata("productid")
        installed = (CORPUS / "pairs/rhel6-installed-at-2012-09-01.upgrades.tsv").read_text().split("\n")
        newest = {line.split("\t")[1] for line in installed if "\t" in line and not line.startswith("#")}
        offered = {f"{p.name}-{p.evr.epoch or 0}:{p.evr.version}-{p.evr.release}.{p.arch}" for p in catalogue.packages}
        assert (len(catalogue.packages), len(catalogue.advisories), catalogue.findings) == (3657, 1448, ())
        assert newest <= offered
        assert productid
        assert b"BEGIN CERTIFICATE" in productid

    @pytest.mark.parametrize("name", ["error_00", "multiple_warnings_00", "repo_01_ampersand", "unknown_element_00", "unknown_element_02"])
    def test_real_faults_cost_the_faulty_package_at_most(self, name: str, repository: Repository, tmp_path: Path) -> None:
        content = (CORPUS / f"repodata/createrepo_c-testdata/modified_repo_files/{name}-primary.xml").read_bytes()
        repository.files["primary"] = content
        broken = 1 if name == "error_00" else 0
        assert len(names(repository, tmp_path)) == content.count(b'<package type="rpm">') + content.count(b"<package>") - broken
        assert len(findings(repository, tmp_path)) == broken

    def test_modules_of_a_real_repository_are_all_seen(self) -> None:
        [path] = (CORPUS / "repodata/createrepo_c-testdata/repo_with_additional_metadata/repodata").glob("*-modules.yaml.gz")
        content = gzip.decompress(path.read_bytes())
        artifacts = set(re.findall(rb"^    - (\S+-\d+:\S+\.\w+)$", content, re.MULTILINE))
        assert len(read_modules(content, source="modules")) == len(artifacts)
