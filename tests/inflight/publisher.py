"""The real program, called again and again without loading it each time: one process that has it, and a fork of that for every call.

The protocol, a JSON document a line: the arguments go in; [exit code, standard output, standard error] come out.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn

from mirrorsync.cli.main import main
from tests.commands import Result

COMMAND_SECONDS = 120
LOADED = ("mirrorsync.cli.update", "mirrorsync.cli.rollback", "mirrorsync.app.renewal", "mirrorsync.app.planning")


@dataclass(frozen=True, slots=True)
class Publisher:
    """A process that holds the program; `call` is what a shell would do."""

    server: "subprocess.Popen[str]"

    def call(self, *arguments: str) -> Result:
        """Run the program with these arguments and wait for its end. Raises EOFError where there is no program any more."""
        if self.server.stdin is None or self.server.stdout is None:
            raise ValueError("the publisher has no pipes")
        print(json.dumps(arguments), file=self.server.stdin, flush=True)
        answer = self.server.stdout.readline()
        if not answer:
            raise EOFError("the process that has the program ended; it said why on standard error")
        code, out, err = json.loads(answer)
        return Result(code, out, err)


@contextmanager
def publisher() -> Iterator[Publisher]:
    """Start the process that has the program, and end it."""
    command = [sys.executable, "-m", "tests.inflight.publisher"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield Publisher(server)
        finally:
            if server.stdin:
                server.stdin.close()
            server.wait(COMMAND_SECONDS)


def serve() -> None:
    """Answer every line of standard input until there are no more."""
    for module in LOADED:
        import_module(module)
    for line in sys.stdin:
        print(json.dumps(_called(json.loads(line))), flush=True)


def _called(arguments: Sequence[str]) -> list[Any]:
    """Run the program in a fork."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            _become(arguments, out.fileno(), err.fileno())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return [code, _written(out), _written(err)]


def _become(arguments: Sequence[str], out: int, err: int) -> NoReturn:
    """What the console script does, in this process; the alarm ends one that hangs."""
    signal.alarm(COMMAND_SECONDS)
    os.dup2(out, sys.stdout.fileno())
    os.dup2(err, sys.stderr.fileno())
    sys.argv = ["mirrorsync", *arguments]
    main()
    sys.exit("mirrorsync came back")


def _written(file: Any) -> str:
    file.seek(0)
    return str(file.read())


if __name__ == "__main__":
    serve()
