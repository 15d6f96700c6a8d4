"""The checksum of repomd.xml in a tree's .treeinfo: right in every generation, with all else in the file as it was."""

import hashlib
from pathlib import Path

import productmd.treeinfo
import pytest

from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.sites import INITRD, Site, add_boot_images, repodata_site

REPOMD = "repodata/repomd.xml"
TEXT = """[header]
type = productmd.treeinfo
version = 1.2

; by hand
[checksums]
images/pxeboot/initrd.img = sha256:{initrd}
repodata/repomd.xml = sha256:{repomd}

[general]
arch = x86_64
family = Rocky Linux
name = Rocky Linux 9.4
packagedir = Packages
platforms = x86_64
repository = .
timestamp = 1714680000
variant = BaseOS
version = 9.4
repodata/repomd.xml = sha256:0123

[release]
name = Rocky Linux
short = Rocky
version = 9.4

[tree]
arch = x86_64
build_timestamp = 1714680000
platforms = x86_64
variants = BaseOS

[variant-BaseOS]
id = BaseOS
name = BaseOS
packages = Packages
repository = .
type = variant
uid = BaseOS
"""


def digest(path: Path, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


def text_of(root: Path) -> str:
    return TEXT.format(initrd=hashlib.sha256(INITRD).hexdigest(), repomd=digest(root / REPOMD))


@pytest.fixture
def site(work: Path, rpm: Builder) -> Site:
    """A tree with a .treeinfo that is right, and a mirror with an update for it."""
    made = repodata_site(work / "master", [rpm("bash", "1")], [rpm("bash", "2")])
    add_boot_images(made.tree)
    (made.tree / ".treeinfo").write_text(text_of(made.tree))
    return made


def codes(program: Mirrorsync, *options: str) -> list[str]:
    """Of what is found but notes."""
    return [finding["code"] for finding in program("check", *options, "--json").findings if finding["severity"] != "note"]


def test_a_generation_has_the_sum_of_its_own_repomd_xml_and_all_else_as_it_was(site: Site) -> None:
    program, before = site.program(), text_of(site.tree)
    assert program("update").code == 0
    assert (site.tree / ".treeinfo").read_text() == text_of(site.tree) != before
    assert (site.home / "generations/1/.treeinfo").read_text() == before
    assert codes(program, "--deep") == []
    found = productmd.treeinfo.TreeInfo()
    found.load(str(site.tree / ".treeinfo"))
    assert found.checksums.checksums[REPOMD] == ("sha256", digest(site.tree / REPOMD))


def test_a_rollback_brings_it_back(site: Site) -> None:
    program, before = site.program(), text_of(site.tree)
    program("update")
    assert program("rollback", site.name, "1").code == 0
    assert (site.tree / ".treeinfo").read_text() == before
    assert codes(program) == []


def test_one_that_is_wrong_is_found_and_corrected_by_an_update_that_brings_nothing_else(site: Site) -> None:
    program = site.program()
    program("update")
    wrong = text_of(site.tree).replace(digest(site.tree / REPOMD), "0" * 64)
    (site.tree / ".treeinfo").unlink()
    (site.tree / ".treeinfo").write_text(wrong)
    assert "treeinfo-stale" in codes(program)
    assert program("update", "--adopt-changes").code == 0
    assert (site.tree / ".treeinfo").read_text() == text_of(site.tree)
    assert codes(program) == []
    assert program("update", "--json").tree["generation"] is None


@pytest.mark.parametrize("algorithm", ["md5", "sha", "sha1", "SHA256", "sha512"])
def test_of_every_algorithm(site: Site, algorithm: str) -> None:
    (site.tree / ".treeinfo").write_text(f"[checksums]\n{REPOMD}={algorithm}:00\r\n")
    site.program()("update")
    name = "sha1" if algorithm == "sha" else algorithm.lower()
    assert (site.tree / ".treeinfo").read_bytes() == f"[checksums]\n{REPOMD}={algorithm}:{digest(site.tree / REPOMD, name)}\r\n".encode()


@pytest.mark.parametrize(
    "text",
    [
        "[general]\nfamily = Fedora\n",
        "[checksums]\nimages/boot.iso = sha256:00\n",
        f"[checksums]\n{REPOMD} = sha256\n",
        f"[checksums]\n{REPOMD} = whirlpool9:00\n",
        f"[checksums]\n{REPOMD} = shake_128:00\n",
        f"[checksums]\n# {REPOMD} = sha256:00\n",
        f"[checksums]\nAppStream/{REPOMD} = sha256:00\n",
        f"[checksums]\n../../mirror/{REPOMD} = sha256:00\n",
        f"[checksums]\n/etc/{REPOMD} = sha256:00\n",
        f"[checksums-old]\n{REPOMD} = sha256:00\n",
        "",
        "\0\0\xff[checksums",
    ],
)
def test_what_says_nothing_of_a_repomd_xml_in_the_tree_is_carried_as_it_is(site: Site, text: str) -> None:
    program = site.program()
    (site.tree / ".treeinfo").write_bytes(text.encode("latin-1"))
    assert program("update", "--json").tree["generation"] == 2
    assert (site.tree / ".treeinfo").read_bytes() == text.encode("latin-1")
    assert "treeinfo-stale" not in codes(program)


def test_a_link_is_carried_as_a_link(site: Site) -> None:
    (site.tree / ".treeinfo").rename(site.tree / "treeinfo.made")
    (site.tree / ".treeinfo").symlink_to("treeinfo.made")
    assert site.program()("update").code == 0
    assert str((site.tree / ".treeinfo").readlink()) == "treeinfo.made"


def test_one_of_any_size_is_carried_unread(site: Site) -> None:
    with (site.tree / ".treeinfo").open("a") as file:
        file.truncate(1 << 30)
    assert site.program()("update", "--json").tree["generation"] == 2
    assert (site.tree / ".treeinfo").stat().st_size == 1 << 30
