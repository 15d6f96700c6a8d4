"""`python -m tests.boots [TRIAL...]`: nodes boot what mirrorsync staged and read what it published; ends with 1 for any failure."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.boots import wire
from tests.boots.freshimage import make_image
from tests.boots.initrd import PYTHON
from tests.boots.machine import Boot
from tests.boots.master import TrialError
from tests.boots.styles import UNPACKED
from tests.boots.trials import FRESH, TRIALS, Bench, Outcome, fresh
from tests.guests.kernel import ImageError, debian_kernel
from tests.inflight import ganesha

_INSIDE = "--inside"
_TERMINATED = 128 + signal.SIGTERM
_TAP = ("ip", "tuntap", "add", "tried0", "mode", "tap")
_COMMANDS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "dnsmasq": "dnsmasq-base",
    "in.tftpd": "tftpd-hpa",
    "nginx": "nginx-light",
    "cpio": "cpio",
    "depmod": "kmod",
    "busybox": "busybox-static",
    "rpmbuild": "rpm",
}
_FILES = {
    PYTHON: "python3",
    Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"): "ovmf",
    Path("/usr/lib/ipxe/qemu/pxe-virtio.rom"): "ipxe-qemu",
}


def obstacle() -> str:
    """What keeps nodes from being booted on this machine, '' where nothing does."""
    if reason := ganesha.missing():
        return reason
    tried = subprocess.run(["unshare", "--net", *_TAP], capture_output=True, text=True, check=False, timeout=60)
    if tried.returncode:
        return f"this machine lets root make no tap device ({tried.stderr.strip()})"
    if not Path("/etc/exports").exists():
        return "there is no /etc/exports, which is to be another one inside"
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    packages = {package for command, package in _COMMANDS.items() if shutil.which(command, path=path) is None}
    packages |= {package for file, package in _FILES.items() if not file.exists()}
    if packages:
        return f"not installed: {', '.join(sorted(packages))}"
    return "" if UNPACKED.exists() else f"there is no {UNPACKED}, which `bash fixtures/setup test` makes on Debian"


def main() -> int:
    """Run the trials and print a line for each boot as it ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that servers are ended
    parser = argparse.ArgumentParser(prog="python -m tests.boots", description=(__doc__ or "").partition(":")[2].strip())
    parser.add_argument(
        "trials", nargs="*", metavar="TRIAL", help=f"of {', '.join(TRIALS)} [default: all], and {FRESH}, which takes minutes"
    )
    parser.add_argument("--repeat", type=int, default=1, help="how often each trial is run [default: 1]")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each boot")
    parser.add_argument("--consoles", type=Path, help="a folder for what came on the nodes' serial lines")
    parser.add_argument("--image", type=Path, help=f"a folder that keeps the machine of {FRESH}, which takes minutes, for the next run")
    parser.add_argument(_INSIDE, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if unknown := set(asked.trials) - {*TRIALS, FRESH}:
        parser.error(f"no such trial: {', '.join(sorted(unknown))}; there are {', '.join(TRIALS)} and {FRESH}")
    if asked.inside:
        return _inside(asked)
    if reason := obstacle():
        parser.error(reason)
    with tempfile.TemporaryDirectory(prefix="mirrorsync-boots.") as scratch:
        image = asked.image or Path(scratch)
        try:
            if FRESH in asked.trials:
                make_image(image, debian_kernel(UNPACKED))  # of packages that are not to be had inside
        except ImageError as error:
            print(f"boots: {error}", file=sys.stderr)
            return 1
        command = [*ganesha.UNSHARE, sys.executable, "-m", "tests.boots", *sys.argv[1:], "--image", str(image), _INSIDE, scratch]
        return subprocess.run(command, check=False).returncode


def _inside(asked: argparse.Namespace) -> int:
    wire.lay()
    boots = failed = 0
    for name, outcome in _run(asked):
        boots += 1
        failed += bool(outcome.faults)
        print((_json if asked.json else _line)(name, outcome), flush=True)
        if asked.consoles:
            asked.consoles.mkdir(parents=True, exist_ok=True)
            (asked.consoles / f"{boots:02}-{name}").write_text(outcome.boot.console)
    if not asked.json:
        print(f"boots {boots}, passed {boots - failed}")
    return 1 if failed or not boots else 0


def _run(asked: argparse.Namespace) -> Iterator[tuple[str, Outcome]]:
    kernel = debian_kernel(UNPACKED)
    for number in range(asked.repeat):
        for name in asked.trials or TRIALS:
            folder = asked.inside / f"{name}-{number}"
            folder.mkdir()
            image = make_image(asked.image, kernel) if name == FRESH else None
            try:
                for outcome in {**TRIALS, FRESH: fresh}[name](Bench(folder, kernel, image)):
                    yield name, outcome
            except TrialError as error:
                yield name, Outcome("was not finished", Boot(), [str(error)])
            shutil.rmtree(folder)


def _json(name: str, outcome: Outcome) -> str:
    return json.dumps({"trial": name, "what": outcome.what, "seconds": round(outcome.boot.seconds, 1), "faults": list(outcome.faults)})


def _line(name: str, outcome: Outcome) -> str:
    verdict = "FAILED" if outcome.faults else "passed"
    return "\n  ".join([f"{name:<10} {verdict}  {outcome.boot.seconds:5.1f} s  {outcome.what}", *outcome.faults])


if __name__ == "__main__":
    sys.exit(main())
