"""A boot set that cannot be staged: what update, status and check say of it; the tree is kept current all the same."""

from pathlib import Path

import pytest

from fixtures.images import cpio_archive, kernel_image
from tests.sites import INITRD as INITRD_CONTENT
from tests.sites import Site

INITRD = "images/pxeboot/initrd.img"


def findings(result_tree: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {finding["code"]: finding["where"] for finding in result_tree["findings"] if finding["code"] != "not-signed"}


@pytest.fixture(params=["no boot directory", "no initrd", "no kernel", "boot directory is a file"])
def fault(request: pytest.FixtureRequest, redhat: Site, tree: Path) -> str:
    """What keeps the boot set from being staged."""
    if request.param == "boot directory is a file":
        redhat.boot.write_text("")
    elif request.param != "no boot directory":
        redhat.boot.mkdir()
        (tree / {"no initrd": INITRD, "no kernel": "images/pxeboot/vmlinuz"}[request.param]).unlink()
    return str(request.param)


@pytest.mark.usefixtures("fault")
def test_a_dry_run_plans_and_says_that_the_boot_set_could_not_be_staged(redhat: Site) -> None:
    mirrorsync = redhat.program(boot=True)
    dry = mirrorsync("update", "--dry-run")
    assert (dry.code, dry.err) == (3, "")
    assert "bash-2-1.noarch" in dry.out
    assert "redhat: boot set could not be staged" in dry.out
    document = mirrorsync("update", "--dry-run", "--json").tree
    assert (document["boot"], document["exit_code"]) == ("could not be staged", 3)


@pytest.mark.usefixtures("fault")
def test_status_shows_that_the_boot_set_could_not_be_staged_beside_all_else(redhat: Site) -> None:
    status = redhat.program(boot=True)("status")
    assert (status.code, status.err) == (0, "")
    assert "  never updated by mirrorsync\n  boot set: could not be staged\n" in status.out


@pytest.mark.usefixtures("fault")
def test_an_update_publishes_and_says_in_one_line_why_the_boot_set_is_not_staged(redhat: Site, tmp_path: Path) -> None:
    updated = redhat.program(boot=True)("update", "--json")
    assert (updated.code, updated.tree["generation"], updated.tree["boot"]) == (3, 2, "could not be staged")
    [finding] = [finding for finding in updated.tree["findings"] if finding["code"] == "boot-not-staged"]
    assert (finding["severity"], finding["where"]) == ("error", "redhat")
    assert finding["what"].startswith(f"{tmp_path}/")
    assert "; " in finding["what"]
    assert finding["remedy"] == "then run `mirrorsync update` again"


def test_once_the_fault_is_mended_the_next_run_stages_the_set(redhat: Site) -> None:
    mirrorsync = redhat.program(boot=True)
    mirrorsync("update")
    redhat.boot.mkdir()
    mended = mirrorsync("update", "--json")
    assert (mended.code, mended.tree["boot"], mended.findings) == (0, "staged", [])
    assert (redhat.boot / "linux.2").read_bytes() == INITRD_CONTENT
    assert "boot set: already staged" in mirrorsync("status").out


def test_where_nothing_is_staged_half_a_boot_set_is_no_fault_of_staging(redhat: Site, tree: Path) -> None:
    (tree / INITRD).unlink()
    mirrorsync = redhat.program()
    dry = mirrorsync("update", "--dry-run", "--json")
    assert (dry.code, dry.tree["boot"], dry.findings) == (0, "no boot directory configured", [])
    updated = mirrorsync("update", "--json").tree
    assert (updated["generation"], updated["boot"]) == (2, "no boot directory configured")
    assert "boot-not-staged" not in findings(updated)
    status = mirrorsync("status")
    assert (status.code, "boot set: no boot directory configured" in status.out) == (0, True)


def test_check_finds_half_a_boot_set_once_whether_or_not_it_is_to_be_staged(redhat: Site, tree: Path) -> None:
    redhat.boot.mkdir()
    redhat.program()("update")
    (tree / INITRD).unlink()
    for mirrorsync in (redhat.program(), redhat.program(boot=True)):
        checked = mirrorsync("check", "--json").tree
        assert (checked["exit_code"], findings(checked)) == (4, {"boot-set": "redhat", "changed-by-hand": f"{tree}/{INITRD}"})


def test_half_a_boot_set_does_not_hide_an_image_that_is_damaged(redhat: Site, tree: Path) -> None:
    (tree / "RedHat/base").mkdir()
    (tree / "RedHat/base/stage2.img").write_bytes(b"no image")
    redhat.program()("update")
    (tree / "images/pxeboot/vmlinuz").unlink()
    checked = redhat.program()("check", "--json").tree
    found = findings(checked)
    assert (found["boot-set"], found["image-damaged"]) == ("redhat", f"{tree}/RedHat/base/stage2.img")


def test_a_set_that_was_left_unstaged_is_staged_although_no_mirror_answers(redhat: Site, tmp_path: Path) -> None:
    mirrorsync = redhat.program(boot=True)
    mirrorsync("update")
    redhat.boot.mkdir()
    redhat.mirror.rename(tmp_path / "elsewhere")
    assert mirrorsync("update").code == 1
    assert mirrorsync("status", "--json").tree["boot"] == "already staged"


def test_only_a_deep_check_finds_a_kernel_whose_modules_a_modern_initrd_has_not(redhat: Site, tree: Path) -> None:
    (tree / "images/pxeboot/vmlinuz").write_bytes(kernel_image("5.14.0-427.el9.x86_64"))
    (tree / INITRD).write_bytes(cpio_archive({"usr/lib/modules/5.14.0-362.el9.x86_64/kernel/drivers/net/tun.ko.xz": b"x"}))
    mirrorsync = redhat.program()
    assert "kernel-differs" not in findings(mirrorsync("update", "--json").tree)
    assert mirrorsync("check").code == 0
    deep = mirrorsync("check", "--deep")
    assert (deep.code, deep.err) == (4, "")
    told = "it is of kernel 5.14.0-427.el9.x86_64, and initrd.img has modules of 5.14.0-362.el9.x86_64"
    assert f"error: {tree}/images/pxeboot/vmlinuz: {told}: nodes find no network card or disk" in deep.out
