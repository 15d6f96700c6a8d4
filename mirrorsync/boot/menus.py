"""What boot programs read to know which kernel to load: made of a tree's boot set for all nodes, and for groups of them.

PXELINUX: https://wiki.syslinux.org/wiki/index.php?title=PXELINUX (pxelinux.cfg/01-MAC, the address in hexadecimal, ever shorter, default).
GRUB: its manual's "Network" (grub.cfg-01-MAC, grub.cfg-ADDRESS, ever shorter, grub.cfg); builds that begin with a configuration of their
own, as Debian's signed one does, ask for grub.cfg alone, and have to be led on. iPXE: https://ipxe.org/cfg (${net0/mac:hexhyp}).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import PurePosixPath

_BITS_OF_DIGIT = 4
_ANY = 255


class Menu(StrEnum):
    """Whose menus they are."""

    PXELINUX = "pxelinux"
    GRUB = "grub"
    IPXE = "ipxe"


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that boot with arguments of their own. macs: in lower case, with colons.  networks: of whole hexadecimal digits."""

    name: str
    arguments: str
    macs: tuple[str, ...] = ()
    networks: tuple[IPv4Network, ...] = ()


def mark(tree: str) -> str:
    """What the first lines of a menu say of whose it is: without it a file is somebody else's."""
    return f"# mirrorsync: made for tree {tree}; what is changed here by hand is lost"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a menu has nodes load. kernel, initrd: paths below the boot directory.  groups: who has a menu of his own."""

    tree: str
    kernel: PurePosixPath
    initrd: PurePosixPath
    arguments: str
    groups: tuple[Group, ...] = ()


def menus(kind: Menu, entry: Entry, groups: Sequence[Group]) -> Mapping[str, str]:
    """Each menu's text by its path below the boot directory; that of all nodes, who load `entry`, is the last."""
    write = _TEXTS[kind]
    texts: dict[str, str] = {}
    for group in groups:
        texts |= dict.fromkeys(_names(kind, group), write(replace(entry, arguments=group.arguments)))
    return {**texts, _FOR_ALL[kind]: write(replace(entry, groups=tuple(groups)))}


def folder_of(kind: Menu) -> str:
    """Where menus lie below the boot directory; '' for the directory itself."""
    return "pxelinux.cfg" if kind is Menu.PXELINUX else ""


_FOR_ALL = {Menu.PXELINUX: "pxelinux.cfg/default", Menu.GRUB: "grub.cfg", Menu.IPXE: "boot.ipxe"}


def _names(kind: Menu, group: Group) -> list[str]:
    macs = [mac.replace(":", "-") for mac in group.macs]
    addresses = [_digits(network) for network in group.networks]
    match kind:
        case Menu.PXELINUX:
            return [f"pxelinux.cfg/{name}" for name in (*(f"01-{mac}" for mac in macs), *addresses)]
        case Menu.GRUB:
            return [f"grub.cfg-{name}" for name in (*(f"01-{mac}" for mac in macs), *addresses)]
        case Menu.IPXE:
            return [f"boot-{mac}.ipxe" for mac in macs]


def _digits(network: IPv4Network) -> str:
    """0A4D00 for 10.77.0.0/24."""
    return f"{int(network.network_address):08X}"[: network.prefixlen // _BITS_OF_DIGIT]


def _pxelinux(entry: Entry) -> str:
    lines = (
        mark(entry.tree),
        f"default {entry.tree}",
        "prompt 0",
        f"label {entry.tree}",
        f"  kernel {entry.kernel}",
        f"  append initrd={entry.initrd} {entry.arguments}".rstrip(),
        "  ipappend 2",
    )
    return _text(lines)


def _grub(entry: Entry) -> str:
    """Words in apostrophes, in which nothing means anything to GRUB."""
    words = " ".join(f"'{word}'" for word in entry.arguments.split())
    lines = (
        mark(entry.tree),
        "set timeout=0",
        *_led_on(entry.groups),
        f"menuentry '{entry.tree}' {{",
        f'  linux "$prefix/{entry.kernel}" {words}'.rstrip(),
        f'  initrd "$prefix/{entry.initrd}"',
        "}",
    )
    return _text(lines)


def _led_on(groups: Sequence[Group]) -> Iterator[str]:
    """To the groups' own menus, in the order in which GRUB itself would look: by card, then by address, the longest first."""
    cards = [mac for group in groups for mac in group.macs]
    networks = sorted((network for group in groups for network in group.networks), key=lambda network: -network.prefixlen)
    for mac in cards:
        yield from (f"if [ \"$net_default_mac\" = '{mac}' ]; then", f'  configfile "$prefix/grub.cfg-01-{mac.replace(":", "-")}"', "fi")
    for network in networks:
        test = f"if regexp '{_expression(network)}' \"$net_default_ip\"; then"
        yield from (test, f'  configfile "$prefix/grub.cfg-{_digits(network)}"', "fi")


def _expression(network: IPv4Network) -> str:
    """What the addresses of the network match, as a regular expression of POSIX."""
    first, last = network.network_address.packed, network.broadcast_address.packed
    return f"^{'[.]'.join(_numbers(low, high) for low, high in zip(first, last, strict=True))}$"


def _numbers(low: int, high: int) -> str:
    return "[0-9]+" if high - low == _ANY else f"({'|'.join(map(str, range(low, high + 1)))})"


def _ipxe(entry: Entry) -> str:
    """Paths are relative to the script. Under UEFI the kernel finds its initrd by the argument."""
    lines = (
        "#!ipxe",
        mark(entry.tree),
        *(["chain --autofree boot-${netX/mac:hexhyp}.ipxe ||"] if entry.groups else []),
        f"kernel {entry.kernel} initrd={entry.initrd.name} {entry.arguments}".rstrip(),
        f"initrd {entry.initrd}",
        "boot",
    )
    return _text(lines)


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


_TEXTS = {Menu.PXELINUX: _pxelinux, Menu.GRUB: _grub, Menu.IPXE: _ipxe}
