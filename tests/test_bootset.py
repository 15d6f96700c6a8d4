"""The boot set of a tree, and whether its boot images belong together."""

import configparser
import hashlib
from pathlib import Path

import pytest

from fixtures.images import STAMP, add_boot_images, cpio_archive, cramfs_image, initrd, stamp_text
from mirrorsync.boot.bootset import belonging, read_boot_set
from mirrorsync.boot.treeinfo import parse_treeinfo
from mirrorsync.errors import BootError
from mirrorsync.model.finding import Severity
from tests.corpus import CORPUS, needs_corpus

BUILD = "200204181214"
OTHER = "200303131801"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    add_boot_images(tmp_path, BUILD)
    return tmp_path


def codes(root: Path, *, deep: bool = False) -> list[str]:
    return [f"{finding.code} {Path(finding.where).name}" for finding in belonging(root, deep=deep)]


def modern_tree(root: Path, *, sums: dict[str, str] | None = None) -> Path:
    """A tree with .treeinfo; `sums` replace what it says of a path."""
    initrd_content = cpio_archive({"init": b"x"})
    files = {"images/pxeboot/vmlinuz": b"kernel", "images/pxeboot/initrd.img": initrd_content, "images/Install.img": b"hsqs" + bytes(92)}
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    listed = {name: f"sha256:{hashlib.sha256(content).hexdigest()}" for name, content in files.items()} | (sums or {})
    lines = ["[general]", "family = Rocky Linux"]
    lines += ["[images-x86_64]", "kernel = images/pxeboot/vmlinuz", "initrd = images/pxeboot/initrd.img"]
    lines += ["[stage2]", "mainimage = images/Install.img", "[checksums]", *(f"{name} = {value}" for name, value in listed.items())]
    (root / ".treeinfo").write_text("\n".join(lines) + "\n")
    return root


def test_the_boot_set_is_kernel_and_initrd_of_pxeboot(tree: Path) -> None:
    boot_set = read_boot_set(tree)
    assert boot_set is not None
    assert (boot_set.kernel, boot_set.initrd) == (tree / "images/pxeboot/vmlinuz", tree / "images/pxeboot/initrd.img")


def test_a_tree_without_boot_images_has_no_boot_set(tmp_path: Path) -> None:
    assert read_boot_set(tmp_path) is None


@pytest.mark.parametrize("missing", ["vmlinuz", "initrd.img"])
def test_half_a_boot_set_is_an_error_that_names_the_missing_half(tree: Path, missing: str) -> None:
    (tree / "images/pxeboot" / missing).unlink()
    with pytest.raises(BootError, match=f"{missing}: is not there.*copy images/pxeboot"):
        read_boot_set(tree)


def test_images_of_one_build_belong_together(tree: Path) -> None:
    assert codes(tree, deep=True) == []


def test_a_stage_image_of_another_build_is_found(tree: Path) -> None:
    (tree / "RedHat/base/netstg1.img").write_bytes(cramfs_image({STAMP: stamp_text(OTHER)}))
    [finding] = belonging(tree)
    assert (finding.severity, finding.code) == (Severity.ERROR, "build-differs")
    assert finding.what == f"it is of build {OTHER}, and initrd.img is of build {BUILD}: nodes reboot when they meet it"


def test_an_initrd_of_another_build_is_found_beside_every_stage(tree: Path) -> None:
    (tree / "images/pxeboot/initrd.img").write_bytes(initrd(OTHER))
    assert codes(tree) == ["build-differs stage2.img", "build-differs netstg1.img", "build-differs hdstg1.img"]


def test_a_missing_stamp_is_a_warning(tree: Path) -> None:
    (tree / "images/pxeboot/initrd.img").write_bytes(cpio_archive({"init": b"x"}))
    [finding, *_] = belonging(tree)
    assert (finding.severity, finding.code) == (Severity.WARNING, "build-unknown")
    assert finding.what == f"it is of build {BUILD}, and initrd.img has no .buildstamp"


