"""`python -m tests.inflight.room --nfs 3|4 FOLDER COMMAND...`: the command, in namespaces where FOLDER is served by that version of NFS.

With --silent what answers at NFS's port says nothing, with --none nobody answers, with
--refusing nobody may mount it; with --mountd FILE rpc.mountd shows what that file in place of /etc/exports says.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.inflight import ganesha
from tests.inflight.mountd import exporting, refusing

_NFS, _PORTMAPPER = 2049, 111


def main() -> int:
    """Its exit code is the command's."""
    parser = argparse.ArgumentParser(prog="python -m tests.inflight.room", description=__doc__)
    parser.add_argument("--nfs", type=int, choices=(3, 4), required=True)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--none", action="store_true")
    parser.add_argument("--refusing", action="store_true")
    parser.add_argument("--mountd", type=Path, metavar="FILE")
    parser.add_argument("folder", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    if not asked.inside:
        if reason := ganesha.missing():
            parser.error(reason)
        ganesha.run_inside("tests.inflight.room", ["--inside", *sys.argv[1:]])
    ganesha.enter_network()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        if asked.silent:
            for port in (_NFS, _PORTMAPPER):
                stack.enter_context(socket.create_server((ganesha.ADDRESS, port)))
        elif asked.mountd:
            stack.enter_context(ganesha.portmapper(Path(name)))
            stack.enter_context(exporting(asked.mountd, Path(name)))
        elif asked.refusing:
            stack.enter_context(refusing(ganesha.ADDRESS, _PORTMAPPER))
        elif not asked.none:
            stack.enter_context(ganesha.portmapper(Path(name)))
            stack.enter_context(ganesha.ganesha(asked.folder, (asked.nfs,), Path(name)))
        return subprocess.run(asked.command, check=False, env=os.environ).returncode


if __name__ == "__main__":
    sys.exit(main())
