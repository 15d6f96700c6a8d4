"""A point release upstream: boot images of another build, which come with the packages as one generation, or not at all."""

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import productmd.treeinfo
import pytest

from fixtures.images import cpio_archive, kernel_image
from mirrorsync.model.generation import Generation
from mirrorsync.planning.images import images_of
from mirrorsync.tree.journal import read_record
from tests.commands import Mirrorsync, changes, configured
from tests.conftest import Builder
from tests.mailservers import certificate
from tests.servers import http_server
from tests.sites import REPODATA, repository

KERNEL, INITRD, STAGE, ISO = "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img", "images/install.img", "images/boot.iso"
FOLLOW = 'images = "follow"'
TREEINFO = """[header]
type = productmd.treeinfo
version = 1.2

[checksums]
{sums}
[general]
; what is written by hand stays
arch = x86_64
family = Rocky Linux
name = Rocky Linux {version}
packagedir = Packages
platforms = x86_64
repository = .
timestamp = {timestamp}
variant = BaseOS
version = {version}

[images-x86_64]
boot.iso = images/boot.iso
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[release]
name = Rocky Linux
short = Rocky
version = {version}

[stage2]
mainimage = images/install.img

[tree]
arch = x86_64
build_timestamp = {timestamp}
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


def kernel_and_initrd(release: str) -> dict[str, bytes]:
    members = {f"usr/lib/modules/{release}/kernel/net.ko.xz": b"a module"}
    return {KERNEL: kernel_image(release), INITRD: gzip.compress(cpio_archive(members), mtime=0)}


OLD = {**kernel_and_initrd("5.14.0-427"), STAGE: b"stage of 9.4"}
NEW = {**kernel_and_initrd("5.14.0-503"), STAGE: b"stage of 9.5"}
OLD_DAY, NEW_DAY = 1714680000, 1731801600  # 2024-05-02, 2024-11-17


def write_images(
    root: Path, images: Mapping[str, bytes], version: str, timestamp: int, *, algorithm: str = "sha256", more: str = ""
) -> None:
    """Images and the .treeinfo that has their sums, as a distributor has them. more: further lines of [checksums]."""
    for path, content in images.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    sums = [f"{path} = {algorithm}:{hashlib.new(algorithm, content).hexdigest()}\n" for path, content in sorted(images.items())]
    repomd = hashlib.sha256((root / "repodata/repomd.xml").read_bytes()).hexdigest()
    text = "".join([*sums, more, f"repodata/repomd.xml = sha256:{repomd}\n"])
    (root / ".treeinfo").write_text(TREEINFO.format(sums=text, version=version, timestamp=timestamp))


@dataclass(frozen=True, slots=True)
class Release:
    """A tree of 9.4 at `folder`/u1/rocky, and a mirror that has become 9.5."""

    folder: Path

    @property
    def tree(self) -> Path:
        return self.folder / "u1/rocky"

    @property
    def mirror(self) -> Path:
        return self.folder / "mirror"

    @property
    def boot(self) -> Path:
        return self.folder / "tftpboot"

    def program(self, images: str = FOLLOW, url: str = "", *, further: str = "") -> Mirrorsync:
        updates = f'url = "{url or self.mirror.as_uri()}/"\n{REPODATA}\n{images}\n{further}'
        boot = f'\n[trees.rocky.boot]\ndirectory = "{self.boot}"'
        self.boot.mkdir(exist_ok=True)
        return configured(self.folder, self.tree, updates + boot, layout="repodata")

    def has(self, images: Mapping[str, bytes], root: Path | None = None) -> bool:
        """Whether a tree has these images, and its .treeinfo says so, as productmd reads it."""
        root = root or self.tree
        info = productmd.treeinfo.TreeInfo()
        info.load(str(root / ".treeinfo"))
        sums = info.checksums.checksums
        same = all((root / path).read_bytes() == content for path, content in images.items())
        return same and all(sums[path][1] == digest(root / path, sums[path][0]) for path in (*images, "repodata/repomd.xml"))

    def staged(self, images: Mapping[str, bytes]) -> bool:
        """Whether nodes get these by TFTP."""
        return ((self.boot / "linux.1").read_bytes(), (self.boot / "linux.2").read_bytes()) == (images[KERNEL], images[INITRD])


def digest(path: Path, algorithm: str) -> str:
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


@pytest.fixture
def rocky(work: Path, rpm: Builder) -> Release:
    made = Release(work / "master")
    repository(made.tree, [rpm("bash", "1")])
    repository(made.mirror, [rpm("bash", "2")])
    write_images(made.tree, OLD, "9.4", OLD_DAY)
    write_images(made.mirror, NEW, "9.5", NEW_DAY)
    return made


def codes(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["code"] for finding in findings]


def test_packages_images_and_boot_set_of_a_point_release_are_one_generation(rocky: Release) -> None:
    program = rocky.program()
    done = program("update", "--json")
    assert (done.code, done.tree["generation"], changes(done)["incoming"]) == (0, 2, ["bash-2-1.noarch"])
    assert [image["path"] for image in done.tree["plan"]["images"]["files"]] == [STAGE, INITRD, KERNEL]
    assert rocky.has(NEW)
    assert rocky.staged(NEW)
    assert rocky.has(OLD, rocky.folder / "u1/.mirrorsync/rocky/generations/1")
    text = (rocky.tree / ".treeinfo").read_text()
    assert "; what is written by hand stays" in text
    assert (text.count("9.5"), text.count("9.4"), text.count(str(NEW_DAY))) == (3, 0, 2)
    assert codes(program("check", "--deep", "--json").findings) == []
    assert "boot images of Rocky Linux 9.5 of 2024-11-17" in program("history").out


def test_then_there_is_nothing_to_do_and_nothing_is_asked_for(rocky: Release) -> None:
    rocky.program()("update")
    again = rocky.program()("update", "--json")
    assert (again.code, again.tree["generation"], again.tree["plan"]["images"]) == (0, None, None)
    assert (rocky.folder / "state/trees/rocky/settled.json").is_file()


def test_images_alone_are_a_generation_too(rocky: Release) -> None:
    program = rocky.program('images = "ignore"')
    assert program("update").code == 0
    assert rocky.has(OLD)
    assert rocky.program()("update", "--json").tree["generation"] == 3
    assert rocky.has(NEW)
    assert rocky.staged(NEW)


def test_a_mirror_that_is_not_asked_for_images_is_not_asked_for_its_treeinfo(rocky: Release) -> None:
    with http_server(rocky.mirror) as server:
        for images, asked in (("", []), ('images = "ignore"', [])):
            rocky.program(images, server.url)("update")
            assert [request.path for request in server.requests if "treeinfo" in request.path] == asked


def test_noticing_says_which_build_it_is_and_takes_nothing(rocky: Release) -> None:
    done = rocky.program('images = "notice"')("update", "--json")
    assert codes(done.findings) == ["images-newer"]
    assert "has boot images of Rocky Linux 9.5 of 2024-11-17, which the tree has not" in done.findings[0]["what"]
    assert (done.tree["generation"], rocky.has(OLD), rocky.staged(OLD)) == (2, True, True)


def test_a_rollback_takes_images_and_boot_set_back_and_cron_does_not_undo_it(rocky: Release) -> None:
    program = rocky.program()
    program("update")
    assert program("rollback", "rocky").code == 0
    assert rocky.has(OLD)
    assert rocky.staged(OLD)
    held = program("update", "--json")
    assert (held.tree["generation"], codes(held.findings)) == (None, ["images-barred"])
    assert rocky.has(OLD)
    assert program("update", "--reapply", "--json").tree["generation"] == 4
    assert rocky.has(NEW)
    assert rocky.staged(NEW)


def test_a_rollback_of_the_rollback_lets_them_in_for_good(rocky: Release) -> None:
    program = rocky.program()
    for command in (("update",), ("rollback", "rocky"), ("rollback", "rocky", "2")):
        assert program(*command).code == 0
    assert rocky.has(NEW)
    assert (codes(program("update", "--json").findings), rocky.has(NEW)) == ([], True)


def test_a_boot_iso_comes_only_where_the_tree_has_one(rocky: Release) -> None:
    write_images(rocky.mirror, {**NEW, ISO: b"iso of 9.5"}, "9.5", NEW_DAY)
    assert rocky.program()("update").code == 0
    assert not (rocky.tree / ISO).exists()
    write_images(rocky.mirror, {**NEW, STAGE: b"stage of 9.6", ISO: b"iso of 9.6"}, "9.6", NEW_DAY + 1)
    (rocky.tree / ISO).write_bytes(b"iso of 9.5")
    assert rocky.program()("update", "--adopt-changes").code == 0
    assert (rocky.tree / ISO).read_bytes() == b"iso of 9.6"


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha512"])
def test_other_kinds_of_checksums_do_too(algorithm: str, rocky: Release) -> None:
    write_images(rocky.tree, OLD, "9.4", OLD_DAY, algorithm=algorithm)
    write_images(rocky.mirror, NEW, "9.5", NEW_DAY, algorithm=algorithm)
    program = rocky.program()
    assert program("update").code == 0
    assert rocky.has(NEW)
    assert program("update", "--json").tree["generation"] is None


def test_a_dry_run_shows_them_and_a_saved_plan_is_carried_out(rocky: Release) -> None:
    program, plan = rocky.program(), rocky.folder / "plan.json"
    shown = program("update", "--dry-run", "--save", str(plan))
    assert "3 boot images of Rocky Linux 9.5 of 2024-11-17" in shown.out
    assert "boot image  images/pxeboot/vmlinuz" in shown.out
    assert rocky.has(OLD)
    assert program("apply", str(plan)).code == 0
    assert rocky.has(NEW)


def test_a_saved_plan_does_not_hold_once_the_images_are_others(rocky: Release) -> None:
    program, plan = rocky.program(), rocky.folder / "plan.json"
    program("update", "--dry-run", "--save", str(plan))
    write_images(rocky.mirror, {**NEW, STAGE: b"stage of 9.6"}, "9.6", NEW_DAY + 1)
    refused = program("apply", str(plan))
    assert (refused.code, "now also: boot images of Rocky Linux 9.6" in refused.err) == (1, True)
    assert rocky.has(OLD)


def test_an_update_that_a_filter_limits_leaves_them(rocky: Release) -> None:
    assert rocky.program()("update", "--package", "bash", "--json").tree["plan"]["images"] is None
    assert rocky.has(OLD)


# --- over TLS, and what a mirror can do -------------------------------------------------------------------------------------


@pytest.fixture
def tls(rocky: Release, tmp_path: Path) -> Iterator[tuple[Any, Mirrorsync]]:
    """The mirror over https, and the program that trusts it."""
    made = certificate(tmp_path)
    with http_server(rocky.mirror, made) as server:
        yield server, rocky.program(url=server.url, further=f'ca = "{made[0]}"')


def test_over_https_what_was_cut_off_is_gone_on_from(rocky: Release, tls: tuple[Any, Mirrorsync], rpm: Builder) -> None:
    server, program = tls
    stage = os.urandom(3_000_000)
    write_images(rocky.mirror, {**NEW, STAGE: stage}, "9.5", NEW_DAY)
    server.behaviour.cuts[f"/{STAGE}"] = [2_000_000, 1_000_000]  # of the look at its size, and of the transfer
    assert program("update").code == 0
    assert (rocky.tree / STAGE).read_bytes() == stage
    assert any(request.headers.get("Range") for request in server.asked(f"/{STAGE}"))


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_over_a_way_on_which_they_can_be_exchanged_they_are_refused_before_anything_is_asked(scheme: str, rocky: Release) -> None:
    refused = rocky.program(url=f"{scheme}://127.0.0.1:1")("config", "check")
    what = "would take boot images over a way on which anybody can exchange them: nothing signs them; name the mirror by https"
    assert (refused.code, what in refused.err) == (78, True)


def test_a_list_that_names_only_such_ways_gives_packages_and_no_images(rocky: Release) -> None:
    with http_server(rocky.mirror) as server:
        mirrors = rocky.folder / "mirrorlist"
        mirrors.write_text(f"{server.url}/\n")
        program = rocky.program()
        text = program.config.read_text().replace(f'url = "{rocky.mirror.as_uri()}/"', f'mirrorlist = "{mirrors.as_uri()}"')
        program.config.write_text(text)
        done = program("update", "--json")
        assert not any("treeinfo" in request.path for request in server.requests)
    assert (codes(done.findings), done.tree["generation"]) == (["images-unknown"], 2)
    assert "are taken by https or from a disk only" in done.findings[0]["what"]
    assert rocky.has(OLD)


def test_an_image_that_is_another_than_announced_takes_all_of_them_out_and_no_package(rocky: Release) -> None:
    (rocky.mirror / STAGE).write_bytes(b"stage of somebody else")
    done = rocky.program()("update", "--json")
    assert (done.code, done.tree["generation"], changes(done)["incoming"]) == (3, 2, ["bash-2-1.noarch"])
    assert "images/install.img: is not the file that .treeinfo has the sha256 of" in done.tree["failed"][0]["reason"]
    assert rocky.has(OLD)
    assert rocky.staged(OLD)
    write_images(rocky.mirror, NEW, "9.5", NEW_DAY)
    assert rocky.program()("update").code == 0
    assert rocky.has(NEW)


def test_images_of_two_builds_are_never_published(rocky: Release) -> None:
    """A kernel that its initrd has no modules for, with sums that hold."""
    write_images(rocky.mirror, {**NEW, KERNEL: kernel_image("5.14.0-999")}, "9.5", NEW_DAY)
    refused = rocky.program()("update")
    assert (
        refused.code,
        "the mirror's boot images do not belong together: images/pxeboot/vmlinuz: it is of kernel 5.14.0-999" in refused.err,
    ) == (1, True)
    assert rocky.has(OLD)
    assert not (rocky.boot / "linux.1").exists() or rocky.staged(OLD)


OTHER = f"[checksums]\nimages/pxeboot/other.img = sha256:{'0' * 64}\n"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (f"{KERNEL} = sha256", "has no checksum of 'images/pxeboot/vmlinuz'"),
        (f"{STAGE} = sha256", "has no checksum of 'images/install.img'"),
        ("mainimage = images/install.img", "names 'Packages/bash-2-1.noarch.rpm', which lies where no images do"),
        ("kernel = images/pxeboot/vmlinuz", "names 'images/../Packages/x.rpm', which lies where no images do"),
        ("initrd = images/pxeboot/initrd.img", "names 'images/pxeboot/other.img', and the tree's own does not"),
        (f"timestamp = {NEW_DAY}", "is of Rocky Linux 9.5 of 2065-01-24, which is still to come"),
        ("timestamp = soon", "does not say when it was built"),
        ("timestamp = nan", "does not say when it was built"),
        ("timestamp = 1e999", "does not say when it was built"),
    ],
)
def test_a_treeinfo_that_cannot_be_followed_says_why(change: str, reason: str, rocky: Release) -> None:
    spoilt = {
        f"{KERNEL} = sha256": ("images/pxeboot/vmlinux = sha256", ()),
        f"{STAGE} = sha256": ("images/other.img = sha256", ()),
        "mainimage = images/install.img": ("mainimage = Packages/bash-2-1.noarch.rpm", ()),
        "kernel = images/pxeboot/vmlinuz": ("kernel = images/../Packages/x.rpm", ()),
        "initrd = images/pxeboot/initrd.img": (
            "initrd = images/pxeboot/other.img",
            ("[checksums]\n", OTHER),
        ),
        f"timestamp = {NEW_DAY}": ("timestamp = 3000000000", ()),
    }
    path = rocky.mirror / ".treeinfo"
    text = path.read_text()
    if change not in spoilt:
        text = text.replace(f"timestamp = {NEW_DAY}", change)
    else:
        new, further = spoilt[change]
        assert change in text
        text = text.replace(change, new)
        text = text.replace(*further) if further else text
    path.write_text(text)
    done = rocky.program()("update", "--json")
    assert (codes(done.findings), done.tree["generation"]) == (["images-refused"], 2)
    assert reason in done.findings[0]["what"]
    assert rocky.has(OLD)


def test_an_older_build_is_only_noted(rocky: Release) -> None:
    """A tree copied from newer discs than a mirror has; or a mirror that plays an old build, with its known holes, again."""
    write_images(rocky.mirror, NEW, "9.3", OLD_DAY - 86400)
    done = rocky.program()("update", "--json")
    assert (codes(done.findings), done.tree["generation"]) == (["images-older"], 2)
    assert "has boot images of Rocky Linux 9.3 of 2024-05-01, which is older than the tree's (Rocky Linux 9.4" in done.findings[0]["what"]
    assert rocky.has(OLD)


def test_a_value_of_several_lines_does_not_get_into_the_trees_treeinfo(rocky: Release) -> None:
    path = rocky.mirror / ".treeinfo"
    path.write_text(path.read_text().replace("name = Rocky Linux 9.5\n", "name = Rocky\n  [stage2]\n  mainimage = evil\n"))
    assert rocky.program()("update").code == 0
    assert rocky.has(NEW)
    assert "evil" not in (rocky.tree / ".treeinfo").read_text()


@pytest.mark.parametrize(
    "path",
    [
        "Packages/bash-1-1.noarch.rpm",
        "RPM-GPG-KEY",
        "repodata/primary.xml.gz",
        "images/../RPM-GPG-KEY",
        "./images/x",
        "/etc/shadow",
        "../x",
    ],
)
def test_no_sum_lets_anything_but_images_in(path: str, rocky: Release) -> None:
    """Packages are signed, and key files prove who signed them: neither comes by a file that nobody signs."""
    (rocky.tree / "RPM-GPG-KEY").write_text("the distributor's")
    before = {each: (rocky.tree / each).read_bytes() for each in ("RPM-GPG-KEY", "Packages/bash-1-1.noarch.rpm")}
    write_images(rocky.mirror, NEW, "9.5", NEW_DAY, more=f"{path} = sha256:{hashlib.sha256(b'evil').hexdigest()}\n")
    (rocky.mirror / "RPM-GPG-KEY").write_bytes(b"evil")
    (rocky.mirror / "Packages/bash-1-1.noarch.rpm").write_bytes(b"evil")
    done = rocky.program()("update", "--json")
    assert (done.code, {image["path"] for image in done.tree["plan"]["images"]["files"]}) == (0, {KERNEL, INITRD, STAGE})
    assert {each: (rocky.tree / each).read_bytes() for each in before} == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "it has no .treeinfo"),
        (b"[" * 5000, "it is no .treeinfo"),
        (b"\xff\xfe", "codec can't decode"),
        (b"x" * (2 << 20), "more than 1048576 bytes"),
        (b"[checksums]\nimages/install.img = nothing\n", "its checksum of images/install.img is none"),
    ],
)
def test_one_that_cannot_be_read_keeps_no_package_out(content: bytes | None, reason: str, rocky: Release) -> None:
    path = rocky.mirror / ".treeinfo"
    path.unlink() if content is None else path.write_bytes(content)
    done = rocky.program()("update", "--json")
    assert (codes(done.findings), done.tree["generation"], reason in done.findings[0]["what"]) == (["images-unknown"], 2, True)
    assert rocky.has(OLD)


def test_a_tree_without_one_takes_none(rocky: Release) -> None:
    (rocky.tree / ".treeinfo").unlink()
    done = rocky.program()("update", "--json")
    assert (codes(done.findings), "the tree has none of its own" in done.findings[0]["what"]) == (["images-refused"], True)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ('images = "maybe"', "images"),
        (f'{FOLLOW}\n[[trees.rocky.updates]]\nurl = "https://m/"\n{REPODATA}\nimages = "notice"', "is asked of a mirror before it"),
        (FOLLOW, "is for repodata with a .treeinfo beside it; remove it"),
    ],
)
def test_what_does_not_go_together_is_told(more: str, problem: str, rocky: Release) -> None:
    program = rocky.program(more)
    if more == FOLLOW:
        program.config.write_text(program.config.read_text().replace('kind = "repodata"', 'kind = "listing"'))
    refused = program("config", "check")
    assert (refused.code, problem in refused.err) == (78, True), refused.err


def test_on_a_disc_with_two_repositories_the_images_lie_at_its_root(work: Path, rpm: Builder) -> None:
    made = Release(work / "master")
    for name in ("BaseOS", "AppStream"):
        repository(made.tree / name, [rpm(name.lower(), "1")])
        repository(made.mirror / name, [rpm(name.lower(), "2")])
    (made.tree / "repodata").mkdir()
    (made.tree / "repodata/repomd.xml").write_text("")
    write_images(made.tree, OLD, "9.4", OLD_DAY)
    shutil.rmtree(made.tree / "repodata")
    own = (made.tree / ".treeinfo").read_text().partition("repodata/repomd.xml = ")
    (made.tree / ".treeinfo").write_text(own[0] + own[2].partition("\n")[2])
    write_images(made.mirror / "BaseOS", NEW, "9.5", NEW_DAY)
    tables = [f'url = "{(made.mirror / name).as_uri()}/"\n{REPODATA}\nrepository = "{name}"' for name in ("BaseOS", "AppStream")]
    updates = f"{tables[0]}\n{FOLLOW}\n[[trees.rocky.updates]]\n{tables[1]}"
    program = configured(made.folder, made.tree, updates, layout="repodata", more='repositories = ["BaseOS", "AppStream"]')
    done = program("update", "--json")
    assert (done.code, changes(done)["incoming"]) == (0, ["appstream-2-1.noarch", "baseos-2-1.noarch"])
    assert all((made.tree / path).read_bytes() == content for path, content in NEW.items())
    assert codes(program("check", "--deep", "--json").findings) == []


# --- which images a generation has, through rollbacks ------------------------------------------------------------------------


def test_of_which_images_a_generation_is() -> None:
    made = {1: "", 2: "a", 3: "", 4: "b"}
    records = {number: generation(number, images) for number, images in made.items()}
    records |= {5: generation(5, "", back_to=3), 6: generation(6, ""), 7: generation(7, "", back_to=1), 8: generation(8, "", back_to=8)}
    assert [images_of(records, number) for number in range(9)] == ["", "", "a", "a", "b", "a", "a", "", ""]


def generation(number: int, images: str, back_to: int | None = None) -> Generation:
    return Generation(number, datetime(2026, 1, 1, tzinfo=UTC), "update", images=images, back_to=back_to)


def test_a_record_of_an_earlier_version_has_none(rocky: Release) -> None:
    rocky.program()("update")
    document = json.loads((rocky.folder / "u1/.mirrorsync/rocky/journal/2.json").read_text())
    assert document["images"].startswith("images images/install.img sha256:")
    journal = rocky.folder / "u1/.mirrorsync/rocky/journal"
    del document["images"]
    (journal / "2.json").write_text(json.dumps(document))
    assert read_record(journal, 2).images == ""
