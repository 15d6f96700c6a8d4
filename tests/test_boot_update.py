"""A boot set that cannot be staged: what update, status and check say of it; the tree is kept current all the same."""

import gzip
from pathlib import Path

import pytest

from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.test_update import LISTING, copy, rhl_tree

INITRD = "images/pxeboot/initrd.img"


@pytest.fixture
def tree(tmp_path: Path, rpm: Builder) -> Path:
    """A tree at `tmp_path`/u1/redhat for which the mirror has one update."""
    copy([rpm("bash", "2")], tmp_path / "mirror")
    return rhl_tree(tmp_path, [rpm("bash", "1")])


def with_boot(folder: Path, tree: Path) -> Mirrorsync:
    """Configured to stage into `folder`/tftpboot, which is not made here."""
    return configured(folder, tree, f'url = "{folder.as_uri()}/mirror/"\n{LISTING}\n[trees.redhat.boot]\ndirectory = "{folder}/tftpboot"')


def without_boot(folder: Path, tree: Path) -> Mirrorsync:
    return configured(folder, tree, f'url = "{folder.as_uri()}/mirror/"\n{LISTING}')


def findings(result_tree: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {finding["code"]: finding["where"] for finding in result_tree["findings"]}


@pytest.fixture(params=["no boot directory", "no initrd", "no kernel", "boot directory is a file"])
def fault(request: pytest.FixtureRequest, tmp_path: Path, tree: Path) -> str:
    """What keeps the boot set from being staged."""
    if request.param == "boot directory is a file":
        (tmp_path / "tftpboot").write_text("")
    elif request.param != "no boot directory":
        (tmp_path / "tftpboot").mkdir()
        (tree / {"no initrd": INITRD, "no kernel": "images/pxeboot/vmlinuz"}[request.param]).unlink()
    return str(request.param)


@pytest.mark.usefixtures("fault")
def test_a_dry_run_plans_and_says_that_the_boot_set_could_not_be_staged(tmp_path: Path, tree: Path) -> None:
    mirrorsync = with_boot(tmp_path, tree)
    dry = mirrorsync("update", "--dry-run")
    assert (dry.code, dry.err) == (3, "")
    assert "bash-2-1.noarch" in dry.out
    assert "redhat: boot set could not be staged" in dry.out
    document = mirrorsync("update", "--dry-run", "--json").tree
    assert (document["boot"], document["exit_code"]) == ("could not be staged", 3)


@pytest.mark.usefixtures("fault")
def test_status_shows_that_the_boot_set_could_not_be_staged_beside_all_else(tmp_path: Path, tree: Path) -> None:
    status = with_boot(tmp_path, tree)("status")
    assert (status.code, status.err) == (0, "")
    assert "  never updated by mirrorsync\n  boot set: could not be staged\n" in status.out


@pytest.mark.usefixtures("fault")
def test_an_update_publishes_and_says_in_one_line_why_the_boot_set_is_not_staged(tmp_path: Path, tree: Path) -> None:
    updated = with_boot(tmp_path, tree)("update", "--json")
    assert (updated.code, updated.tree["generation"], updated.tree["boot"]) == (3, 2, "could not be staged")
    [finding] = [finding for finding in updated.tree["findings"] if finding["code"] == "boot-not-staged"]
    assert (finding["severity"], finding["where"]) == ("error", "redhat")
    assert finding["what"].startswith(f"{tmp_path}/")
    assert "; " in finding["what"]
    assert finding["remedy"] == "then run `mirrorsync update` again"


def test_once_the_fault_is_mended_the_next_run_stages_the_set(tmp_path: Path, tree: Path) -> None:
    mirrorsync = with_boot(tmp_path, tree)
    mirrorsync("update")
    (tmp_path / "tftpboot").mkdir()
    mended = mirrorsync("update", "--json")
    assert (mended.code, mended.tree["boot"], mended.tree["findings"]) == (0, "staged", [])
    assert (tmp_path / "tftpboot/linux.2").read_bytes() == gzip.compress(b"an initrd", mtime=0)
    assert "boot set: already staged" in mirrorsync("status").out


def test_where_nothing_is_staged_half_a_boot_set_is_no_fault_of_staging(tmp_path: Path, tree: Path) -> None:
    (tree / INITRD).unlink()
    mirrorsync = without_boot(tmp_path, tree)
    dry = mirrorsync("update", "--dry-run", "--json")
    assert (dry.code, dry.tree["boot"], dry.tree["findings"]) == (0, "no boot directory configured", [])
    updated = mirrorsync("update", "--json").tree
    assert (updated["generation"], updated["boot"]) == (2, "no boot directory configured")
    assert "boot-not-staged" not in findings(updated)
    status = mirrorsync("status")
    assert (status.code, "boot set: no boot directory configured" in status.out) == (0, True)


def test_check_finds_half_a_boot_set_once_whether_or_not_it_is_to_be_staged(tmp_path: Path, tree: Path) -> None:
    (tmp_path / "tftpboot").mkdir()
    without_boot(tmp_path, tree)("update")
    (tree / INITRD).unlink()
    for mirrorsync in (without_boot(tmp_path, tree), with_boot(tmp_path, tree)):
        checked = mirrorsync("check", "--json").tree
        assert (checked["exit_code"], findings(checked)) == (4, {"boot-set": "redhat", "changed-by-hand": f"{tree}/{INITRD}"})


def test_half_a_boot_set_does_not_hide_an_image_that_is_damaged(tmp_path: Path, tree: Path) -> None:
    (tree / "RedHat/base").mkdir()
    (tree / "RedHat/base/stage2.img").write_bytes(b"no image")
    without_boot(tmp_path, tree)("update")
    (tree / "images/pxeboot/vmlinuz").unlink()
    checked = without_boot(tmp_path, tree)("check", "--json").tree
    found = findings(checked)
    assert (found["boot-set"], found["image-damaged"]) == ("redhat", f"{tree}/RedHat/base/stage2.img")


def test_a_set_that_was_left_unstaged_is_staged_although_no_mirror_answers(tmp_path: Path, tree: Path) -> None:
    mirrorsync = with_boot(tmp_path, tree)
    mirrorsync("update")
    (tmp_path / "tftpboot").mkdir()
    (tmp_path / "mirror").rename(tmp_path / "elsewhere")
    assert mirrorsync("update").code == 1
    assert mirrorsync("status", "--json").tree["boot"] == "already staged"
