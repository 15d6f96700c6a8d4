"""What happens while a run is at work: hand edits between reading and linking, publications between a reading's beginning and its end."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mirrorsync.app.steadiness import steady
from mirrorsync.errors import TreeError
from mirrorsync.model.choices import Layout
from mirrorsync.tree.indexes import read_indexes
from mirrorsync.tree.layout import Shape
from mirrorsync.tree.site import Tree
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.servers import MirrorServer, http_server
from tests.sites import LISTING, copy, rhl_tree
from tests.test_publication import published
from tests.trees import make_tree, snapshot

KERNEL = "images/pxeboot/vmlinuz"
PACKAGE = "RedHat/RPMS/tar-1-1.noarch.rpm"


@pytest.fixture
def tree(tmp_path: Path, rpm: Builder) -> Path:
    return rhl_tree(tmp_path, [rpm("bash", "1"), rpm("tar", "1")])


@pytest.fixture
def server(tmp_path: Path, rpm: Builder) -> Iterator[MirrorServer]:
    with http_server(copy([rpm("bash", "2")], tmp_path / "mirror")) as running:
        yield running


@pytest.fixture
def mirrorsync(tmp_path: Path, rpm: Builder, tree: Path, server: MirrorServer) -> Mirrorsync:
    """The tree as its first update left it, generation 2; bash-3 is on the mirror."""
    program = configured(tmp_path, tree, f'url = "{server.url}/"\n{LISTING}')
    assert program("update").code == 0
    copy([rpm("bash", "3")], tmp_path / "mirror")
    return program


def when_fetched(server: MirrorServer, edit: Callable[[], object]) -> None:
    """Do something to the tree, once, when the package itself is asked for: the tree was read, and nothing was linked."""
    edits = [edit]

    def edited(path: str) -> None:
        if path.endswith("bash-3-1.noarch.rpm") and "Range" not in server.requests[-1].headers and edits:
            edits.pop()()

    server.behaviour.before_answer = edited


def put_there(path: Path) -> None:
    """Another file of the same size, which no index gives away."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[::-1])


def written_through(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"others")


@pytest.mark.parametrize("edit", [put_there, written_through])
@pytest.mark.parametrize("name", [KERNEL, PACKAGE])
def test_a_file_that_changes_between_reading_and_linking_prevents_the_publication(
    mirrorsync: Mirrorsync, server: MirrorServer, tree: Path, edit: Callable[[Path], None], name: str
) -> None:
    when_fetched(server, lambda: edit(tree / name))
    refused = mirrorsync("update")
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    assert f"redhat: {name}: changed by hand while the generation was built; " in refused.err
    assert mirrorsync("status", "--json").tree["generation"] == 2
    again = mirrorsync("update")
    assert (again.code, f"changed by hand: changed: {name}" in again.err) == (1, True)


def test_a_file_that_goes_between_reading_and_linking_prevents_the_publication(
    mirrorsync: Mirrorsync, server: MirrorServer, tree: Path
) -> None:
    when_fetched(server, (tree / KERNEL).unlink)
    refused = mirrorsync("update")
    assert (refused.code, len(refused.err.splitlines()), KERNEL in refused.err) == (1, 1, True)
    assert mirrorsync("status", "--json").tree["generation"] == 2


def test_a_file_that_comes_meanwhile_prevents_the_publication_and_stays(mirrorsync: Mirrorsync, server: MirrorServer, tree: Path) -> None:
    when_fetched(server, lambda: (tree / "notes.txt").write_text("from somebody"))
    refused = mirrorsync("update")
    assert (refused.code, "redhat: notes.txt: changed by hand while the generation was built; " in refused.err) == (1, True)
    assert (tree / "notes.txt").read_text() == "from somebody"


def test_a_tree_that_changes_while_its_first_update_is_fetched_is_not_adopted_as_it_was(
    tmp_path: Path, rpm: Builder, tree: Path, server: MirrorServer
) -> None:
    copy([rpm("bash", "3")], tmp_path / "mirror")
    program = configured(tmp_path, tree, f'url = "{server.url}/"\n{LISTING}')
    when_fetched(server, lambda: put_there(tree / KERNEL))
    assert program("update").code == 1
    assert program("history", "--json").tree["generations"] == []
    assert program("update").code == 0
    assert program("check").code == 0


