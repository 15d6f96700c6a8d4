"""Verified files kept by their SHA-256, and what becomes of those nobody uses."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mirrorsync.errors import TreeError
from mirrorsync.files import sha256_of
from mirrorsync.tree.pool import Pool

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path / ".mirrorsync/redhat/pool")


def arrive(pool: Pool, key: str, content: bytes) -> tuple[Path, str]:
    """A file that has arrived, and its SHA-256."""
    partial = pool.incoming(key)
    partial.write_bytes(content)
    return partial, hashlib.sha256(content).hexdigest()


def test_a_kept_file_lies_under_its_sha256_in_a_folder_of_its_first_two_digits(pool: Pool) -> None:
    partial, sha256 = arrive(pool, "a", b"bash")
    path = pool.keep(partial, sha256)
    assert path == pool.folder / sha256[:2] / sha256 == pool.path_of(sha256)
    assert sha256_of(path) == sha256
    assert pool.has(sha256)
    assert not partial.exists()


def test_a_kept_file_may_be_read_by_all_whatever_the_umask_is(pool: Pool) -> None:
    former = os.umask(0o077)
    try:
        path = pool.keep(*arrive(pool, "a", b"bash"))
    finally:
        os.umask(former)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o644, 0o755)


def test_a_file_kept_again_takes_the_place_of_the_former_and_not_its_inode(pool: Pool, tmp_path: Path) -> None:
    first = pool.keep(*arrive(pool, "a", b"bash"))
    in_use = tmp_path / "bash.rpm"
    in_use.hardlink_to(first)
    again = pool.keep(*arrive(pool, "b", b"bash"))
    assert again == first
    assert not again.samefile(in_use)


def test_what_arrived_under_a_key_is_found_again_after_it_was_kept(pool: Pool) -> None:
    partial, sha256 = arrive(pool, "a", b"bash")
    assert pool.arrived("a") is None
    pool.keep(partial, sha256)
    assert pool.arrived("a") == sha256


def test_what_is_no_longer_kept_has_not_arrived(pool: Pool) -> None:
    pool.keep(*arrive(pool, "a", b"bash")).unlink()
    assert pool.arrived("a") is None


@pytest.mark.parametrize("name", ["", "..", "../../../etc/passwd", "AB" * 32, "ab" * 31, "ab" * 33, "é" * 64, "ab" * 32 + "\n"])
def test_nothing_but_a_sha256_names_a_kept_file(pool: Pool, name: str) -> None:
    assert not pool.has(name)
    with pytest.raises(TreeError, match="is not a SHA-256 in hex"):
        pool.path_of(name)


def test_pruning_removes_what_no_generation_uses_and_says_how_many_bytes_that_freed(pool: Pool, tmp_path: Path) -> None:
    used, unused = (pool.keep(*arrive(pool, key, key.encode() * 1000)) for key in "ab")
    (tmp_path / "generation.rpm").hardlink_to(used)
    assert pool.prune() == 1000
    assert (used.exists(), unused.exists()) == (True, False)
    assert [path.name for path in sorted((pool.folder / "incoming").iterdir())] == ["a.kept"]
    assert pool.prune() == 0


def test_pruning_leaves_what_is_still_arriving(pool: Pool) -> None:
    partial, _ = arrive(pool, "ab" * 32, b"ba")
    pool.prune()
    assert partial.read_bytes() == b"ba"


def test_a_pool_that_was_never_used_is_pruned_without_being_made(pool: Pool) -> None:
    assert pool.prune() == 0
    assert not pool.folder.exists()


def test_what_began_to_arrive_long_ago_and_stopped_is_removed_when_asked_for(pool: Pool) -> None:
    old, _ = arrive(pool, "a", b"ba")
    new, _ = arrive(pool, "b", b"ba")
    for path, age in ((old, timedelta(days=8)), (new, timedelta(days=6))):
        os.utime(path, ((NOW - age).timestamp(),) * 2)
    assert pool.prune_incoming(NOW - timedelta(days=7)) == 2
    assert (old.exists(), new.exists()) == (False, True)
