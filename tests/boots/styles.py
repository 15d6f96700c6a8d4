"""What an administrator has under the TFTP root for each way to boot: the boot programs of Debian's packages, and DHCP's word for them."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.boots.machine import Firmware
from tests.boots.services import Booting
from tests.boots.wire import MAC, MASTER, NETWORK

UNPACKED = Path(__file__).parents[2] / ".venv/boots"
"""Where fixtures/setup unpacks a kernel and boot programs."""

_PXELINUX = UNPACKED / "usr/lib/PXELINUX/pxelinux.0"
_LDLINUX = UNPACKED / "usr/lib/syslinux/modules/bios/ldlinux.c32"
_GRUBNET = UNPACKED / "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"
_SHIM = UNPACKED / "usr/lib/shim/shimx64.efi.signed"
_IPXE = UNPACKED / "boot/ipxe.efi"  # usr/lib/ipxe has an absolute link to it
_SCRIPT = f"http://{MASTER}/boot.ipxe"
LAYER = "X86PC/UNDI/linux-install"


@dataclass(frozen=True, slots=True)
class Style:
    """One way to boot.

    style: boot.style of the configuration.  directory: the boot directory, below the TFTP root.  programs: what lies below the
    TFTP root, by its path.  menu: where the menu is the administrator's, its path.  group: whether, and how, the node belongs to a
    group of the configuration that has arguments of its own.
    """

    style: str
    directory: str
    layout: str
    booting: Booting
    firmware: Firmware = Firmware.BIOS
    programs: Mapping[str, Path] = field(default_factory=dict)
    menu: str = ""
    group: str = ""

    def lay_out(self, root: Path, arguments: str) -> None:
        """Put there what is the administrator's."""
        (root / self.directory).mkdir(parents=True, exist_ok=True)
        for name, program in self.programs.items():
            shutil.copy(program, root / name)
        if self.menu:
            (root / self.menu).parent.mkdir(exist_ok=True)
            (root / self.menu).write_text(_MENU.format(arguments=arguments))


_MENU = """serial 0 115200
default install
prompt 0
label install
  kernel linux.1
  append initrd=linux.2 {arguments}
"""
_UNDI_PROGRAMS = {f"{LAYER}/linux.0": _PXELINUX, f"{LAYER}/ldlinux.c32": _LDLINUX}


def _undi(*, dnsmasq: bool) -> Style:
    booting = Booting(f"{LAYER}/linux.0", dnsmasq=dnsmasq)
    return Style("undi", LAYER, "redhat", booting, programs=_UNDI_PROGRAMS, menu=f"{LAYER}/pxelinux.cfg/default")


def _grub(firmware: Firmware, group: str, programs: Mapping[str, Path]) -> Style:
    return Style("grub", "grub", "repodata", Booting(next(iter(programs))), firmware, programs, group=group)


_BY_CARD = f'macs = ["{MAC}"]'
_BY_ADDRESS = f'addresses = ["{NETWORK}"]'


STYLES: Mapping[str, Style] = {
    "undi": _undi(dnsmasq=False),
    "undi-dnsmasq": _undi(dnsmasq=True),
    "pxelinux": Style(
        "pxelinux",
        ".",
        "repodata",
        Booting("pxelinux.0", dnsmasq=True),
        programs={"pxelinux.0": _PXELINUX, "ldlinux.c32": _LDLINUX},
        group=_BY_ADDRESS,
    ),
    "grub": _grub(Firmware.UEFI, _BY_CARD, {"grubx64.efi": _GRUBNET}),
    "secure": _grub(Firmware.SECURE, _BY_ADDRESS, {"shimx64.efi": _SHIM, "grubx64.efi": _GRUBNET}),
    "ipxe": Style("ipxe", ".", "repodata", Booting("boot.ipxe", dnsmasq=True), group=_BY_CARD),
    "ipxe-http": Style("ipxe", ".", "repodata", Booting(_SCRIPT)),
    "http-boot": Style("ipxe", ".", "repodata", Booting(_SCRIPT, http="ipxe.efi"), Firmware.HTTP, {"ipxe.efi": _IPXE}),
}