def test_a_file_that_only_looks_changed_prevents_nothing(mirrorsync: Mirrorsync, server: MirrorServer, tree: Path) -> None:
    kernel = (tree / KERNEL).read_bytes()

    def copied() -> None:
        (tree / KERNEL).unlink()
        (tree / KERNEL).write_bytes(kernel)

    when_fetched(server, copied)
    assert mirrorsync("update", "--json").tree["generation"] == 3
    assert (tree / KERNEL).read_bytes() == kernel


def test_a_run_that_was_refused_so_leaves_nothing_but_the_edit(mirrorsync: Mirrorsync, server: MirrorServer, tree: Path) -> None:
    before = snapshot(tree)
    when_fetched(server, lambda: put_there(tree / KERNEL))
    assert mirrorsync("update").code == 1
    assert snapshot(tree) == {**before, KERNEL: b"a kernel"[::-1]}
    assert mirrorsync("rollback", "redhat", "2").code == 0
    assert snapshot(tree).keys() >= before.keys()
    assert (tree / KERNEL).read_bytes() == b"a kernel"


@pytest.fixture
def site(tmp_path: Path, rpm: Builder) -> Tree:
    """A tree whose generation N lists bash-N."""
    made = make_tree(tmp_path, [rpm("bash", "1")])
    published(made, rpm("bash", "2"))
    return made


def listed(tree: Tree) -> str:
    """The version of bash that an installer would find."""
    [package] = read_indexes(Shape(Layout.REDHAT), tree.path)
    return package.nevra.evr.version


@pytest.mark.parametrize("publications", [1, 3, 5])
def test_a_reading_that_publications_come_between_is_done_again(site: Tree, rpm: Builder, publications: int) -> None:
    versions = iter(range(3, 3 + publications))

    def read() -> tuple[str, int | None]:
        version = listed(site)
        for number in versions:
            published(site, rpm("bash", str(number)))
            break
        return version, site.stamp()

    assert steady(site, read) == (str(2 + publications), 2 + publications)


def test_readings_beside_a_run_that_publishes_never_speak_of_two_generations(site: Tree, rpm: Builder) -> None:
    packages = [rpm("bash", str(number)) for number in range(3, 15)]
    done = threading.Event()

    def publish() -> None:
        try:
            for package in packages:
                published(site, package)
        finally:
            done.set()

    thread = threading.Thread(target=publish)
    thread.start()
    found = set()
    while not done.is_set():
        found.add(steady(site, lambda: (site.stamp(), listed(site), listed(site))))
    thread.join(timeout=60)
    assert len(found) > 1
    assert [reading for reading in found if {reading[1], reading[2]} != {str(reading[0])}] == []


@pytest.mark.parametrize("error", [TreeError("no tree"), PermissionError(13, "Permission denied")])
def test_an_error_that_no_publication_explains_is_raised_at_once(site: Tree, error: Exception) -> None:
    readings = []

    def read() -> None:
        readings.append(1)
        raise error

    with pytest.raises(type(error)):
        steady(site, read)
    assert len(readings) == 1


def test_an_error_that_a_publication_came_between_is_none(site: Tree, rpm: Builder) -> None:
    former = site.path / "RedHat/RPMS/bash-2-1.noarch.rpm"
    readings: list[int | None] = []

    def read() -> int | None:
        if not readings:
            readings.append(site.stamp())
            published(site, rpm("bash", "3"))
            raise FileNotFoundError(2, "No such file or directory", str(former))
        return site.stamp()

    assert steady(site, read) == 3


def test_a_tree_that_never_comes_to_rest_is_read_as_it_comes(site: Tree, rpm: Builder) -> None:
    readings = []

    def read() -> str:
        version = listed(site)
        readings.append(version)
        published(site, rpm("bash", str(len(readings) + 2)))
        return version

    assert steady(site, read) == "7"
    assert len(readings) == 6
