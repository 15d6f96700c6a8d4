"""The configuration's files read as one table, each key remembering the file it came from."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirrorsync.errors import ConfigError

DROP_INS = "conf.d"
_APPENDED = "updates"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PLACE = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|(?P<end>end of document))\)")

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that a key is in, and the key as a person finds it there: `updates[1]` is that file's first."""

    file: Path
    key: str

    def __str__(self) -> str:
        """As messages begin: `file: key`."""
        return f"{self.file}: {self.key}" if self.key else str(self.file)


@dataclass(frozen=True, slots=True)
class Sources:
    """What the files say together. `values` are TOML's own types; `origins` has an entry for each key, table and update mirror."""

    files: tuple[Path, ...]
    values: Mapping[str, Any]
    origins: Mapping[Location, Origin]

    def origin(self, location: Location) -> Origin:
        """Where the key at `location` is, or where it would be: the last file that mentions its table, or the main file."""
        known = next((location[:length] for length in range(len(location), 0, -1) if location[:length] in self.origins), ())
        base = self.origins.get(known, Origin(self.files[0], ""))
        return Origin(base.file, _spell(base.key, *location[len(known) :]))

    def told(self, problems: Iterable[tuple[Location, str]]) -> tuple[str, ...]:
        """`file: key: what; what to do` of each (location, "what; what to do"), in the order of files and then of keys."""
        placed = [(self.origin(where), what) for where, what in problems]
        placed.sort(key=lambda problem: (self.files.index(problem[0].file), problem[0].key))
        return tuple(f"{origin}: {what}" for origin, what in placed)


def gather(main: Path) -> Sources:
    """Read `main` and then conf.d/*.toml beside it by name. Raises ConfigError with a problem for each file that cannot be read."""
    files = (main, *_drop_ins(main.parent / DROP_INS))
    tables: list[tuple[Path, Mapping[str, Any]]] = []
    problems: list[str] = []
    for file in files:
        try:
            tables.append((file, _read(file)))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(tuple(problems))
    return merge(tables)


def merge(tables: Sequence[tuple[Path, Mapping[str, Any]]]) -> Sources:
    """Later files over earlier ones: tables merge, update mirrors are added, any other value replaces the former one."""
    values: dict[str, Any] = {}
    origins: dict[Location, Origin] = {}
    for file, table in tables:
        _merge(values, table, (), Origin(file, ""), origins)
    return Sources(tuple(file for file, _ in tables), values, origins)


def _merge(target: dict[str, Any], table: Mapping[str, Any], location: Location, origin: Origin, origins: dict[Location, Origin]) -> None:
    for key, value in table.items():
        here = (*location, key)
        own = Origin(origin.file, _spell(origin.key, key))
        origins[here] = own
        if isinstance(value, dict):
            present = target.get(key)
            target[key] = present if isinstance(present, dict) else {}
            _merge(target[key], value, here, own, origins)
        elif key == _APPENDED and isinstance(value, list):
            target[key] = [*_listed(target.get(key)), *value]
            _number(value, here, len(target[key]) - len(value), own, origins)
        else:
            target[key] = value


def _number(items: Sequence[Any], location: Location, start: int, origin: Origin, origins: dict[Location, Origin]) -> None:
    """Note where each update mirror of one file went; people count from 1 and within the file before them."""
    for offset, item in enumerate(items):
        own = Origin(origin.file, _spell(origin.key, offset))
        origins[*location, start + offset] = own
        if isinstance(item, dict):
            _merge({}, item, (*location, start + offset), own, origins)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _spell(base: str, *parts: str | int) -> str:
    for part in parts:
        if isinstance(part, int):
            base = f"{base}[{part + 1}]"
        else:
            word = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            base = f"{base}.{word}" if base else word
    return base


def _drop_ins(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError((f"{folder}: cannot be read ({error.strerror}); make it a folder this user may read",)) from error


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError as error:
        raise ConfigError((f"{file}: is not there; write it (mirrorsync.toml(5) has a sample) or name another with --config",)) from error
    except OSError as error:
        raise ConfigError((f"{file}: cannot be read ({error.strerror}); let this user read it",)) from error
    except UnicodeDecodeError as error:
        raise ConfigError((f"{file}: byte {error.start + 1} is not UTF-8; save the file as UTF-8",)) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((_syntax_problem(file, str(error)),)) from error
    except ValueError as error:  # a number of thousands of digits
        raise ConfigError((f"{file}: is not TOML: a number with too many digits; correct it",)) from error
    except RecursionError as error:
        raise ConfigError((f"{file}: its lists or tables are nested too deep; correct it",)) from error


def _syntax_problem(file: Path, message: str) -> str:
    match = _PLACE.fullmatch(message)
    if match is None:
        return f"{file}: is not TOML: {message}; correct it"
    where = f"line {match['line']}" if match["line"] else "its last line"
    return f"{file}: {where}: is not TOML: {match['what']}; correct it there or on the line before"
