"""Boot sets under names of their own, and menus that lead to them: renamed last, the former set kept for the grace."""

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path, PurePosixPath

import pytest

from mirrorsync.boot.bootset import BootSet
from mirrorsync.boot.menus import Entry, Group, Menu, menus
from mirrorsync.boot.versioned import Versioned
from mirrorsync.errors import BootError
from mirrorsync.files import write_file
from mirrorsync.model.outcome import BootChange
from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.sites import INITRD, Site, add_boot_images, repodata_site
from tests.test_documents import validate

GPU = Group("gpu", "inst.ks=http://10.1.0.1/gpu.cfg", macs=("52:54:00:ab:cd:ef",), networks=(IPv4Network("10.77.0.0/24"),))
MENUS = {
    Menu.PXELINUX: ["pxelinux.cfg/01-52-54-00-ab-cd-ef", "pxelinux.cfg/0A4D00", "pxelinux.cfg/default"],
    Menu.GRUB: ["grub.cfg-01-52-54-00-ab-cd-ef", "grub.cfg-0A4D00", "grub.cfg"],
    Menu.IPXE: ["boot-52-54-00-ab-cd-ef.ipxe", "boot.ipxe"],
}


@pytest.fixture
def boot_set(tmp_path: Path) -> BootSet:
    folder = tmp_path / "tree/images/pxeboot"
    folder.mkdir(parents=True)
    (folder / "vmlinuz").write_bytes(b"kernel 1")
    (folder / "initrd.img").write_bytes(b"initrd 1" * 1000)
    return BootSet(folder / "vmlinuz", folder / "initrd.img")


@pytest.fixture(params=list(Menu))
def staging(tmp_path: Path, request: pytest.FixtureRequest) -> Versioned:
    directory = tmp_path / "tftp"
    directory.mkdir()
    return Versioned(directory, request.param, "rocky9", "inst.repo=http://10.1.0.1/rocky9 console=ttyS0", (GPU,), timedelta(days=7))


def renew(boot_set: BootSet, text: bytes = b"initrd 2") -> None:
    write_file(boot_set.initrd, text)


def loaded(staging: Versioned) -> dict[str, set[bytes]]:
    """Each menu's kernel and initrd, as a boot program finds them: by what the menu says."""
    found = {}
    for name in MENUS[staging.kind]:
        text = (staging.directory / name).read_text()
        places = set(re.findall(r"mirrorsync-[0-9a-f]{16}/(?:vmlinuz|initrd\.img)", text))
        found[name] = {(staging.directory / place).read_bytes() for place in places}
    return found


def sets(staging: Versioned) -> list[Path]:
    return sorted(path for path in staging.directory.iterdir() if path.name.startswith("mirrorsync-"))


# --- what menus say ---------------------------------------------------------------------------------------------------------


def written(kind: Menu, *groups: Group) -> dict[str, str]:
    entry = Entry("rocky9", PurePosixPath("set/vmlinuz"), PurePosixPath("set/initrd.img"), "inst.text console=ttyS0")
    return dict(menus(kind, entry, groups))


def test_pxelinux_loads_both_and_is_told_which_card_it_came_by() -> None:
    lines = written(Menu.PXELINUX)["pxelinux.cfg/default"].splitlines()[1:]
    assert lines == [
        "default rocky9",
        "prompt 0",
        "label rocky9",
        "  kernel set/vmlinuz",
        "  append initrd=set/initrd.img inst.text console=ttyS0",
        "  ipappend 2",
    ]


def test_grub_loads_both_from_where_its_menu_lies() -> None:
    lines = written(Menu.GRUB)["grub.cfg"].splitlines()[1:]
    assert lines == [
        "set timeout=0",
        "menuentry 'rocky9' {",
        "  linux \"$prefix/set/vmlinuz\" 'inst.text' 'console=ttyS0'",
        '  initrd "$prefix/set/initrd.img"',
        "}",
    ]


def test_ipxe_loads_both_relative_to_its_script_and_looks_for_a_group_first() -> None:
    lines = written(Menu.IPXE, GPU)["boot.ipxe"].splitlines()
    assert (lines[0], lines[2]) == ("#!ipxe", "chain --autofree boot-${netX/mac:hexhyp}.ipxe ||")
    assert lines[3:] == ["kernel set/vmlinuz initrd=initrd.img inst.text console=ttyS0", "initrd set/initrd.img", "boot"]
    assert "chain" not in written(Menu.IPXE)["boot.ipxe"]


