"""`python -m tests.inflight --protocol nfs|http|ftp`: installs in flight while the trees are published to; ends with 1 for any failure."""

import argparse
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.inflight import ganesha
from tests.inflight.campaign import Tally
from tests.inflight.protocols import CAMPAIGNS
from tests.inflight.stock import build_stock

INSIDE = "--inside"
SHOWN_FAILURES = 20
_TERMINATED = 128 + signal.SIGTERM


def main() -> int:
    """Run one campaign and print what it came to."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that servers are ended
    parser = argparse.ArgumentParser(prog="python -m tests.inflight", description=__doc__)
    parser.add_argument("--protocol", choices=sorted(CAMPAIGNS), required=True)
    parser.add_argument("--installs", type=int, default=200, help="of all nodes together [default: 200]")
    parser.add_argument("--publications", type=int, default=50, help="to each of the two trees [default: 50]")
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.protocol == "nfs" and not asked.inside:
        if reason := ganesha.missing():
            parser.error(reason)
        ganesha.run_inside("tests.inflight", [*sys.argv[1:], INSIDE])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        stock = build_stock(folder / "stock", asked.publications + 1)
        tally = CAMPAIGNS[asked.protocol](folder, stock, asked.installs, asked.publications)
    _print(asked.protocol, tally)
    return 1 if tally.failures else 0


def _print(protocol: str, tally: Tally) -> None:
    print(f"{protocol}: installs {tally.installs}, publications {tally.publications}, failures {len(tally.failures)}")
    spans = ", ".join(f"{count} lived through {span} publications" for span, count in sorted(Counter(tally.spans).items()))
    print(f"  {tally.rollbacks} of the publications were rollbacks; of the installs, {spans}")
    for failure in tally.failures[:SHOWN_FAILURES]:
        print(f"  {failure}")


if __name__ == "__main__":
    sys.exit(main())
