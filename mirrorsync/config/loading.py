"""The configuration from its files to a `Config`, or every problem of it at once."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from mirrorsync.config.explanation import explain
from mirrorsync.config.named_files import missing_parts, unusable_files
from mirrorsync.config.places import misplaced
from mirrorsync.config.rules import broken_rules
from mirrorsync.config.schema import Config
from mirrorsync.config.secrets import exposed_proxies
from mirrorsync.config.sources import Location, Sources, gather
from mirrorsync.errors import ConfigError

DEFAULT_PATH = Path("/etc/mirrorsync/mirrorsync.toml")
ENVIRONMENT_VARIABLE = "MIRRORSYNC_CONFIG"
_ROOT_STATE = Path("/var/lib/mirrorsync")


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration at `path`, else where MIRRORSYNC_CONFIG says, else at the default path.

    Raises ConfigError with one line for each problem: `file: key: what; what to do`.
    """
    return understand(gather(locate(path, environ)), default_state(environ, root=os.geteuid() == 0))


def check(path: Path | None, environ: Mapping[str, str]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Load as `load` does, and see that it has all an update needs and that every file it names can be used.

    The files read and the trees in them. Raises ConfigError.
    """
    sources = gather(locate(path, environ))
    config = understand(sources, default_state(environ, root=os.geteuid() == 0))
    problems = sources.told((*missing_parts(config), *unusable_files(config)))
    if problems:
        raise ConfigError(problems)
    return sources.files, tuple(config.trees)


def locate(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The main configuration file: as given, else as the environment says, else the default."""
    return path or Path(environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_PATH)


def default_state(environ: Mapping[str, str], *, root: bool) -> Path:
    """The state directory where none is configured: /var/lib/mirrorsync for root, the XDG state folder for others."""
    if root:
        return _ROOT_STATE
    base = environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path(environ.get("HOME") or "/") / ".local" / "state") / "mirrorsync"


def understand(sources: Sources, state: Path) -> Config:
    """The files' values as a Config whose state directory is `state` where they name none; paths' symlinks are looked at.

    Raises ConfigError with all problems.
    """
    values = dict(sources.values)
    general = values.get("mirrorsync", {})
    values["mirrorsync"] = {"state": str(state), **general} if isinstance(general, dict) else general
    problems: dict[Location, str] = {}
    config = None
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False):
            where = tuple(part for part in detail["loc"] if part != "[key]")
            if detail["type"] != "too_short" or not detail["input"]:  # pydantic counts the good items of a list only
                problems.setdefault(where, explain(detail, where))
    for where, what in (*broken_rules(sources.values), *exposed_proxies(sources), *misplaced(values)):
        problems.setdefault(where, what)
    if config is None or problems:
        raise ConfigError(sources.told(problems.items()))
    return config