def test_grub_is_led_on_to_a_groups_menu_by_card_and_by_address() -> None:
    lines = written(Menu.GRUB, GPU)["grub.cfg"].splitlines()[2:8]
    assert lines == [
        "if [ \"$net_default_mac\" = '52:54:00:ab:cd:ef' ]; then",
        '  configfile "$prefix/grub.cfg-01-52-54-00-ab-cd-ef"',
        "fi",
        "if regexp '^(10)[.](77)[.](0)[.][0-9]+$' \"$net_default_ip\"; then",
        '  configfile "$prefix/grub.cfg-0A4D00"',
        "fi",
    ]
    assert "configfile" not in written(Menu.GRUB, GPU)["grub.cfg-0A4D00"]


@pytest.mark.parametrize("network", ["10.77.0.0/24", "10.0.0.0/8", "192.168.16.0/20", "10.1.0.7/32", "0.0.0.0/4", "172.16.0.0/12"])
def test_the_expression_for_a_network_is_that_of_its_addresses(network: str) -> None:
    wanted = IPv4Network(network)
    [test] = [line for line in written(Menu.GRUB, Group("x", "", networks=(wanted,)))["grub.cfg"].splitlines() if "regexp" in line]
    expression = re.compile(test.split("'")[1])
    first, last = int(wanted.network_address), int(wanted.broadcast_address)
    inside = {number for number in (first, first + 1, (first + last) // 2, last) if number <= last}
    outside = {first - 1, last + 1, first ^ 1 << 31} - {-1, 1 << 32}
    assert all(expression.match(str(IPv4Address(number))) for number in inside)
    assert not any(expression.match(str(IPv4Address(number))) for number in outside)


def test_the_narrower_network_comes_first() -> None:
    wide, narrow = (Group(name, "", networks=(IPv4Network(network),)) for name, network in (("a", "10.0.0.0/8"), ("b", "10.1.0.0/16")))
    text = written(Menu.GRUB, wide, narrow)["grub.cfg"]
    assert text.index("grub.cfg-0A01") < text.index('grub.cfg-0A"')


@pytest.mark.parametrize("kind", list(Menu))
def test_groups_have_menus_under_the_names_that_boot_programs_ask_for(kind: Menu) -> None:
    made = written(kind, GPU)
    assert list(made) == MENUS[kind]
    for name in MENUS[kind][:-1]:
        assert "inst.ks=http://10.1.0.1/gpu.cfg" in made[name]
        assert "inst.text" not in made[name]


@pytest.mark.parametrize(("network", "digits"), [("10.1.0.7/32", "0A010007"), ("10.0.0.0/8", "0A"), ("192.168.16.0/20", "C0A81")])
def test_networks_are_named_by_their_digits(network: str, digits: str) -> None:
    assert f"grub.cfg-{digits}" in written(Menu.GRUB, Group("x", "", networks=(IPv4Network(network),)))


@pytest.mark.skipif(shutil.which("grub-script-check") is None, reason="grub-script-check is not installed")
def test_grub_itself_finds_nothing_wrong_with_its_menu(tmp_path: Path) -> None:
    (tmp_path / "grub.cfg").write_text(written(Menu.GRUB, GPU)["grub.cfg"])
    subprocess.run(["grub-script-check", str(tmp_path / "grub.cfg")], check=True)


# --- staging ----------------------------------------------------------------------------------------------------------------


def test_a_set_is_staged_once_and_every_menu_leads_to_it(staging: Versioned, boot_set: BootSet) -> None:
    assert staging.plan(boot_set) is BootChange.WOULD_STAGE
    assert staging.stage(boot_set) is BootChange.STAGED
    assert staging.plan(boot_set) is BootChange.CURRENT
    pair = {boot_set.kernel.read_bytes(), boot_set.initrd.read_bytes()}
    assert loaded(staging) == dict.fromkeys(MENUS[staging.kind], pair)
    assert [finding.code for finding in staging.findings(boot_set)] == (["boot-loader-missing"] if staging.kind is Menu.PXELINUX else [])
    for path in staging.directory.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644)


def test_the_former_set_stays_for_the_grace_and_then_goes(staging: Versioned, boot_set: BootSet) -> None:
    staging.stage(boot_set)
    [first] = sets(staging)
    renew(boot_set)
    staging.stage(boot_set)
    assert (first / "initrd.img").read_bytes() == b"initrd 1" * 1000
    week = (first / "former").stat().st_mtime - timedelta(days=7, seconds=1).total_seconds()
    os.utime(first / "former", (week, week))
    renew(boot_set, b"initrd 3")
    staging.stage(boot_set)
    assert first not in sets(staging)
    assert len(sets(staging)) == 2


def test_what_was_the_former_set_can_be_the_present_one_again(staging: Versioned, boot_set: BootSet) -> None:
    staging.stage(boot_set)
    [first] = sets(staging)
    renew(boot_set)
    staging.stage(boot_set)
    renew(boot_set, b"initrd 1" * 1000)
    staging.stage(boot_set)
    assert staging.plan(boot_set) is BootChange.CURRENT
    assert not (first / "former").exists()
    assert all(b"initrd 1" * 1000 in pair for pair in loaded(staging).values())


def test_a_group_that_is_no_more_has_no_menu(staging: Versioned, boot_set: BootSet) -> None:
    staging.stage(boot_set)
    alone = replace(staging, groups=())
    assert alone.plan(boot_set) is BootChange.WOULD_STAGE
    alone.stage(boot_set)
    assert [name for name in MENUS[staging.kind] if (staging.directory / name).exists()] == MENUS[staging.kind][-1:]
    assert alone.plan(boot_set) is BootChange.CURRENT


@pytest.mark.parametrize("which", [0, -1])
def test_somebody_elses_menu_is_refused_before_anything_is_written(which: int, staging: Versioned, boot_set: BootSet) -> None:
    path = staging.directory / MENUS[staging.kind][which]
    path.parent.mkdir(exist_ok=True)
    path.write_text("default linux\nlabel linux\n  localboot 0\n")
    for attempt in (staging.plan, staging.stage):
        with pytest.raises(BootError, match=r"is somebody else's menu, and what it says would be lost; move it away, then run"):
            attempt(boot_set)
    assert sets(staging) == []
    assert path.read_text().startswith("default linux")


def test_other_menus_and_files_are_left_alone(staging: Versioned, boot_set: BootSet) -> None:
    kept = [staging.directory / name for name in ("grub.cfg-mine", "pxelinux.cfg/01-aa", "boot-mine.ipxe", "memtest", "mirrorsync-notes")]
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.write_text("somebody's")
    staging.stage(boot_set)
    replace(staging, groups=()).stage(boot_set)
    assert [path.read_text() for path in kept] == ["somebody's"] * 5


DAMAGES: dict[str, tuple[Callable[[Versioned, BootSet], object], str]] = {
    "truncated initrd": (lambda staging, _: os.truncate(sets(staging)[0] / "initrd.img", 100), "boot-file-differs"),
    "no kernel": (lambda staging, _: (sets(staging)[0] / "vmlinuz").unlink(), "boot-file-missing"),
    "closed kernel": (lambda staging, _: (sets(staging)[0] / "vmlinuz").chmod(0o600), "boot-file-closed"),
    "closed set": (lambda staging, _: sets(staging)[0].chmod(0o700), "boot-directory-closed"),
    "no menu": (lambda staging, _: (staging.directory / MENUS[staging.kind][-1]).unlink(), "boot-menu-missing"),
    "closed menu": (lambda staging, _: (staging.directory / MENUS[staging.kind][-1]).chmod(0o600), "boot-file-closed"),
    "edited menu": (lambda staging, _: edit(staging.directory / MENUS[staging.kind][-1]), "boot-menu-differs"),
    "other menu": (lambda staging, _: (staging.directory / MENUS[staging.kind][0]).write_text("else\n"), "boot-menu-differs"),
    "another build in the tree": (lambda _, boot_set: renew(boot_set), "boot-menu-differs"),
}


def edit(path: Path) -> None:
    path.write_text(path.read_text().replace("vmlinuz", "Vmlinuz"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_node_would_meet_is_told(damage: str, staging: Versioned, boot_set: BootSet) -> None:
    staging.stage(boot_set)
    damaging, code = DAMAGES[damage]
    damaging(staging, boot_set)
    assert code in [finding.code for finding in staging.findings(boot_set)]


def test_pxelinux_without_what_it_loads_first_is_told(boot_set: BootSet, tmp_path: Path) -> None:
    directory = tmp_path / "tftp"
    directory.mkdir()
    staging = Versioned(directory, Menu.PXELINUX, "rocky9", "", (), timedelta(days=7))
    staging.stage(boot_set)
    (directory / "pxelinux.0").write_bytes(b"PXELINUX 6.04 PXE 20200816")
    [finding] = staging.findings(boot_set)
    assert (finding.code, finding.where) == ("boot-loader-missing", f"{directory}/ldlinux.c32")
    (directory / "ldlinux.c32").write_bytes(b"x")
    assert staging.findings(boot_set) == ()


class Stopped(BaseException):
    """As a run that is killed."""


@contextmanager
def stopped_at(monkeypatch: pytest.MonkeyPatch, call: int) -> Iterator[None]:
    """The process ends at this change of the disk: before it, and nothing of it is done."""
    left = [call]

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*arguments: object, **options: object) -> object:
            if left[0] == 0:
                raise Stopped
            left[0] -= 1
            return change(*arguments, **options)

        return wrapper

    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "unlink", "mkdir", "open", "chmod", "fsync"):
            patch.setattr(os, name, counted(getattr(os, name)))
        yield


def test_whenever_it_is_stopped_menus_lead_to_whole_sets_and_the_next_run_completes_it(
    staging: Versioned, boot_set: BootSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging.stage(boot_set)
    old = {boot_set.kernel.read_bytes(), boot_set.initrd.read_bytes()}
    renew(boot_set)
    new = {boot_set.kernel.read_bytes(), b"initrd 2"}
    before = tmp_path / "before"
    shutil.copytree(staging.directory, before)
    for call in range(1000):
        shutil.rmtree(staging.directory)
        shutil.copytree(before, staging.directory)
        try:
            with stopped_at(monkeypatch, call):
                staging.stage(boot_set)
        except Stopped:
            assert all(pair in (old, new) for pair in loaded(staging).values()), call
            assert staging.stage(boot_set) is BootChange.STAGED
            assert staging.plan(boot_set) is BootChange.CURRENT
            assert loaded(staging) == dict.fromkeys(MENUS[staging.kind], new)
        else:
            break
    assert 20 < call < 999


# --- by the program ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path, rpm: Builder) -> Site:
    made = repodata_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])
    add_boot_images(made.tree)
    made.boot.mkdir()
    return made


