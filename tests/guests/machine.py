"""Virtual machines under QEMU's own emulation: a master and a node on one wire, ended with the test whatever becomes of it."""

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.guests.calls import PORT, Calls, GuestError
from tests.guests.image import Image

BOOT_SECONDS = 300
_END_SECONDS = 20
_CONSOLE_LINES = 12
_KERNEL_WORDS = "console=ttyS0 quiet panic=1 mitigations=off net.ifnames=0 selinux=0 apparmor=0 audit=0"


@dataclass(frozen=True, slots=True)
class Hardware:
    """A machine to be: its role, its memory in MiB, and its disks after the root's, the writable ones last."""

    role: str
    memory: int
    supplies: Path
    disks: Sequence[Path] = ()


@contextmanager
def pair(image: Image, master: Hardware, node: Hardware, folder: Path) -> Iterator[tuple[Calls, Calls]]:
    """Both machines up, on a wire that leads nowhere else. `folder` takes their consoles."""
    with ExitStack() as stack:
        ends = [stack.enter_context(end) for end in socket.socketpair()]
        started = [stack.enter_context(_machine(image, hardware, end, folder)) for hardware, end in zip((master, node), ends, strict=True)]
        for machine in started:
            machine.wait_until_up()
        yield started[0].calls, started[1].calls


@dataclass(frozen=True, slots=True)
class _Started:
    calls: Calls
    console: Path

    def wait_until_up(self) -> None:
        try:
            self.calls.line("start", seconds=BOOT_SECONDS)
        except GuestError as error:
            last = self.console.read_text(errors="replace").splitlines()[-_CONSOLE_LINES:]
            raise GuestError("\n".join([str(error), *last])) from error


@contextmanager
def _machine(image: Image, hardware: Hardware, wire: socket.socket, folder: Path) -> Iterator[_Started]:
    console = folder / f"{hardware.role}.console"
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            command = _command(image, hardware, wire=wire.fileno(), calls=theirs.fileno(), console=console)
            process = start(command, (wire.fileno(), theirs.fileno()), folder / f"{hardware.role}.qemu")
        try:
            yield _Started(Calls(hardware.role, ours), console)
        finally:
            end(process)


def start(command: Sequence[str], descriptors: Sequence[int], log: Path) -> subprocess.Popen[bytes]:
    """Start QEMU, which keeps what is written to disks of `snapshot=on` in $TMPDIR: the log's folder."""
    environ = {**os.environ, "TMPDIR": str(log.parent)}
    with log.open("wb") as output:
        return subprocess.Popen(command, pass_fds=descriptors, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ)


def end(process: subprocess.Popen[bytes]) -> None:
    """Switch it off."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_END_SECONDS)


def _command(image: Image, hardware: Hardware, *, wire: int, calls: int, console: Path) -> list[str]:
    """QEMU ends with its parent, however that ends: `setpriv --pdeathsig`."""
    address = {"master": "52:54:00:00:00:01", "node": "52:54:00:00:00:02"}[hardware.role]
    drives = [f"file={image.root},snapshot=on", f"file={hardware.supplies},readonly=on", *(f"file={disk}" for disk in hardware.disks)]
    words = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-m", str(hardware.memory)]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", f"file:{console}"]
    words += ["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", f"{_KERNEL_WORDS} guest={hardware.role}"]
    for drive in drives:
        words += ["-drive", f"{drive},format=raw,if=virtio,cache=unsafe"]
    words += ["-netdev", f"socket,id=wire,fd={wire}", "-device", f"virtio-net-pci,netdev=wire,mac={address},romfile="]
    words += ["-chardev", f"socket,id=calls,fd={calls}", "-device", "virtio-serial-pci"]
    return [*words, "-device", f"virtserialport,chardev=calls,name={PORT}", "-device", "virtio-rng-pci"]