def test_a_stage_without_a_stamp_is_a_warning_too(tree: Path) -> None:
    (tree / "RedHat/base/hdstg1.img").write_bytes(cramfs_image({"README": b"x"}))
    [finding] = belonging(tree)
    assert finding.what == f"initrd.img is of build {BUILD}, and it has no .buildstamp"


def test_damaged_images_are_findings(tree: Path) -> None:
    (tree / "RedHat/base/stage2.img").write_bytes(b"404 Not Found")
    (tree / "images/pxeboot/initrd.img").write_bytes(b"\x1f\x8b rubbish")
    assert codes(tree) == ["image-damaged stage2.img", "image-damaged initrd.img"]


def test_only_a_deep_look_reads_a_stage_image_whole(tree: Path) -> None:
    stage = tree / "RedHat/base/stage2.img"
    content = bytearray(stage.read_bytes())
    content[-1] ^= 1
    stage.write_bytes(content)
    assert (codes(tree), codes(tree, deep=True)) == ([], ["image-damaged stage2.img"])


def test_a_modern_tree_as_released_belongs_together(tmp_path: Path) -> None:
    assert codes(modern_tree(tmp_path), deep=True) == []


def test_a_kernel_that_is_not_the_treeinfos_is_found(tmp_path: Path) -> None:
    modern_tree(tmp_path)
    (tmp_path / "images/pxeboot/vmlinuz").write_bytes(b"a kernel from an erratum")
    [finding] = belonging(tmp_path)
    assert (finding.severity, finding.code) == (Severity.ERROR, "image-differs")
    assert "sha256 is" in finding.what


def test_large_images_are_summed_only_by_a_deep_look(tmp_path: Path) -> None:
    modern_tree(tmp_path)
    (tmp_path / "images/Install.img").write_bytes(b"hsqs of another build")
    assert (codes(tmp_path), codes(tmp_path, deep=True)) == ([], ["image-differs Install.img"])


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha512"])
def test_sums_may_be_of_any_age(tmp_path: Path, algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"kernel", usedforsecurity=False).hexdigest()
    assert codes(modern_tree(tmp_path, sums={"images/pxeboot/vmlinuz": f"{algorithm}:{digest.upper()}"})) == []


def test_sha_without_a_number_is_sha1(tmp_path: Path) -> None:
    digest = hashlib.sha1(b"kernel", usedforsecurity=False).hexdigest()
    assert codes(modern_tree(tmp_path, sums={"images/pxeboot/vmlinuz": f"sha:{digest}"})) == []


def test_a_missing_stage_image_is_an_error(tmp_path: Path) -> None:
    modern_tree(tmp_path)
    (tmp_path / "images/Install.img").unlink()
    assert codes(tmp_path, deep=True) == ["image-missing Install.img"]


def test_images_nobody_boots_from_the_tree_may_be_missing(tmp_path: Path) -> None:
    assert codes(modern_tree(tmp_path, sums={"images/boot.iso": f"sha256:{'0' * 64}"}), deep=True) == []


def test_repodata_changes_with_every_update_and_is_not_held_against_the_treeinfo(tmp_path: Path) -> None:
    modern_tree(tmp_path, sums={"repodata/repomd.xml": f"sha256:{'0' * 64}"})
    (tmp_path / "repodata").mkdir()
    (tmp_path / "repodata/repomd.xml").write_text("<repomd/>")
    assert codes(tmp_path, deep=True) == []


def test_a_sum_of_a_path_outside_the_tree_is_not_followed(tmp_path: Path) -> None:
    modern_tree(tmp_path, sums={"../../etc/passwd": f"sha256:{'0' * 64}"})
    assert codes(tmp_path, deep=True) == ["image-unreadable passwd"]


@pytest.mark.parametrize("text", ["no sections", "[checksums]\nboot.iso = crc32:12\n", "[checksums]\nboot.iso = sha256:\n", "[open"])
def test_a_treeinfo_that_cannot_be_used_is_a_warning(tmp_path: Path, text: str) -> None:
    modern_tree(tmp_path)
    (tmp_path / ".treeinfo").write_text(text)
    assert codes(tmp_path) == ["treeinfo-unreadable .treeinfo"]