def with_style(site: Site, style: str, more: str = "") -> Mirrorsync:
    program = site.program(boot=True, more='urls = ["http://127.0.0.1:9/rocky"]' if "{url}" in more else "")
    text = program.config.read_text()
    program.config.write_text(text.replace(f'directory = "{site.boot}"', f'directory = "{site.boot}"\nstyle = "{style}"\n{more}'))
    return program


@pytest.mark.parametrize("style", [kind.value for kind in Menu])
def test_an_update_and_a_rollback_stage_the_set_of_their_generation(style: str, site: Site) -> None:
    program = with_style(site, style, 'arguments = "inst.ks=http://10.1.0.1/{tree}-{group}.cfg"')
    updated = program("update", "--json")
    assert (updated.tree["boot"], program("status", "--json").tree["boot"]) == ("staged", "already staged")
    menu = site.boot / MENUS[Menu(style)][-1]
    first = menu.read_text()
    assert "inst.ks=http://10.1.0.1/rocky-default.cfg" in first
    write_file(site.tree / "images/pxeboot/initrd.img", INITRD + bytes(512))
    assert program("update", "--adopt-changes", "--json").tree["boot"] == "staged"
    assert menu.read_text() != first
    assert program("rollback", "rocky", "--json").tree["boot"] == "staged"
    assert menu.read_text() == first


