"""The real program, loaded once and forked for each call: what a call costs is the run, not Python's start.

`python -m tests.warm` reads the arguments of a command line, a JSON document a line, and answers each with one more:
[exit code, standard output, standard error].
"""

import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import IO, Any, NoReturn

import mirrorsync
from tests.commands import Result

RUN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Program:
    """A process that holds the program; a call is what a shell would do."""

    server: "subprocess.Popen[str]"

    def __call__(self, *arguments: str) -> Result:
        """Run the program and wait for its end. Raises EOFError where there is no program any more."""
        if self.server.stdin is None or self.server.stdout is None:
            raise ValueError("the program has no pipes")
        print(json.dumps(arguments), file=self.server.stdin, flush=True)
        answer = self.server.stdout.readline()
        if not answer:
            raise EOFError("the process that has the program ended; it said why on standard error")
        code, out, err = json.loads(answer)
        return Result(code, out, err)


@contextmanager
def warm_program(umask: int = -1) -> Iterator[Program]:
    """The program, ended with all that it started; with this process's umask where none is given."""
    command, environ = [sys.executable, "-m", __name__], {**os.environ, "PYTHONHASHSEED": "0"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, umask=umask, env=environ
    ) as server:
        try:
            yield Program(server)
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def load() -> None:
    """Load all of mirrorsync."""
    for module in pkgutil.walk_packages(mirrorsync.__path__, "mirrorsync."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def run_main(arguments: Sequence[str]) -> int:
    """The command line's own main, ended as the interpreter would end it: its exit code."""
    from mirrorsync.cli.main import main  # noqa: PLC0415  `load` decides when mirrorsync is loaded

    sys.argv = ["mirrorsync", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except BaseException:  # noqa: BLE001  the interpreter's last resort: what it would print, and 1
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def serve() -> None:
    """Answer every line of standard input until there are no more."""
    load()
    for line in sys.stdin:
        print(json.dumps(_called(json.loads(line))), flush=True)


def _called(arguments: Sequence[str]) -> list[Any]:
    """Run the program in a fork."""
    with tempfile.TemporaryFile("w+", errors="surrogateescape") as out, tempfile.TemporaryFile("w+", errors="surrogateescape") as err:
        child = os.fork()
        if child == 0:
            _become(arguments, out.fileno(), err.fileno())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return [code, _written(out), _written(err)]


def _become(arguments: Sequence[str], out: int, err: int) -> NoReturn:
    """The child's whole life; the alarm ends one that hangs."""
    code = 1
    try:
        signal.alarm(RUN_SECONDS)
        os.dup2(out, sys.stdout.fileno())
        os.dup2(err, sys.stderr.fileno())
        code = run_main(arguments)
    finally:
        os._exit(code)


def _written(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    serve()
