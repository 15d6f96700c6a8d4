"""Installs in flight over NFS while generations are published: `python -m tests.guests.pinning`, by root, for half an hour.

A master (knfsd, rpc.mountd, mirrorsync on ext4) and a node (the kernel's NFS client), both virtual machines under emulation.
After each publication the exports are flushed and the caches of both are dropped: a look right after the exchange passes wrongly.
On each NFS version there are installs pinned to their generation, a generation removed without grace, and a planted fault: the
tree itself is exported, which `mirrorsync update` must refuse; where it is kept from seeing that, installs must fail.

Needs (Debian 12): qemu-system-x86 mmdebstrap kmod cpio busybox-static e2fsprogs rpm, and a Debian mirror to make the image from
(0.5 GB of scratch space; `--image` keeps it). No network of the host's is touched: the two machines share a wire.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.guests.calls import GuestError
from tests.guests.image import Image, make_image, obstacle
from tests.guests.kernel import ImageError
from tests.guests.machine import Hardware, pair
from tests.guests.master import PARENT, TREE
from tests.guests.session import IDLE, OPTIONS, Session
from tests.guests.supplies import BLINDED, CONFIG_WITHOUT_GRACE, Supplies, make_supplies
from tests.guests.tally import ABSENT, STALE, Tally

_MASTER_MEMORY = 768
_NODE_MEMORY = 512
_ROLLBACK_EVERY = 5
_ROLLBACK_STEPS = 3
_SHORT = 3
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """What every session of a run is made from, and how much each is to do at least."""

    image: Image
    supplies: Supplies
    scratch: Path
    publications: int
    installs: int

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Both guests, with a tree nothing was ever published in."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as name:
            disk = Path(name) / "tree.img"
            shutil.copy(self.supplies.tree, disk)
            master = Hardware("master", _MASTER_MEMORY, self.supplies.disk, (disk,))
            node = Hardware("node", _NODE_MEMORY, self.supplies.disk)
            with pair(self.image, master, node, Path(name)) as (calls_of_master, calls_of_node):
                updates = iter(enumerate(self.supplies.updates))
                yield Session(calls_of_master, calls_of_node, updates, {0: self.supplies.listed})


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 0 where nothing failed that was not planted, and all that was planted was found."""
    options = _parser().parse_args(arguments)
    if obstacle():
        print(f"pinning: {obstacle()}", file=sys.stderr)
        return 2
    with _scratch(options.scratch) as scratch:
        try:
            return 0 if _run(scratch, options) else 1
        except (GuestError, ImageError) as error:
            print(f"pinning: {error}", file=sys.stderr)
            return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guests.pinning", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scratch", type=Path, help="a folder for all that is made; by default a temporary one, removed at the end")
    parser.add_argument("--image", type=Path, help="a folder that keeps the guests' image for the next run")
    parser.add_argument("--publications", type=int, default=25, help="on each NFS version, at least; default %(default)s")
    parser.add_argument("--installs", type=int, default=100, help="on each NFS version, at least; default %(default)s")
    parser.add_argument("--vers", choices=tuple(OPTIONS), action="append", help="only this NFS version")
    return parser


@contextmanager
def _scratch(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="mirrorsync-guests.") as name:
        yield Path(name)


def _run(scratch: Path, options: argparse.Namespace) -> bool:
    image = make_image(options.image.resolve() if options.image else scratch / "image")
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        supplies = make_supplies(Path(folder), options.publications + _SHORT)
        trial = Trial(image, supplies, scratch, options.publications, options.installs)
        sound = [check(trial, version) for version in options.vers or OPTIONS for check in (pinned, planted)]
    return all(sound)


def pinned(trial: Trial, version: str) -> bool:
    """Whether installs stay in the generation they began with, for as long as it is kept.

    Installs are waited for between the publications, not after them: those that nothing is published under prove nothing.
    """
    with trial.session() as session:
        session.begin(version, PARENT)
        for number in range(1, trial.publications + 1):
            if number % _ROLLBACK_EVERY == 0:
                session.roll_back(_ROLLBACK_STEPS)
            else:
                session.update()
            session.wait_for_installs((trial.installs - IDLE) * number // trial.publications)
        kept = session.finish()
        _show(f"nfs vers={version}", kept)
        removed = _beyond_grace(session)
    absent, stale = removed.of_kind(ABSENT), removed.of_kind(STALE)
    other = sorted({*removed.failures} - {*absent, *stale})
    figures = f"installs {removed.installs}, {ABSENT} {len(absent)}, {STALE} {len(stale)}, other failures {len(other)}"
    print(f"nfs vers={version}, generation removed beyond its grace: {figures}", flush=True)
    _list(other)
    return not kept.failures and not other and bool(removed.failures)


def _beyond_grace(session: Session) -> Tally:
    """Installs whose generation is removed under them, because the configuration keeps nothing."""
    session.begin_idle("beyond grace")
    session.command = (*session.command[:-1], CONFIG_WITHOUT_GRACE)
    for _ in range(_SHORT):
        session.update()
    return session.finish()


def planted(trial: Trial, version: str) -> bool:
    """Whether the failures are counted where the tree itself is exported, and mirrorsync refuses to be their cause."""
    with trial.session() as session:
        session.begin(version, TREE)
        seeing, session.command = session.command, (*BLINDED, *session.command)
        for _ in range(_SHORT - 1):
            session.update()
        fault = session.finish()
        session.command = seeing
        refused = _refused(session)
    _show(f"nfs vers={version}, planted fault (the tree itself exported)", fault)
    stale = len(fault.of_kind(STALE))
    print(f"nfs vers={version}, planted fault: {STALE} {stale}, update {'refused' if refused else 'NOT REFUSED'}", flush=True)
    return stale > 0 and refused


def _refused(session: Session) -> bool:
    """Whether an update is refused, and nothing built or published by it."""
    before = session.fingerprint()
    try:
        session.update()
    except GuestError as error:
        _list([str(error)])
        return before == session.fingerprint()
    return False


def _show(name: str, tally: Tally) -> None:
    figures = f"installs {tally.installs}, publications {tally.publications}, failures {len(tally.failures)}"
    print(f"{name}: {figures} ({tally.crossed} installs crossed a publication)", flush=True)
    _list(tally.failures)


def _list(failures: Sequence[str]) -> None:
    for failure in failures[:_SHOWN]:
        print(f"    {failure}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