@pytest.mark.parametrize(
    "section",
    [
        "[variant-AppStream]\npackages = Packages\nrepository = ../../../AppStream/x86_64/os/\n",
        "[variant-AppStream]\npackages = AppStream/../../AppStream/Packages\n",
        "[addon-HighAvailability]\nrepository = /srv/HighAvailability\n",
        "[variant-Server]\nrepository = http://mirror.invalid/os\n",
        "[variant-Server]\nrepository = ..\n",
        "[images-xen]\nkernel = ../xen/vmlinuz\n",
    ],
    ids=["beside", "round about", "absolute", "address", "parent", "image"],
)
def test_what_a_treeinfo_names_outside_the_tree_is_told(tmp_path: Path, section: str) -> None:
    with (modern_tree(tmp_path) / ".treeinfo").open("a") as file:
        file.write("\n" + section)
    [finding] = belonging(tmp_path)
    assert (finding.severity, finding.code) == (Severity.NOTE, "treeinfo-outside")
    path = section.rpartition(" = ")[2].strip()
    assert finding.what == f"it names '{path}', outside the tree: nodes look there, and it is neither kept current nor looked at"


def test_images_outside_the_tree_are_among_no_others() -> None:
    info = parse_treeinfo("[images-x86_64]\nkernel = ../vmlinuz\ninitrd = initrd.img\n[stage2]\nmainimage = /install.img\n")
    assert (info.booted, info.stages, info.outside) == (("initrd.img",), (), ("../vmlinuz", "/install.img"))


def test_a_stage_outside_the_tree_is_told_and_not_looked_for(tmp_path: Path) -> None:
    text = (modern_tree(tmp_path) / ".treeinfo").read_text().replace("mainimage = images", "mainimage = ../images")
    (tmp_path / ".treeinfo").write_text(text)
    assert codes(tmp_path) == ["treeinfo-outside .treeinfo"]


def test_many_paths_outside_the_tree_are_one_finding(tmp_path: Path) -> None:
    with (modern_tree(tmp_path) / ".treeinfo").open("a") as file:
        file.writelines(f"\n[variant-{number}]\nrepository = ../{number}\n" for number in range(500))
    [finding] = belonging(tmp_path)
    assert finding.what.startswith("it names '../0' and 499 others, outside")


@pytest.mark.parametrize("path", [".", "", "./AppStream", "AppStream/../AppStream/Packages", "..AppStream"])
def test_variants_in_the_tree_are_no_fault(tmp_path: Path, path: str) -> None:
    with (modern_tree(tmp_path) / ".treeinfo").open("a") as file:
        file.write(f"\n[variant-AppStream]\npackages = {path}\nrepository = {path}\n")
    assert codes(tmp_path) == []


def test_a_treeinfo_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    (modern_tree(tmp_path) / ".treeinfo").write_bytes(b"# comment\n" * 110_000)
    [finding] = belonging(tmp_path)
    assert finding.code == "treeinfo-unreadable"
    assert finding.what == "it is no .treeinfo: it has more than 1048576 bytes"


