"""A node: a virtual machine that boots from its network card, and what it says on its console."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from tests.boots.node import MARK
from tests.boots.wire import MAC, TAP

_MEMORY = 768
_LIMIT_SECONDS = 200
_END_SECONDS = 20
_LOOK_SECONDS = 0.1
_OVMF = Path("/usr/share/OVMF")


class Firmware(Enum):
    """What boots the node: OVMF's code and variables, nothing for a BIOS. HTTP: boots by HTTP alone.  SECURE: only what is signed."""

    BIOS = ()
    UEFI = ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
    HTTP = ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd", "HTTP")
    SECURE = ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd")


@dataclass(slots=True)
class Boot:
    """How a boot went. code: QEMU's, None where it was ended.  console: all that came on the serial line."""

    console: str = ""
    code: int | None = None
    seconds: float = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def said(self, event: str) -> list[dict[str, Any]]:
        """What the node said of it, in order."""
        return [words for words in self.events if words["event"] == event]


def boot(firmware: Firmware, work: Path, on_event: Callable[[dict[str, Any]], None], enough: Callable[[Boot], bool]) -> Boot:
    """Boot a node from its card until it powers off, or until there is `enough`. `on_event` is called with what it says as it says it."""
    serial = work / "serial"
    serial.unlink(missing_ok=True)
    found, began = Boot(), time.monotonic()
    with _running(_command(firmware, serial, work), work / "qemu.out") as process:
        while found.code is None and not enough(found) and time.monotonic() - began < _LIMIT_SECONDS:
            time.sleep(_LOOK_SECONDS)
            found.code = process.poll()
            found.console = serial.read_text(errors="replace") if serial.exists() else ""
            for words in _events(found.console)[len(found.events) :]:
                found.events.append(words)
                on_event(words)
    found.seconds = time.monotonic() - began
    return found


def _events(console: str) -> list[dict[str, Any]]:
    """Of whole lines."""
    lines = console.replace("\r", "").split("\n")[:-1]
    return [json.loads(line.removeprefix(MARK)) for line in lines if line.startswith(MARK)]


def _command(firmware: Firmware, serial: Path, work: Path) -> list[str]:
    """QEMU's own emulation always; a UEFI node has no iPXE in its card's ROM, but OVMF's own way to boot."""
    words = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-m", str(_MEMORY), "-display", "none", "-monitor", "none"]
    words += ["-no-reboot", "-boot", "n", "-serial", f"file:{serial}", "-device", "virtio-rng-pci"]
    words += ["-netdev", f"tap,id=wire,ifname={TAP},script=no,downscript=no"]
    rom = "" if firmware is Firmware.BIOS else ",romfile="
    return [*words, "-device", f"virtio-net-pci,netdev=wire,mac={MAC},bootindex=1{rom}", *_firmware(firmware, work)]


def _firmware(firmware: Firmware, work: Path) -> Iterator[str]:
    if firmware is Firmware.BIOS:
        return
    if firmware is Firmware.SECURE:
        yield from ("-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on")
    if firmware is Firmware.HTTP:
        for protocol in ("IPv4", "IPv6"):
            yield from ("-fw_cfg", f"name=opt/org.tianocore/{protocol}PXESupport,string=no")
    code, variables = firmware.value[:2]
    shutil.copy(_OVMF / variables, work / "variables.fd")
    yield from ("-drive", f"if=pflash,format=raw,readonly=on,file={_OVMF / code}")
    yield from ("-drive", f"if=pflash,format=raw,file={work / 'variables.fd'}")


@contextmanager
def _running(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
