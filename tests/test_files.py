"""The door to changing the disk."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirrorsync.files import write_file


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_nobody_elses_to_read_before_it_is_whole(tmp_path: Path, mode: int) -> None:
    seen: list[int] = []

    def content() -> Iterator[bytes]:
        yield b"a "
        seen.extend(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir())
        yield b"secret"

    write_file(tmp_path / "file", content(), mode=mode)
    assert seen == [0o600]
    assert (tmp_path / "file").read_bytes() == b"a secret"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.parametrize("left", ["file", "link", "name"])
def test_what_lies_where_a_file_is_begun_is_not_written_to(tmp_path: Path, left: str) -> None:
    other, partial = tmp_path / "other", tmp_path / f".file.{os.getpid()}.new"
    other.write_text("published")
    match left:
        case "file":
            partial.write_text("a process that was killed left this, which is longer")
            partial.chmod(0o666)
        case "link":
            partial.symlink_to(other)
        case "name":
            partial.hardlink_to(other)
    write_file(tmp_path / "file", b"secret", mode=0o600)
    assert (other.read_text(), (tmp_path / "file").read_text()) == ("published", "secret")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "other"]


@pytest.mark.parametrize("what", ["write", "flush"])
def test_what_a_limit_refuses_names_the_file_and_leaves_the_old_one(tmp_path: Path, what: str) -> None:
    """A limit of a process refuses as a full disk does: write(2) tells no name."""
    (tmp_path / "file").write_text("old")
    script = f"""
import resource, signal, sys
from pathlib import Path
from mirrorsync.files import write_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_file(Path("{tmp_path}/file"), b"x" * {5000 if what == "flush" else 1 << 20})
except OSError as error:
    print(error.filename, error.strerror)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{tmp_path}/file File too large\n", "")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]
