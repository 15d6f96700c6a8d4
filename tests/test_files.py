"""The door to changing the disk."""

import stat
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
