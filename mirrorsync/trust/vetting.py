"""What a key says of itself without what it did not sign: rpm and gpgv take a key as it is, so gpg is asked first."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from mirrorsync.errors import TrustError
from mirrorsync.trust.confinement import confined
from mirrorsync.trust.material import fingerprint
from mirrorsync.trust.memfd import in_memory
from mirrorsync.trust.packets import Packet, grouped, packets

Key = Sequence[Packet]
"""A primary key, and what follows it: user ids, subkeys, and after each the signatures on it."""

_VERSION_4 = 4  # gpg 2.2 reads no other; at one that it cannot read it stops
_OPTIONS = (
    "--batch", "--no-options", "--no-keyring", "--no-autostart", "--no-permission-warning", "--lock-never",
    "--ignore-time-conflict", "--allow-weak-digest-algos", "--allow-weak-key-signatures",
    "--import-options", "import-export,import-minimal",
)  # fmt: skip
"""Write what would be imported and do not import it. Keys of 1999 signed themselves with MD5; what they sign is judged elsewhere."""


def vetted(keys: Sequence[Key]) -> Mapping[str, Key]:
    """Keys by fingerprint, each with its newest statements of those that it signed itself; strangers' must have been left out before.

    A key is missing that gpg cannot read, and all are where gpg is not installed. Raises TrustError where gpg cannot be run.
    """
    readable = [key for key in keys if key[0].body[:1] == bytes([_VERSION_4])]
    if not readable or shutil.which("gpg") is None:
        return {}
    found = packets(_exported(b"".join(packet.raw for key in readable for packet in key)))
    return {fingerprint(key[0].body): key for key in grouped(found)}


def _exported(keys: bytes) -> bytes:
    """What gpg makes of them, in an empty folder of its own."""
    with ExitStack() as stack:
        try:
            home = stack.enter_context(TemporaryDirectory(prefix="mirrorsync-"))
        except OSError as error:
            raise TrustError(f"no folder can be made for gpg: {error.strerror}; make room, or name another in TMPDIR") from error
        descriptor = stack.enter_context(in_memory(keys))
        command = ["gpg", "--homedir", home, *_OPTIONS, "--import", f"/proc/self/fd/{descriptor}"]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": home}
        return confined(command, environment=environment, writable=[Path(home)], descriptors=[descriptor]).stdout
