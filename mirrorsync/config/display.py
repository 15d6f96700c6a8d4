"""The configuration as it holds, shown to people as TOML and to programs as JSON; passwords appear in neither."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mirrorsync.config.schema import Config
from mirrorsync.errors import ExitCode
from mirrorsync.model.choices import Layout


def config_document(config: Config) -> dict[str, Any]:
    """The effective configuration as a JSON document; keys without a value are left out."""
    return {"schema": "mirrorsync-config-1", **_effective(config)}


def check_document(*, files: Sequence[Path] = (), trees: Sequence[str] = (), problems: Sequence[str] = ()) -> dict[str, Any]:
    """What `config check` found as a JSON document: the files that were read and the trees in them, or the problems."""
    return {
        "schema": "mirrorsync-config-check-1",
        "exit_code": int(ExitCode.CONFIGURATION if problems else ExitCode.DONE),
        "files": [str(file) for file in files],
        "trees": list(trees),
        "problems": list(problems),
    }


def config_text(config: Config) -> str:
    """The effective configuration as TOML that reads back to the same, but for passwords in proxy URLs."""
    return "\n".join(_table(_effective(config), ())).lstrip() + "\n"


def _effective(config: Config) -> dict[str, Any]:
    document = config.model_dump(mode="json", exclude_none=True)
    for tree in document["trees"].values():
        for key in ("compression", "repositories") if tree["layout"] == Layout.REDHAT else ("genhdlist",):
            tree.pop(key)
    return document


def _table(table: Mapping[str, Any], name: tuple[str, ...]) -> Iterator[str]:
    """A table's own values first, then the tables in it: what follows a heading in TOML belongs to that heading."""
    for key, value in table.items():
        if not _is_table(value) and not _is_tables(value):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        below = (*name, key)
        heading = ".".join(_key(part) for part in below)
        if _is_table(value):
            # a table that holds nothing but tables needs no heading of its own
            yield from ("", f"[{heading}]") if not value or not all(_is_table(item) for item in value.values()) else ()
            yield from _table(value, below)
        elif _is_tables(value):
            for item in value:
                yield from ("", f"[[{heading}]]")
                yield from _table(item, below)


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else _value(key)


def _value(value: str | int | list[str]) -> str:
    """JSON's notation of texts, whole numbers and lists of them is TOML's too, once DEL is escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
