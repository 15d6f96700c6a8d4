"""What many tests share: real packages, built once a session, and small trees of them with their mirrors."""

import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.rpms import PackageSpec, build_rpms
from tests.commands import Mirrorsync
from tests.hostile.program import Program, loaded
from tests.hostile.stock import Stock, stocked
from tests.sites import Site, redhat_site, repodata_site

Builder = Callable[..., Path]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background, which programs that are started here would inherit
    signal.signal(signal.SIGINT, signal.default_int_handler)

_LONGEST = (
    "test_crashes.py",
    "test_cron.py",
    "test_full_size.py",
    "test_powerloss.py",
    "test_credentials.py",
    "test_filesystems.py",
    "test_rollback.py",
    "test_hostile_repodata.py",
    "test_hand_edits.py",
    "test_hostile_listing.py",
    "test_page.py",
    "test_hostile_table.py",
    "test_stopping.py",
    "test_inflight.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes a minute or more begins first: at the end the other processes would wait for it."""
    order = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session")
def rpm(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """`rpm(name, version, …)`: the path of a real package of that PackageSpec, made the first time it is asked for."""
    folder = tmp_path_factory.mktemp("rpms")
    built: dict[str, Path] = {}

    def build(name: str, version: str, release: str = "1", **words: object) -> Path:
        spec = PackageSpec(name, version, release, **words)  # type: ignore[arg-type]  # the caller's words are PackageSpec's
        key = repr(spec)
        if key not in built:
            [built[key]] = build_rpms([spec], folder / str(len(built)))
        return built[key]

    return build


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """What mirrors that misbehave are made of."""
    with stocked(tmp_path_factory.mktemp("stock") / "stock") as made:
        yield made


@pytest.fixture(scope="session")
def loaded_program() -> Iterator[Program]:
    """The program, forked for each run."""
    with loaded() as program:
        yield program


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder that daemons of other users can write to, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def redhat(tmp_path: Path, rpm: Builder) -> Site:
    """A Red Hat Linux tree of bash-1 and tar-1, never updated, whose mirror has bash-2; it fills `tmp_path`."""
    return redhat_site(tmp_path, [rpm("bash", "1"), rpm("tar", "1")], [rpm("bash", "2")])


@pytest.fixture
def rocky(tmp_path: Path, rpm: Builder) -> Site:
    """A tree with repodata of bash-1, never updated, whose mirror has bash-2; it lies in a folder of its own."""
    return repodata_site(tmp_path / "rocky", [rpm("bash", "1")], [rpm("bash", "2")])


@pytest.fixture
def tree(redhat: Site) -> Path:
    """The Red Hat Linux tree."""
    return redhat.tree


@pytest.fixture
def home(redhat: Site) -> Path:
    """The folder beside the Red Hat Linux tree."""
    return redhat.home


@pytest.fixture
def mirrorsync(redhat: Site) -> Mirrorsync:
    """The program, configured for the Red Hat Linux tree and its mirror."""
    return redhat.program()


@pytest.fixture
def updated(redhat: Site) -> Mirrorsync:
    """The program, and the Red Hat Linux tree as its first update left it: generation 2, with bash-2 and tar-1."""
    program = redhat.program()
    assert program("hdlist", str(redhat.tree)).code == 0
    assert program("update").code == 0
    return program