TREEINFOS = CORPUS / "repodata/treeinfo"
UNREAD_BY_PRODUCTMD = {f"virt-manager/urldetect/{name}/.treeinfo" for name in ("generic", "opensuse/tumbleweed", "centos/sl7")}
_OLD, _ROOT_IMAGE, _LIVE = ("images/minstg2.img", "images/stage2.img"), ("images/install.img",), ("LiveOS/squashfs.img",)
EXPECTED: dict[str, tuple[int, int, tuple[str, ...]]] = {  # sums, kernels and initrds, stages
    "pulp_rpm/treeinfo-rhel5": (0, 4, _OLD),
    "pulp_rpm/treeinfo-rhel5-no-optional-keys": (0, 4, _OLD),
    "pulp_rpm/treeinfo-rhel5.ddd3799": (0, 4, _OLD),
    "pulp_rpm/repo_packages_in_subdirs/.treeinfo": (3, 0, ()),
    "pulp_rpm/test_dot_treeinfo/.treeinfo": (0, 4, _OLD),
    "pulp_rpm/test_treeinfo/treeinfo": (0, 4, _OLD),
    "virt-manager/fakemedia/fakerhel6tree/.treeinfo": (6, 2, _ROOT_IMAGE),
    "virt-manager/fakemedia/fakefedoratree/.treeinfo": (5, 2, _LIVE),
    "virt-manager/urldetect/rhel/7.6/.treeinfo": (5, 2, _LIVE),
    "virt-manager/urldetect/rhel/7.20/.treeinfo": (5, 2, _LIVE),
    "virt-manager/urldetect/generic/.treeinfo": (5, 2, _LIVE),
    "virt-manager/urldetect/opensuse/15.9/.treeinfo": (0, 2, ()),
    "virt-manager/urldetect/opensuse/tumbleweed/.treeinfo": (0, 2, ()),
    "virt-manager/urldetect/centos/6.10/.treeinfo": (0, 2, _ROOT_IMAGE),
    "virt-manager/urldetect/centos/sl7/.treeinfo": (6, 2, _LIVE),
    "virt-manager/urldetect/fedora/99/.treeinfo": (6, 2, _ROOT_IMAGE),
    "virt-manager/urldetect/fedora/30/.treeinfo": (6, 2, _ROOT_IMAGE),
    "virt-manager/urldetect/fedora/rawhide/.treeinfo": (6, 2, _ROOT_IMAGE),
    "productmd/treeinfo/multivariants_treeinfo": (0, 0, ()),
}


class TestCorpus:
    pytestmark = needs_corpus

    def test_every_recorded_treeinfo_is_read(self) -> None:
        folder = CORPUS / "repodata/treeinfo"
        files = [path for path in folder.rglob("*") if "treeinfo" in path.name and path.is_file()]
        files += [path for path in (folder / "productmd/treeinfo").iterdir() if path.is_file()]
        read = {path: parse_treeinfo(path.read_text(encoding="utf-8")) for path in files}
        assert len(read) >= 60
        fedora = read[folder / "productmd/treeinfo/fedora-12-Fedora.x86_64"]
        assert fedora.stages == ("images/install.img",)
        assert sorted(fedora.booted) == ["images/pxeboot/initrd.img", "images/pxeboot/vmlinuz"]
        assert {digest.algorithm for digest in fedora.sums.values()} == {"sha256"}

    def test_treeinfos_of_all_ages_say_what_they_say(self) -> None:
        read = {name: parse_treeinfo((TREEINFOS / name).read_text(encoding="utf-8")) for name in sorted(EXPECTED)}
        assert {name: (len(info.sums), len(info.booted), info.stages) for name, info in read.items()} == EXPECTED
        outside = {name: info.outside for name, info in read.items() if info.outside}
        assert outside == {"virt-manager/urldetect/centos/sl7/.treeinfo": ("../updates/fastbugs/", "../updates/security/")}

    @pytest.mark.parametrize("name", sorted(EXPECTED))
    def test_what_productmd_reads_is_read_the_same_here(self, name: str) -> None:
        productmd = pytest.importorskip("productmd.treeinfo", reason="productmd is not installed")
        info, other = parse_treeinfo((TREEINFOS / name).read_text(encoding="utf-8")), productmd.TreeInfo()
        if name in UNREAD_BY_PRODUCTMD:
            with pytest.raises((ValueError, configparser.Error)):
                other.load(str(TREEINFOS / name))
            return
        other.load(str(TREEINFOS / name))
        booted = {paths[key] for paths in other.images.images.values() for key in ("kernel", "initrd") if key in paths}
        sums = {path: tuple(sum_) for path, sum_ in other.checksums.checksums.items() if "repodata/" not in path}
        assert {path: (digest.algorithm, digest.value) for path, digest in info.sums.items()} == sums
        assert set(info.booted) == booted
        assert set(info.stages) == {path for path in (other.stage2.mainimage, other.stage2.instimage) if path}
