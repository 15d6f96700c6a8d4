"""`python -m tests.inflight.pinning --nfs 3|4`: an install rests while the tree is published to again and again, by one version of NFS.

Meanwhile all is forgotten that could keep the former tree in reach by accident: ganesha remembers no attributes and no names
(Dir_Chunk and Attr_Expiration_Time are 0, 50 handles at most), the machine's own names and inodes are dropped, and by version 3 the
server is ended and started anew, so that it has nothing but the handles that the node sends. By version 4 it goes on: libnfs cannot
claim its opens again. Ends with 1 where the install did not end in its own generation.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from mirrorsync.model.choices import Layout
from tests.inflight import ganesha
from tests.inflight.campaign import pinned
from tests.inflight.installs import Install, redhat_packages, stamp_of
from tests.inflight.protocols import mounts
from tests.inflight.stock import build_stock
from tests.inflight.strand import Strand, strand

INSIDE = "--inside"
PUBLICATIONS = 3  # at each of an install's two rests
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
_NAMES_AND_INODES = "2"
_RESTARTED = 3  # the version without state


def main() -> int:
    """Run it in namespaces of its own and print which generations were seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.inflight.pinning", description=__doc__)
    parser.add_argument("--nfs", type=int, choices=(3, 4), required=True)
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.inside:
        if reason := ganesha.missing():
            parser.error(reason)
        ganesha.run_inside("tests.inflight.pinning", [*sys.argv[1:], INSIDE])
    with tempfile.TemporaryDirectory() as name:
        return _rested(Path(name), asked.nfs)


def _rested(folder: Path, version: int) -> int:
    ganesha.enter_network()
    stock = build_stock(folder / "stock", 2 * PUBLICATIONS + 1)
    with strand(Layout.REDHAT, folder, stock) as tree, ganesha.portmapper(folder), ExitStack() as server:
        install = _installed(folder, tree, server, version)
        with mounts(folder, version)(tree.path) as door:
            newest = stamp_of(door)
        verdict = install.judged(tree.ledger.expected) or ("" if newest == tree.ledger.newest else "a new mount shows a former generation")
    now = f"the tree is {tree.ledger.newest}, a new mount shows {newest}"
    print(f"NFSv{version}: began with {install.first}, {now}; fault: {verdict or 'none'}")
    return 1 if verdict else 0


def _installed(folder: Path, tree: Strand, server: ExitStack, version: int) -> Install:
    """An install that sees the tree published to before hdlist2 and before the second half of its packages; `server` holds the server."""
    steps = iter(range(2 * PUBLICATIONS))
    start = partial(ganesha.ganesha, folder / "served/u1", (version,), folder)

    def rest() -> None:
        for _ in range(PUBLICATIONS):
            tree.publish(next(steps))
        if version == _RESTARTED:
            server.close()
            server.enter_context(start())
        _DROP_CACHES.write_text(_NAMES_AND_INODES)

    server.enter_context(start())
    return pinned(mounts(folder, version), redhat_packages, f"NFSv{version}")(tree, rest, 0)


if __name__ == "__main__":
    sys.exit(main())
