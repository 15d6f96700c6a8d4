"""The page's folder: never half-written, nobody else's files touched, stale ones gone, readable by web servers."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirrorsync.app.sitefolder import MANIFEST, Written, write_site
from mirrorsync.errors import PageError
from mirrorsync.report.page import Part, parts_of
from mirrorsync.tree.site import Tree
from tests import standings
from tests.standings import NOW
from tests.trees import make_tree, snapshot

FIRST = {"static/style.css": b"one", "errata/A.html": b"two", "trees/t/index.html": b"three", "index.html": b"four"}


def write(folder: Path, files: dict[str, bytes], *trees: Tree) -> Written:
    return write_site(folder, lambda: [Part("", files.items)], trees)


def held(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in snapshot(folder).items() if name != MANIFEST}


def test_a_page_is_written_and_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "www" / "page"
    assert write(folder, FIRST) == Written(folder, 4, 15, 4, 0)
    assert held(folder) == FIRST
    assert write(folder, FIRST) == Written(folder, 4, 15, 0, 0)


def test_what_did_not_change_is_not_written_again(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    before = {name: (tmp_path / name).stat().st_ino for name in FIRST}
    written = write(tmp_path, {**FIRST, "index.html": b"new"})
    after = {name: (tmp_path / name).stat().st_ino for name in FIRST}
    assert written.changed == 1
    assert {name for name in FIRST if before[name] != after[name]} == {"index.html"}


def test_a_part_is_made_again_where_it_is_of_something_else_or_a_file_of_it_is_gone_or_all_is_to_be_made_anew(tmp_path: Path) -> None:
    made: list[str] = []

    def some(key: str, content: bytes) -> Part:
        def pages() -> Iterator[tuple[str, bytes]]:
            made.append(key)
            yield "errata/A.html", content

        return Part(key, pages)

    def written(key: str, content: bytes, *, anew: bool = False) -> list[str]:
        made.clear()
        write_site(tmp_path, lambda: [some(key, content), Part("", {"index.html": b"front"}.items)], (), anew=anew)
        assert held(tmp_path) == {"errata/A.html": content, "index.html": b"front"}
        return list(made)

    assert written("monday", b"one") == ["monday"]
    assert written("monday", b"one") == []
    assert written("monday", b"two", anew=True) == ["monday"]
    assert written("tuesday", b"three") == ["tuesday"]
    (tmp_path / "errata" / "A.html").unlink()
    assert written("tuesday", b"three") == ["tuesday"]
    (tmp_path / "errata" / "A.html").chmod(0o600)
    assert written("tuesday", b"three") == ["tuesday"]


def test_files_that_the_page_no_longer_has_go_with_their_folders_and_those_of_others_stay(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    (tmp_path / "trees" / "mine.txt").write_text("mine")
    (tmp_path / "robots.txt").write_text("also mine")
    assert write(tmp_path, {"index.html": b"four"}).removed == 3
    assert held(tmp_path) == {"index.html": b"four", "trees/mine.txt": b"mine", "robots.txt": b"also mine"}
    assert not (tmp_path / "errata").exists()
    assert not (tmp_path / "trees" / "t").exists()


@pytest.mark.parametrize("name", ["index.html", "errata/A.html"])
def test_a_file_of_somebody_elses_is_not_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(PageError, match=f"{name}: not written by mirrorsync.*nothing was written"):
        write(tmp_path, FIRST)
    assert snapshot(tmp_path) == {name: b"mine"}


@pytest.mark.parametrize("link", [True, False])
def test_a_link_or_file_where_the_page_has_a_folder_is_refused(tmp_path: Path, *, link: bool) -> None:
    folder, elsewhere = tmp_path / "page", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    if link:
        (folder / "errata").symlink_to(elsewhere)
    else:
        (folder / "errata").write_text("mine")
    with pytest.raises(PageError, match="errata: not written by mirrorsync"):
        write(folder, FIRST)
    assert not list(elsewhere.iterdir())
    assert [path.name for path in folder.iterdir()] == ["errata"]


def test_a_link_that_took_a_files_place_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    folder, secret = tmp_path / "page", tmp_path / "secret"
    write(folder, FIRST)
    secret.write_text("secret")
    (folder / "index.html").unlink()
    (folder / "index.html").symlink_to(secret)
    write(folder, FIRST)
    assert secret.read_text() == "secret"
    assert held(folder) == FIRST


def test_a_page_neither_lies_in_a_tree_nor_around_one_where_they_would_meet(tmp_path: Path) -> None:
    tree = make_tree(tmp_path, [])
    tree.home.mkdir(parents=True)
    for folder in (tree.path, tree.path / "images" / "page", tree.home / "page"):
        with pytest.raises(PageError, match=r"lies in tree redhat .*; name a folder outside it"):
            write(folder, FIRST, tree)
    tree.path.rename(tree.path.with_name("trees"))
    with pytest.raises(PageError, match="lies in tree redhat"):
        write(tmp_path / "u1", FIRST, Tree("redhat", tmp_path / "u1" / "trees", tree.layout, tree.state, ("i386",)))
    write(tmp_path / "u1" / "page", FIRST, tree)


def test_a_folder_that_is_a_link_into_a_tree_is_refused(tmp_path: Path) -> None:
    tree = make_tree(tmp_path, [])
    (tmp_path / "www").symlink_to(tree.path / "images")
    with pytest.raises(PageError, match="lies in tree redhat"):
        write(tmp_path / "www", FIRST, tree)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        "{}",
        '{"schema": "mirrorsync-page-1", "files": ["../secret"], "parts": {}}',
        '{"schema": "mirrorsync-page-1", "files": [], "parts": {"": ["../secret"]}}',
        '{"schema": "x", "files": [], "parts": {}}',
    ],
)
def test_a_list_of_files_that_is_not_one_removes_nothing(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / MANIFEST).write_text(text)
    with pytest.raises(PageError, match="not the list of the page's files"):
        write(folder, FIRST)
    assert snapshot(tmp_path) == {"secret": b"secret", f"page/{MANIFEST}": text.encode()}


def test_modes_are_those_that_web_servers_read_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write(tmp_path / "page", FIRST)
    finally:
        os.umask(before)
    for path in (tmp_path / "page").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
    (tmp_path / "page" / "index.html").chmod(0o600)
    write(tmp_path / "page", FIRST)
    assert stat.S_IMODE((tmp_path / "page" / "index.html").stat().st_mode) == 0o644


def test_a_page_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    write(tmp_path, FIRST)

    def broken() -> Iterator[tuple[str, bytes]]:
        yield "index.html", b"new"
        raise PageError("no more")

    with pytest.raises(PageError, match="no more"):
        write_site(tmp_path, lambda: [Part("", broken)], ())
    assert held(tmp_path) == FIRST


def test_what_a_killed_run_left_is_taken_up(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    stage = tmp_path / f"{MANIFEST}.new"
    (stage / "errata").mkdir(parents=True)
    (stage / "errata" / "A.html").write_text("half")
    (tmp_path / f".{MANIFEST}.4711.new").write_text("half")
    write(tmp_path, {**FIRST, "index.html": b"new"})
    assert held(tmp_path) == {**FIRST, "index.html": b"new"}


def test_a_folder_that_became_a_link_is_not_followed_when_stale_files_go(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "page", tmp_path / "elsewhere"
    write(folder, FIRST)
    (folder / "errata").rename(elsewhere)
    (folder / "errata").symlink_to(elsewhere)
    write(folder, {"index.html": b"four"})
    assert (elsewhere / "A.html").read_bytes() == b"two"


_KILLED = """
import sys
from pathlib import Path
from mirrorsync.app.sitefolder import write_site
from mirrorsync.report.page import Part
files = {name: b"new" for name in sys.argv[2:]}
write_site(Path(sys.argv[1]), lambda: [Part("", files.items)], ())
"""


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (bash fixtures/setup test)")
@pytest.mark.parametrize("rename", range(1, 8))
def test_a_run_killed_at_any_rename_leaves_whole_files_and_none_that_the_next_one_does_not_know(tmp_path: Path, rename: int) -> None:
    write(tmp_path, FIRST)
    names = [name.replace("A", "B") for name in FIRST] + ["packages/new.html"]
    trace = ["strace", "-qq", "-o", os.devnull, "-e", "trace=rename", "-e", f"inject=rename:signal=KILL:when={rename}"]
    ended = subprocess.run([*trace, sys.executable, "-c", _KILLED, str(tmp_path), *names], check=False)
    assert ended.returncode == -signal.SIGKILL
    found = held(tmp_path)
    assert all(content in (FIRST.get(name), b"new") for name, content in found.items() if MANIFEST not in name)
    assert {name for name in found if "/" not in name and MANIFEST not in name} == {"index.html"}
    write(tmp_path, {"index.html": b"last"})
    assert held(tmp_path) == {"index.html": b"last"}


def test_readers_meet_whole_files_only_while_pages_are_made_anew(tmp_path: Path) -> None:
    versions = [{name: bytes([64 + number]) * 300_000 for name in FIRST} for number in range(12)]
    write(tmp_path, versions[0])
    faults: list[str] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            for name in FIRST:
                content = (tmp_path / name).read_bytes()
                if len(content) != 300_000 or len(set(content)) != 1:
                    faults.append(name)

    reader = threading.Thread(target=read)
    reader.start()
    for version in versions:
        write(tmp_path, version)
    over.set()
    reader.join()
    assert faults == []
    assert held(tmp_path) == versions[-1]


def test_of_two_runs_at_once_the_second_makes_its_pages_after_the_first(tmp_path: Path) -> None:
    at_work = threading.Event()
    order: list[str] = []

    def slow() -> Iterator[tuple[str, bytes]]:
        at_work.set()
        time.sleep(0.3)
        order.append("slow")
        yield "index.html", b"slow"

    def quick() -> Iterator[tuple[str, bytes]]:
        order.append("quick")
        yield "index.html", b"quick"

    first = threading.Thread(target=write_site, args=(tmp_path, lambda: [Part("", slow)], ()))
    first.start()
    at_work.wait(10)
    write_site(tmp_path, lambda: [Part("", quick)], ())
    first.join()
    assert order == ["slow", "quick"]
    assert held(tmp_path) == {"index.html": b"quick"}


def test_names_that_would_lead_out_of_the_folder_are_never_made(tmp_path: Path) -> None:
    trees = standings.site(standings.nasty())
    write_site(tmp_path / "page", lambda: parts_of(*trees, {}, NOW), ())
    assert [path.name for path in tmp_path.iterdir()] == ["page"]
    assert (tmp_path / "page" / "index.html").exists()
