"""The boot program under the TFTP root and its menus, which are the administrator's: whether what they load is there.

What PXELINUX reads: https://wiki.syslinux.org/wiki/index.php?title=Config (KERNEL, LINUX, INITRD, APPEND; keywords in either case).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from mirrorsync.files import read_plain
from mirrorsync.model.finding import Finding, Severity

_CORE = "ldlinux.c32"
_BANNER = re.compile(rb"PXELINUX (\d{1,3})\.")
_WITH_CORE = 5
_MOST_BYTES = 1 << 20
_MOST_MENUS = 1000
_COPY = "copy it from the same build of SYSLINUX (modules/bios), with mode 0644"
_NAMED = re.compile(r"\s*(?:kernel|linux|initrd)\s+(\S+)", re.IGNORECASE)
_APPENDED = re.compile(r"\s*append\s(?:.*\s)?initrd=(\S+)", re.IGNORECASE)
_ELSEWHERE = re.compile(r"/|.*::|.*://|\.\.?/")  # from the TFTP root, from another server
_TRIED = ("", ".cbt", ".0", ".bin", ".bs", ".com", ".c32")  # what PXELINUX puts after a kernel's name that is not there


def loader_faults(loader: Path) -> Iterator[Finding]:
    """What would stop a node between its boot program and its kernel; nothing where there is no such program.

    PXELINUX since SYSLINUX 5 loads ldlinux.c32 from its own folder before anything else; without it a node is silent.
    """
    if not loader.is_file():
        return
    if _needs_core(read_plain(loader, _MOST_BYTES)) and not (loader.parent / _CORE).is_file():
        what = f"is not there, and {loader.name} loads it first: nodes stop before they ask for a kernel"
        yield Finding(Severity.ERROR, "boot-loader-missing", str(loader.parent / _CORE), what, _COPY)
    for menu in _menus(loader.parent / "pxelinux.cfg"):
        yield from _menu_faults(menu, loader.parent)


def _needs_core(program: bytes) -> bool:
    """By the version in its banner, which is the one thing that can be read of it: the rest is compressed."""
    banner = _BANNER.search(program)
    return banner is not None and int(banner[1]) >= _WITH_CORE


def _menus(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())[:_MOST_MENUS] if folder.is_dir() else []


def _menu_faults(menu: Path, folder: Path) -> Iterator[Finding]:
    """Of what it names in the boot program's folder; not of what lies elsewhere, which another server may have."""
    for number, name in _names(read_plain(menu, _MOST_BYTES).decode(errors="replace")):
        if not any((folder / f"{name}{suffix}").is_file() for suffix in _TRIED):
            what = f"names {name!r:.200}, which is not in {folder}{_likeness(folder, name)}: nodes that read it do not boot"
            remedy = "correct the name there; TFTP servers know upper from lower case"
            yield Finding(Severity.ERROR, "boot-menu-leads-nowhere", f"{menu}:{number}", what, remedy)


def _names(menu: str) -> Iterator[tuple[int, str]]:
    """Each file that a line has nodes load, with the line's number."""
    for number, line in enumerate(menu.splitlines(), start=1):
        match = _NAMED.match(line) or _APPENDED.match(line)
        for name in match[1].split(",") if match else ():
            if name and "\0" not in name and not _ELSEWHERE.match(name):
                yield number, name


def _likeness(folder: Path, name: str) -> str:
    """What is there under almost that name."""
    place = (folder / name).parent
    alike = [path.name for path in place.iterdir() if path.name.casefold() == Path(name).name.casefold()] if place.is_dir() else []
    return f", where it is {alike[0]!r:.200}" if alike else ""
