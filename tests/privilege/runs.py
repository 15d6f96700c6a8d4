"""The program as a user who owns a tree and nothing else: by setpriv(1), or in the sandbox of the systemd unit."""

import ctypes.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests import namespaces
from tests.commands import Mirrorsync, Result
from tests.privilege import seccomp
from tests.privilege.unit import UNIT

USER, UID = "nobody", 65534
_PROJECT, _PACKAGES = UNIT.parents[2], Path(sysconfig.get_path("purelib"))
_PLAIN = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


@dataclass(frozen=True)
class Unprivileged(Mirrorsync):
    """As `Mirrorsync`, run by USER; `folder` is all it owns. sandboxed: as the unit says, else without its restrictions."""

    folder: Path
    sandboxed: bool

    @property
    def command(self) -> list[str]:
        sandbox = [sys.executable, "-m", "tests.privilege.sandbox", str(UNIT), str(self.folder), str(UID)]
        program = [interpreter(), "-m", "mirrorsync", "--config", str(self.config)]
        return [*sandbox, "/usr/bin/env", *self._variables, *program] if self.sandboxed else [*_PLAIN, "env", *self._variables, *program]

    @property
    def _variables(self) -> list[str]:
        code = self.folder / "code"
        paths = (code / "project", code / "packages") if self.sandboxed else (_PROJECT, _PACKAGES)
        set_to = {"PYTHONPATH": ":".join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1", "XDG_STATE_HOME": self.folder}
        return [f"{name}={value}" for name, value in set_to.items()]

    def __call__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Result:
        environment = {**os.environ, **(environ or {})}
        command = [*self.command, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=_PROJECT, env=environment)
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)


@cache
def obstacle(*, sandboxed: bool) -> str:
    """Why another user cannot be put on here, or be restricted as the unit says; '' where he can."""
    if os.geteuid() != 0:
        return "only root can run the program as another user"
    if sandboxed and (reason := namespaces.obstacle("mount", "net")):
        return reason
    if sandboxed and shutil.which("systemd-analyze") is None:
        return "this machine lacks systemd-analyze, which knows the groups of system calls; install systemd"
    if sandboxed and ctypes.util.find_library("seccomp") is None:
        return f"this machine lacks {seccomp.LIBRARY}"
    if not sandboxed and not Path("/dev/null").stat().st_mode & 0o002:
        return "/dev/null is closed to everybody but root, and every program opens it; chmod 666 /dev/null"
    return "" if interpreter() else f"{USER} can run no Python here: the project, or Python itself, lies in a folder closed to him"


@cache
def interpreter() -> str:
    """A Python of this version that USER may run with the project's dependencies, '' where there is none."""
    for candidate in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}", "/usr/bin/python3"):
        modules = "import mirrorsync.cli.main, createrepo_c, rpm, solv"
        trial = [*_PLAIN, "env", f"PYTHONPATH={_PROJECT}:{_PACKAGES}", candidate, "-c", modules]
        if subprocess.run(trial, capture_output=True, check=False, cwd="/").returncode == 0:
            return candidate
    return ""
