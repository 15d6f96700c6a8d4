"""mirrorsync with everything imported, forked for each call: so that hundreds of states can be run on.

`python -m tests.powerloss.program` reads lines of JSON ({"arguments": […], "output": PATH}) and answers each with an exit code.
"""

import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import mirrorsync
from tests.powerloss.recording import RUN_SECONDS, UMASK

FAULT = 70  # sysexits.h's EX_SOFTWARE: an exception came out of it


@dataclass(frozen=True, slots=True)
class Program:
    """The waiting program."""

    server: "subprocess.Popen[str]"

    def __call__(self, arguments: list[str], output: Path) -> int:
        """Run it once; how it ended. What it printed is in the file `output`. Raises TimeoutError."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        print(json.dumps({"arguments": arguments, "output": str(output)}), file=self.server.stdin, flush=True)
        if not select.select([self.server.stdout], [], [], RUN_SECONDS)[0]:
            raise TimeoutError(f"mirrorsync {' '.join(arguments)}: not done after {RUN_SECONDS} s")
        return int(self.server.stdout.readline())


@contextmanager
def warm_program() -> Iterator[Program]:
    """The program, ended with all that it started."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, umask=UMASK,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    ) as server:  # fmt: skip
        try:
            yield Program(server)
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def serve() -> None:
    """Answer until nothing more is asked."""
    for module in pkgutil.walk_packages(mirrorsync.__path__, "mirrorsync."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_run(asked["arguments"], asked["output"]))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(arguments: list[str], output: str) -> int:
    from mirrorsync.cli.main import main  # noqa: PLC0415  loaded by `serve`

    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(written, 1)
    os.dup2(written, 2)
    sys.argv = ["mirrorsync", *arguments]
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else FAULT
    except BaseException:  # noqa: BLE001  what came out of it is what is to be shown
        sys.excepthook(*sys.exc_info())
        code = FAULT
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    serve()
