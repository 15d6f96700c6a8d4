"""What a guest runs in place of an init: mounts, the network, the NFS services of its role, then the calls that the test makes."""

from collections.abc import Mapping
from pathlib import Path

from tests.guests import master, node
from tests.guests.calls import Call, serve
from tests.guests.system import do

_ADDRESSES = {"master": master.ADDRESS, "node": node.ADDRESS}
_MOUNTS = (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"), ("tmpfs", "/tmp"), ("tmpfs", "/var/lib/nfs"))


def main() -> None:
    """Become the machine that the kernel's command line names, until it is switched off."""
    for kind, place in _MOUNTS:
        do("mount", "-t", kind, kind, place)
    words = dict(word.partition("=")[::2] for word in Path("/proc/cmdline").read_text().split())
    for module in ("virtio_net", "virtio_console", "virtio_rng"):
        do("modprobe", module)
    _join_network(words["guest"])
    serve(_calls(words["guest"]))


def _join_network(role: str) -> None:
    do("ip", "link", "set", "lo", "up")
    do("ip", "addr", "add", f"{_ADDRESSES[role]}/24", "dev", "eth0")
    do("ip", "link", "set", "eth0", "up")


def _calls(role: str) -> Mapping[str, Call]:
    if role == "master":
        master.start()
        return master.CALLS
    node.start()
    return node.CALLS


if __name__ == "__main__":
    main()
