"""The administrator's boot program and menus: what they would have nodes load is there, or a check says which line leads nowhere."""

from pathlib import Path

import pytest

from mirrorsync.boot.loader import loader_faults


@pytest.fixture
def loader(tmp_path: Path) -> Path:
    """linux.0 with all that a node loads after it."""
    for name in ("linux.1", "linux.2", "ldlinux.c32", "menu.c32"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "pxelinux.cfg").mkdir()
    (tmp_path / "linux.0").write_bytes(b"PXELINUX 6.04 PXE 20200816")
    return tmp_path / "linux.0"


def found(loader: Path, menu: str, name: str = "default") -> list[tuple[str, str]]:
    (loader.parent / "pxelinux.cfg" / name).write_text(menu)
    return [(finding.code, finding.where.removeprefix(f"{loader.parent}/")) for finding in loader_faults(loader)]


@pytest.mark.parametrize(
    "menu",
    [
        "label a\n  kernel linux.1\n  append initrd=linux.2 ks=nfs:10.1.0.1:/u1/ks.cfg\n",
        "LABEL a\n\tLINUX linux.1\n\tINITRD linux.2\n",
        "kernel menu\n",
        "append quiet ks\nlocalboot 0\n",
        "# kernel Linux.1\n",
        "kernel /boot/vmlinuz\nappend initrd=../other/initrd.img\n",
        "kernel http://10.1.0.1/vmlinuz\nappend initrd=10.1.0.2::initrd.img\n",
        "append noinitrd=Linux.2\n",
        "kernel\n",
        "",
    ],
)
def test_a_menu_that_leads_to_what_is_there_or_elsewhere_has_nothing_wrong(loader: Path, menu: str) -> None:
    assert found(loader, menu) == []


@pytest.mark.parametrize(
    ("menu", "line"),
    [
        ("label a\n  kernel Linux.1\n", 2),
        ("label a\n  kernel linux.1\n  append quiet initrd=linux.3 ks\n", 3),
        ("append INITRD=linux.3\n", 1),
        ("initrd linux.2,updates.img\n", 1),
        ("linux images/vmlinuz\n", 1),
        ("kernel a\0b/../linux.1\nkernel vmlinuz\n", 2),
    ],
)
def test_a_line_that_leads_nowhere_is_told(loader: Path, menu: str, line: int) -> None:
    assert found(loader, menu) == [("boot-menu-leads-nowhere", f"pxelinux.cfg/default:{line}")]


def test_of_another_spelling_it_is_said_how_the_file_is_called(loader: Path) -> None:
    (loader.parent / "pxelinux.cfg/01-52-54-00-12-34-56").write_text("kernel Linux.1\n")
    [finding] = loader_faults(loader)
    assert finding.where == f"{loader.parent}/pxelinux.cfg/01-52-54-00-12-34-56:1"
    assert "names 'Linux.1', which is not in" in finding.what
    assert "where it is 'linux.1'" in finding.what


def test_without_what_it_loads_first_it_is_told(loader: Path) -> None:
    (loader.parent / "ldlinux.c32").unlink()
    assert found(loader, "") == [("boot-loader-missing", "ldlinux.c32")]


def test_before_syslinux_5_there_is_nothing_that_it_loads_first(loader: Path) -> None:
    loader.write_bytes(b"PXELINUX 2.10 2004-06-18")
    (loader.parent / "ldlinux.c32").unlink()
    assert found(loader, "") == []


def test_a_folder_without_that_boot_program_has_no_menus_of_its_own(loader: Path) -> None:
    loader.unlink()
    assert found(loader, "kernel Linux.1\n") == []


def test_a_menu_that_is_no_text_or_has_no_end_is_no_traceback(loader: Path) -> None:
    (loader.parent / "pxelinux.cfg/default").write_bytes(bytes(range(256)) * 100)
    assert list(loader_faults(loader)) == []
    with (loader.parent / "pxelinux.cfg/default").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger"):
        list(loader_faults(loader))
