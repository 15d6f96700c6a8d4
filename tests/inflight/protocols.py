"""A campaign over each protocol: which server, which nodes, through which path of the tree."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mirrorsync.model.choices import Layout
from tests.inflight.campaign import Read, Tally, campaign, pinned
from tests.inflight.doors import Door, Enter, ftp_door, http_door
from tests.inflight.ganesha import ADDRESS, enter_network, ganesha, portmapper
from tests.inflight.installs import FAULTS, Install, Pause, redhat_packages, repodata_packages, stamp_of
from tests.inflight.nfs import mounted
from tests.inflight.realdnf import dnf_packages
from tests.inflight.stock import Stock
from tests.inflight.strand import Strand, strand
from tests.servers import nginx, vsftpd

SLOW = 400_000  # bytes a second: a node fetches for longer than a publication takes
NODES, DNF_NODES = 8, 4  # at once
UNPACKED_EVERY = 5  # each fifth dnf installs, the others fetch

Campaign = Callable[[Path, Stock, int, int], Tally]
"""(folder to work in, packages, installs, publications to each tree) to what became of them."""


def nfs_campaign(folder: Path, stock: Stock, installs: int, publications: int) -> Tally:
    """Half of the installs by version 3, half by 4: one server after the other, which speaks only that. In namespaces."""
    enter_network()
    with ExitStack() as stack:
        strands = _strands(stack, folder, stock)
        stack.enter_context(portmapper(folder))
        return sum((_nfs_version(strands, folder, version, installs // 4, publications // 2) for version in (3, 4)), Tally())


def _nfs_version(strands: list[Strand], folder: Path, version: int, installs: int, publications: int) -> Tally:
    readers = {Layout.REDHAT: redhat_packages, Layout.REPODATA: repodata_packages}
    with ganesha(folder / "served/u1", (version,), folder):
        chosen = [(one, pinned(mounts(folder, version), readers[one.layout], f"NFSv{version}, {one.layout}"), NODES) for one in strands]
        return campaign(chosen, installs, publications)


def mounts(folder: Path, version: int) -> Enter:
    """Mounts of the directories that are served below `folder`."""

    def enter(path: str) -> AbstractContextManager[Door]:
        return mounted(ADDRESS, version, f"{folder}/served/{path}")

    return enter


def http_campaign(folder: Path, stock: Stock, installs: int, publications: int) -> Tally:
    """From nginx."""
    with TemporaryDirectory(dir=folder) as work, nginx(folder / "served", Path(work), rate=SLOW) as server:
        return _by_address(folder, server.url, partial(http_door, server.url), "HTTP", stock, installs, publications)


def ftp_campaign(folder: Path, stock: Stock, installs: int, publications: int) -> Tally:
    """From vsftpd."""
    with TemporaryDirectory(dir=folder) as work, vsftpd(folder / "served", Path(work), rate=SLOW) as server:
        return _by_address(folder, server.url, partial(ftp_door, server.url), "FTP", stock, installs, publications)


def _by_address(folder: Path, url: str, enter: Enter, kind: str, stock: Stock, installs: int, publications: int) -> Tally:
    """Half of the installs by Red Hat Linux's installer from the generation's own path, half by dnf from the tree's."""
    with ExitStack() as stack:
        redhat, rocky = _strands(stack, folder, stock)
        own = partial(own_path, enter, redhat)
        chosen: list[tuple[Strand, Read, int]] = [
            (redhat, pinned(own, redhat_packages, f"{kind}, redhat"), NODES),
            (rocky, partial(dnf_install, folder / "nodes", url, f"{kind}, dnf"), DNF_NODES),
        ]
        return campaign(chosen, installs // 2, publications)


@contextmanager
def own_path(enter: Enter, strand: Strand, path: str) -> Iterator[Door]:
    """A door to the generation that the tree at `path` is now, by the path that never shows another."""
    with enter(path) as door:
        number = stamp_of(door)
    with enter(strand.generation_path(number)) as door:
        yield door


def dnf_install(nodes: Path, url: str, kind: str, strand: Strand, _: Pause, number: int) -> Install:
    """One run of dnf from the tree's plain address: what it takes has to be all that one generation listed which was there meanwhile."""
    first = strand.ledger.newest
    folder = nodes / f"{strand.name}-{number}"
    try:
        unpack = number % UNPACKED_EVERY == 0
        names = dnf_packages(folder, f"{url}/{strand.path}", strand.stock.names, strand.stock.digests, unpack=unpack)
    except FAULTS as fault:
        return Install(kind, first, strand.ledger.newest, fault=str(fault))
    return Install(kind, first, strand.ledger.newest + 1, names)


def _strands(stack: ExitStack, folder: Path, stock: Stock) -> list[Strand]:
    """A tree of each layout."""
    return [stack.enter_context(strand(layout, folder, stock)) for layout in Layout]


CAMPAIGNS: Mapping[str, Campaign] = {"nfs": nfs_campaign, "http": http_campaign, "ftp": ftp_campaign}
