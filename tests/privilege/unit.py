"""A systemd unit's [Service] section, as far as the sandbox needs it."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNIT = Path(__file__).parents[2] / "config/systemd/mirrorsync.service"


@dataclass(frozen=True)
class Service:
    """Each key of the section with its values, in their order."""

    settings: dict[str, tuple[str, ...]]

    @classmethod
    def read(cls, path: Path) -> "Service":
        section, settings = "", {}
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                settings[key] = (*settings.get(key, ()), value)
        return cls(settings)

    def value(self, key: str) -> str:
        [value] = self.settings.get(key, ("",))
        return value

    def on(self, key: str) -> bool:
        return self.value(key) in ("yes", "strict", "closed", "invisible", "pid", "native")

    @property
    def system_calls(self) -> frozenset[str]:
        """The calls that SystemCallFilter= lets pass: groups opened up, those with '~' taken out again, in the order of the lines."""
        allowed: set[str] = set()
        for line in self.settings["SystemCallFilter"]:
            names = {call for word in line.removeprefix("~").split() for call in _calls(word)}
            allowed = allowed - names if line.startswith("~") else allowed | names
        return frozenset(allowed)


def _calls(word: str) -> Iterator[str]:
    """The calls of a group by its name, with those of the groups in it; a call itself."""
    if not word.startswith("@"):
        yield word
        return
    listed = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines()[1:]:
        if (name := line.strip()) and not name.startswith("#"):
            yield from _calls(name)
