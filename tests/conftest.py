"""What many tests share: real packages, built once a session."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.rpms import PackageSpec, build_rpms

Builder = Callable[..., Path]


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


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder that daemons of other users can write to, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)