@pytest.mark.parametrize(
    ("style", "more", "problem"),
    [
        ("undi", 'arguments = "quiet"', "boot.arguments: is for menus that mirrorsync writes"),
        ("grub", "arguments = 'a=\"b\"'", "boot.arguments: has '\"' in it, which boot programs take for something else"),
        ("grub", 'arguments = "{host}"', "boot.arguments: has '{' in it"),
        ("grub", '[[trees.rocky.boot.groups]]\nname = "a"\narguments = ""', "boot.groups[1].macs: is missing; write which nodes are meant"),
        ("grub", '[[trees.rocky.boot.groups]]\nname = "a"\narguments = ""\nmacs = ["x"]', "'x' is not the address of a network card"),
        ("grub", '[[trees.rocky.boot.groups]]\nname = "a"\narguments = ""\naddresses = ["10.1.0.0/22"]', "a multiple of 4"),
        ("ipxe", '[[trees.rocky.boot.groups]]\nname = "a"\narguments = ""\naddresses = ["10.1.0.7"]', "found by network card; write macs"),
        ("lilo", "", "boot.style: "),
    ],
)
def test_what_boot_programs_could_not_use_is_refused(style: str, more: str, problem: str, site: Site) -> None:
    refused = with_style(site, style, more)("config", "check")
    assert (refused.code, problem in refused.err) == (78, True), refused.err


