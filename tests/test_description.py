"""What metadata says of a package, held against the package's own header."""

import gzip
import hashlib
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorsync.model.package import Package
from mirrorsync.planning.description import departure
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import describe, paths
from mirrorsync.upstream.primary import read_primary
from tests.corpus import CORPUS, needs_corpus
from tests.plans import dependency, package

LIBC = tuple(f"libc.so.6({version})(64bit)" for version in ("", "GLIBC_2.9", "GLIBC_2.17", "GLIBC_PRIVATE"))
LEFT_OUT = ("rpmlib(CompressedFileNames) <= 3.0.4-1", "own", "/bin/own", *LIBC[:2], LIBC[3])
FOUND = package("bash-1-1.noarch", requires=[*LEFT_OUT, LIBC[2], "other"], provides=["own"], obsoletes=["old < 2-1"], files=["/bin/own"])


def said(described: Mapping[str, Iterable[str]], found: Package = FOUND) -> str:
    """What is wrong with a description like createrepo's, but for what is given."""
    told = {"requires": [LIBC[2], "other"], "provides": ["own"], "obsoletes": ["old < 2-1"], "files": ["/bin/own"], **described}
    of_them = package(
        "bash-1-1.noarch", requires=told["requires"], provides=told["provides"], obsoletes=told["obsoletes"], files=told["files"]
    )
    return departure(of_them, found, lambda: ["/bin/own", "/opt/own"])


def test_what_createrepo_leaves_out_is_no_departure() -> None:
    assert said({}) == ""
    assert said({"requires": [*LEFT_OUT, LIBC[2], "other"]}) == ""


@pytest.mark.parametrize(
    ("described", "line"),
    [
        ({"obsoletes": ["old < 2-1", "zip"]}, "its metadata says that it obsoletes zip, and its header does not"),
        ({"obsoletes": ["old < 3-1"]}, "its metadata says that it obsoletes old < 3-1, and its header does not"),
        ({"obsoletes": []}, "its header says that it obsoletes old < 2-1, and its metadata does not"),
        ({"provides": ["own", "more = 1"]}, "its metadata says that it provides more = 1, and its header does not"),
        ({"provides": []}, "its header says that it provides own, and its metadata does not"),
        ({"requires": [LIBC[2], "other", "evil"]}, "its metadata says that it requires evil, and its header does not"),
        ({"requires": [LIBC[2]]}, "its header says that it requires other, and its metadata does not"),
        ({"requires": [LIBC[1], "other"]}, f"its header says that it requires {LIBC[2]}, and its metadata does not"),
        ({"files": ["/bin/own", "/bin/sh"]}, "its metadata says that it has /bin/sh, and its header does not"),
    ],
)
def test_a_departure_names_what_differs_and_which_of_the_two_says_it(described: Mapping[str, Iterable[str]], line: str) -> None:
    assert said(described) == line


def test_an_epoch_of_none_is_one_of_zero() -> None:
    assert departure(package("a-0:1-1.noarch", requires=["b = 0:2-1"]), package("a-1-1.noarch", requires=["b = 2-1"]), tuple) == ""


def test_what_is_no_utf8_is_read_as_latin1_as_createrepo_reads_it() -> None:
    latin = replace(FOUND, provides=(*FOUND.provides, dependency("bal\udced")))
    assert said({"provides": ["own", "balí"]}, latin) == ""


def test_a_name_that_looks_like_a_comparison_is_none() -> None:
    disguised = replace(dependency("x"), name="old < 2-1")
    assert departure(replace(FOUND, obsoletes=(disguised,)), FOUND, tuple) != ""


class TestRealPackages:
    pytestmark = needs_corpus

    def test_no_real_package_departs_from_what_createrepo_says_of_it(self, tmp_path: Path) -> None:
        for number, file in enumerate(sorted(CORPUS.rglob("*.rpm"))):
            (tmp_path / f"{number}.rpm").symlink_to(file)
        subprocess.run(["createrepo_c", "-q", "--simple-md-filenames", "--general-compress-type=gz", str(tmp_path)], check=False)
        described = _primary(tmp_path / "repodata/primary.xml.gz")
        assert len(described) > 300
        assert [line for package in described if (line := _departure(package, tmp_path / package.location))] == []

    def test_no_real_package_departs_from_what_the_repositories_of_their_time_say_of_it(self) -> None:
        files = {sum_: file for file in CORPUS.rglob("*.rpm") for content in (file.read_bytes(),) for sum_ in _sums(content)}
        described = [package for path in (CORPUS / "repodata").rglob("*primary.xml.gz") for package in _primary(path)]
        present = [(package, files[package.digest.value]) for package in described if package.digest and package.digest.value in files]
        assert len(present) > 30
        assert [line for package, file in present if (line := _departure(package, file))] == []


def _sums(content: bytes) -> tuple[str, ...]:
    return hashlib.sha256(content).hexdigest(), hashlib.sha1(content).hexdigest()


def _primary(path: Path) -> tuple[Package, ...]:
    return read_primary([gzip.decompress(path.read_bytes())], source="x", wanted=lambda _: True, modules={}).packages


def _departure(described: Package, file: Path) -> str:
    headers = read_rpm(file)
    return departure(described, describe(headers, location=described.location, size=described.size), lambda: paths(headers))
