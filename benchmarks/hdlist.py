"""How long hdlist takes for a folder of packages: all headers read anew, and 1 % of them with the rest from cached records.

Usage: python -m benchmarks.hdlist FOLDER [ROUNDS]
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mirrorsync.errors import HeaderError
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.tree.hdlist import HdlistRecord, assemble, make_record, matcher_base, read_pair


def main(folder: Path, rounds: int) -> None:
    """Print the best of `rounds` for each way, as seconds and as a share of the cold one."""
    paths = [path for path in sorted(folder.glob("*.rpm")) if readable(path)]
    records = [record(path) for path in paths]
    changed = paths[:: max(1, min(100, len(paths)))]
    cached = {each.filename: each.to_bytes() for each in records}
    for path in changed:
        del cached[path.name]
    content = joined(records)
    print(f"{len(paths)} packages, hdlist {len(content[0]) / 1e6:.1f} MB, hdlist2 {len(content[1]) / 1e6:.1f} MB; best of {rounds}")
    cold = best(lambda: joined([record(path) for path in paths]), rounds)
    show("cold: every header read", cold, cold)
    show(f"incremental: {len(changed)} headers read, the rest cached", best(lambda: incremental(paths, cached), rounds), cold)
    show("assembling alone, records in memory", best(lambda: joined(records), rounds), cold)
    show("reading the pair back", best(lambda: read_pair(*content), rounds), cold)


def incremental(paths: Sequence[Path], cached: dict[str, bytes]) -> tuple[bytes, bytes]:
    """Both lists, made as an update makes them."""
    return joined([HdlistRecord.from_bytes(cached[path.name]) if path.name in cached else record(path) for path in paths])


def joined(records: Sequence[HdlistRecord]) -> tuple[bytes, bytes]:
    """Both lists' bytes."""
    pairs = list(assemble(records, base=matcher_base(records)))
    return b"".join(pair[0] for pair in pairs), b"".join(pair[1] for pair in pairs)


def record(path: Path) -> HdlistRecord:
    """One package's record."""
    return make_record(read_rpm(path), path.name, path.stat().st_size)


def readable(path: Path) -> bool:
    """Whether a record can be made; this also brings the file into the page cache."""
    try:
        record(path)
    except HeaderError as error:
        print(f"left out: {error}", file=sys.stderr)
        return False
    return True


def best(work: Callable[[], object], rounds: int) -> float:
    """Seconds of the quickest of `rounds`."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def show(what: str, seconds: float, whole: float) -> None:
    """One line of the result."""
    print(f"{what:<60} {seconds:7.3f} s  {seconds / whole:6.3f} x cold")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