def test_two_groups_that_want_one_node_are_refused(site: Site) -> None:
    groups = "\n".join(
        f'[[trees.rocky.boot.groups]]\nname = "{name}"\narguments = ""\nmacs = ["{mac}"]\naddresses = ["{address}"]'
        for name, mac, address in (("a", "52:54:00:00:00:01", "10.1.0.7"), ("b", "52-54-00-00-00-01", "10.1.0.7/32"))
    )
    refused = with_style(site, "grub", groups)("config", "check")
    assert refused.code == 78
    assert "boot.groups[2].macs: has '52-54-00-00-00-01', as a group before it" in refused.err
    assert "boot.groups[2].addresses: has '10.1.0.7/32', as a group before it" in refused.err


def test_a_url_that_is_not_said_is_asked_for(site: Site) -> None:
    program = site.program(boot=True)
    text = program.config.read_text()
    program.config.write_text(text.replace(f'"{site.boot}"', f'"{site.boot}"\nstyle = "grub"\narguments = "inst.repo={{url}}"'))
    refused = program("config", "check")
    assert (refused.code, "boot.arguments: has {url} in it, and the tree has no urls" in refused.err) == (78, True)


# --- mirrorsync boot --------------------------------------------------------------------------------------------------------


@pytest.fixture
def changed(site: Site) -> Mirrorsync:
    """The program, and a tree with a boot set of its own in each of its generations, 2 and 3."""
    program = with_style(site, "grub")
    assert program("update").code == 0
    write_file(site.tree / "images/pxeboot/initrd.img", INITRD + bytes(512))
    assert program("update", "--adopt-changes").code == 0
    return program


def test_status_says_whose_set_is_staged_and_what_nodes_ask_for(changed: Mirrorsync, site: Site) -> None:
    found = changed("boot", "status", "--json")
    validate(found.document)
    assert (found.code, found.tree["boot"], found.tree["staged"], found.tree["generation"]) == (0, "already staged", [3], 3)
    assert [name.rpartition("/")[2] for name in found.tree["names"]] == ["grub.cfg", "vmlinuz", "initrd.img"]
    assert "  staged is that of: generation 3" in changed("boot", "status").out.splitlines()
    (site.boot / "grub.cfg").unlink()
    found = changed("boot", "status", "--json")
    assert (found.code, found.tree["boot"], found.tree["staged"]) == (4, "would be staged", [])
    assert [finding["code"] for finding in found.tree["findings"]] == ["boot-menu-missing"]


def test_the_tree_s_set_is_staged_without_a_mirror(changed: Mirrorsync, site: Site) -> None:
    (site.boot / "grub.cfg").unlink()
    shutil.rmtree(site.mirror)
    assert changed("boot", "stage", "-n", "--json").tree["boot"] == "would be staged"
    assert not (site.boot / "grub.cfg").exists()
    assert changed("boot", "stage", "--json").tree["boot"] == "staged"
    assert changed("boot", "status").code == 0


def test_an_earlier_set_takes_its_place_until_the_next_update(changed: Mirrorsync) -> None:
    back = changed("boot", "rollback", "rocky", "--json")
    assert (back.code, back.tree["generation"], back.tree["boot"]) == (0, 2, "staged")
    assert changed("boot", "status", "--json").tree["staged"] == [1, 2]
    assert "leads to another boot set than the tree's" in changed("check").out
    assert changed("update", "--json").tree["boot"] == "staged"
    assert changed("boot", "status", "--json").tree["staged"] == [3]


@pytest.mark.parametrize(
    ("command", "code", "problem"),
    [
        ("boot rollback rocky 9", 2, "generation 9 is not kept; kept are 1, 2, 3"),
        ("boot stage elsewhere", 2, "no tree is called 'elsewhere'"),
    ],
)
def test_what_is_not_there_cannot_be_staged(command: str, code: int, problem: str, changed: Mirrorsync) -> None:
    refused = changed(*command.split())
    assert (refused.code, problem in refused.err) == (code, True), refused


def test_a_tree_without_a_boot_directory_is_told_where_to_write_one(site: Site) -> None:
    program = site.program()
    for command in ("boot status", "boot stage rocky", "boot rollback rocky"):
        refused = program(*command.split())
        assert "add [trees." in refused.err, refused
        assert refused.code == 2


def test_where_no_generation_has_another_set_there_is_no_way_back(site: Site) -> None:
    program = with_style(site, "grub")
    assert program("update").code == 0
    refused = program("boot", "rollback", "rocky")
    assert "no kept generation before the present has another boot set" in refused.err
