"""A fresh master as a virtual machine: systemd, knfsd and mirrorsync's own units, off which a node boots and reads."""

import json
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.boots.master import Master, TrialError
from tests.boots.styles import LAYER
from tests.boots.wire import MASTER_TAP, NODE, with_another_master
from tests.guests.calls import PORT, Calls, GuestError
from tests.guests.image import Image, make_disk
from tests.guests.machine import end, start

TREE = Path("/u1/redhat")
SERVICES = ("nfs-server", "rpcbind", "nginx", "dnsmasq", "tftpd-hpa", "cron", "mirrorsync.timer")
_WORK = Path("/srv/work")
_UNIT = "mirrorsync.service"
_BOOT_SECONDS = 400
_CALL_SECONDS = 300
_MEMORY = 1024
_KERNEL_WORDS = "console=ttyS0 quiet panic=1 mitigations=off net.ifnames=0 selinux=0 apparmor=0 audit=0"
_SETTLE = f"""
cp -r {_WORK}/tree {TREE}
cp -r {_WORK}/tftpboot/. /tftpboot/
chown -R mirrorsync: {TREE} /tftpboot/{LAYER}
"""


@dataclass(frozen=True, slots=True)
class FreshMaster:
    """The machine, by what its control answers; the other three as judgement.Published says."""

    calls: Calls
    layout: str
    arguments: str
    staged: Sequence[str]

    def run(self, *command: str) -> str:
        """What a command printed. Raises TrialError where it fails."""
        code, out, err = self.attempt(*command)
        if code:
            raise TrialError(f"on the master {' '.join(command)} ended with {code}: {(out + err).strip()}")
        return out

    def attempt(self, *command: str) -> tuple[int, str, str]:
        """How a command ended: code, output, errors."""
        code, out, err = self.calls("run", seconds=_CALL_SECONDS + 30, command=list(command), limit=_CALL_SECONDS)
        return int(code), str(out), str(err)

    def publish(self) -> None:
        """Let systemd run the unit once. Raises TrialError with what it said where it fails."""
        code, _, err = self.attempt("systemctl", "start", _UNIT)
        if code:
            raise TrialError(f"{_UNIT}: {err.strip()} {self.attempt('journalctl', '-q', '-o', 'cat', '-u', _UNIT)[1].strip()}")

    def offer(self, version: int) -> None:
        """Let the mirror have the package in that version."""
        self.run("sh", "-c", f"cp {_WORK}/built/bash-{version}-* {_WORK}/mirror/")

    def open_gate(self, way: str) -> None:
        """Let the node go on with this way."""
        self.run("touch", str(_WORK / "order" / way))

    def check(self, *before: str) -> list[str]:
        """The codes of all that a deep check finds but notes; `before` comes before the command."""
        _, out, err = self.attempt(*before, "mirrorsync", "check", "--deep", "--json")
        try:
            [tree] = json.loads(out)["trees"]
        except ValueError as error:
            raise TrialError(f"mirrorsync check: {err.strip()}") from error
        return [f"{finding['code']} {finding['where']}: {finding['what']}" for finding in tree["findings"] if finding["severity"] != "note"]

    def heard(self) -> set[str]:
        """By which ways the node is heard of just now."""
        [tree] = json.loads(self.run("mirrorsync", "status", "--json"))["trees"]
        return {node["way"] for node in tree["installing"]["nodes"] if node["node"] == NODE}

    def sums(self, number: int) -> Mapping[str, str]:
        """As judgement.Published says."""
        root = TREE.parent / ".mirrorsync" / TREE.name / "generations" / str(number) if number else TREE
        lines = self.run("sh", "-c", f"cd {root} && find . -type f | xargs sha256sum").splitlines()
        return {path.removeprefix("./"): found for found, _, path in (line.partition("  ") for line in lines)}

    def inactive(self) -> list[str]:
        """Those of SERVICES that are not at work."""
        states = self.attempt("systemctl", "is-active", *SERVICES)[1].split()
        return [f"{name} is {state}" for name, state in zip(SERVICES, states, strict=True) if state != "active"]


@contextmanager
def fresh_master(image: Image, made: Master, folder: Path) -> Iterator[FreshMaster]:
    """Such a machine with the tree, the mirror and the boot programs that were made here, up, and with its services at work."""
    disk = _disk(made, folder)
    ours, theirs = socket.socketpair()
    with with_another_master(), ours:
        with theirs:
            process = start(_command(image, disk, theirs.fileno(), folder / "master.console"), (theirs.fileno(),), folder / "master.qemu")
        try:
            calls = Calls("master", ours)
            calls.line("start", seconds=_BOOT_SECONDS)
            master = FreshMaster(calls, made.layout, made.arguments, made.staged)
            master.run("sh", "-ec", _SETTLE)
            _wait_for_services(master)
            yield master
        except GuestError as error:
            raise TrialError(f"{error}: {(folder / 'master.console').read_text(errors='replace')[-800:]}") from error
        finally:
            end(process)


def _wait_for_services(master: FreshMaster) -> None:
    limit = time.monotonic() + _BOOT_SECONDS
    while inactive := master.inactive():
        if time.monotonic() > limit:
            raise TrialError(f"on the master {', '.join(inactive)}")
        time.sleep(1)


def _disk(made: Master, folder: Path) -> Path:
    content = folder / "content"
    for name, source in (
        ("tree", made.site.tree),
        ("mirror", made.site.mirror),
        ("built", made.site.folder.parent / "built"),
        ("tftpboot", made.tftpboot),
    ):
        shutil.copytree(source, content / name)
    made.order(("nfs3", "nfs4"), TREE)
    shutil.copytree(made.served.order, content / "order")
    return make_disk(content, folder / "work.img", "256M")


def _command(image: Image, disk: Path, calls: int, console: Path) -> list[str]:
    words = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-m", str(_MEMORY)]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", f"file:{console}"]
    words += ["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", _KERNEL_WORDS]
    words += ["-drive", f"file={image.root},snapshot=on,format=raw,if=virtio,cache=unsafe"]
    words += ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"]
    words += ["-netdev", f"tap,id=wire,ifname={MASTER_TAP},script=no,downscript=no"]
    words += ["-device", "virtio-net-pci,netdev=wire,mac=52:54:00:00:00:01,romfile="]
    words += ["-chardev", f"socket,id=calls,fd={calls}", "-device", "virtio-serial-pci"]
    return [*words, "-device", f"virtserialport,chardev=calls,name={PORT}", "-device", "virtio-rng-pci"]
