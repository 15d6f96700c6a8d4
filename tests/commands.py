"""mirrorsync called as an administrator calls it: a configuration file, a command, what it prints and how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)

    @property
    def tree(self) -> Any:
        """The one tree of that document."""
        [tree] = self.document["trees"]
        return tree

    @property
    def findings(self) -> list[Any]:
        """What was found, without the note that a mirror's packages need not be signed, as those of most tests need not."""
        return [finding for finding in self.tree["findings"] if finding["code"] != "not-signed"]


@dataclass(frozen=True)
class Mirrorsync:
    """The program with one configuration file."""

    config: Path

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "mirrorsync", "--config", str(self.config)]

    def __call__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Result:
        done = subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **(environ or {})}
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)


def configured(folder: Path, tree: Path, updates: str, *, layout: str = "redhat", arches: str = '"i386"', more: str = "") -> Mirrorsync:
    """A configuration of one tree, named after its folder.

    updates: the inside of [[trees.NAME.updates]], "" for none.  more: of [trees.NAME].
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "mirrorsync.toml"
    config.write_text(f"""
[mirrorsync]
state = "{folder}/state"
[trees.{tree.name}]
path = "{tree}"
layout = "{layout}"
arches = [{arches}]
{more}
{f"[[trees.{tree.name}.updates]]" if updates else ""}
{updates}
""")
    return Mirrorsync(config)


def nevra_text(document: Mapping[str, str]) -> str:
    """A NEVRA of a document as people write it."""
    epoch = f"{document['epoch']}:" if document.get("epoch", "0") != "0" else ""
    return f"{document['name']}-{epoch}{document['version']}-{document['release']}.{document['arch']}"


def changes(result: Result) -> dict[str, list[str]]:
    """What comes in and what goes out by the plan of a result."""
    plan = result.tree["plan"]
    return {kind: [nevra_text(entry["package"]) for entry in plan[kind]] for kind in ("incoming", "outgoing")}


def dnf(folder: Path, tree: Path, *arguments: str) -> str:
    """What Debian's or EL's dnf prints, with the tree as its only repository and `folder` for everything it writes."""
    (folder / "dnf/log").mkdir(parents=True, exist_ok=True)
    settings = {"reposdir": "/nonexistent", "cachedir": f"{folder}/dnf/cache", "logdir": f"{folder}/dnf/log", "persistdir": f"{folder}/dnf"}
    options = [f"--setopt={name}={value}" for name, value in settings.items()]
    command = ["dnf", "-q", f"--repofrompath=tree,file://{tree}", "--repo=tree", *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
