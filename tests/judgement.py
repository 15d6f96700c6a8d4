"""What the tests of verdicts share: packages signed in every way that a policy looks at, and how a policy decides of them."""

import base64
import shutil
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fixtures.keys import SigningKey, signing_key
from mirrorsync.errors import VerificationError
from mirrorsync.model.choices import Signatures
from mirrorsync.model.package import Digest
from mirrorsync.rpmfile.header import ENTRY, INTRO, parse_header
from mirrorsync.rpmfile.tags import Kind
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.packets import packets
from mirrorsync.trust.signatures import verify
from mirrorsync.trust.statements import signature
from tests.conftest import Builder
from tests.trees import described

LEAD_SIZE = 96
LISTED_TAG = 278  # rpm 6: signatures of the header in base64
IN_TIME = 1590969600  # 2020-06-01
MADE, BEFORE, DURING, AFTER, END = "20200101", "20190601", "20200601", "20220601", "20210101"


@dataclass(frozen=True, slots=True)
class SignedPackages:
    """The same package, each time signed by another key, or at another time, and a keyring of all keys but `stranger`.

    sound: by a key of today.  spent: by a key that expired since.  late: after that key expired.  early: before it was made.
    sha1: with SHA-1 and a key of today.  dsa: with a DSA key.  short: with an RSA key of 1,024 bits.
    revoked: by a subkey that was revoked since.
    """

    folder: Path
    keys: tuple[SigningKey, ...]
    stranger: SigningKey

    def package(self, name: str) -> Path:
        return self.folder / f"{name}.rpm"

    def keyring(self, folder: Path) -> Keyring:
        """Made anew, from files that hold the stranger's key too: it is not pinned."""
        files = [key.public for key in (*self.keys, self.stranger)]
        return Keyring.make(folder, files, [key.fingerprint for key in self.keys])


@contextmanager
def signed_packages(rpm: Builder, folder: Path) -> Iterator[SignedPackages]:
    original = rpm("bash", "2.05a", "13", arch="i386", files={"/bin/bash": "#!\n" * 400})

    def copy(name: str) -> list[Path]:
        return [Path(shutil.copy(original, folder / f"{name}.rpm"))]

    with ExitStack() as stack:
        today = stack.enter_context(signing_key("Today"))
        stranger = stack.enter_context(signing_key("Stranger"))
        ended = stack.enter_context(signing_key("Ended", created=MADE))
        dsa = stack.enter_context(signing_key("Dsa", kind="DSA", bits=1024))
        short = stack.enter_context(signing_key("Short", bits=1024))
        whole = stack.enter_context(signing_key("Whole"))
        copy("unsigned")
        today.sign(copy("sound"))
        today.sign(copy("sha1"), digest="sha1")
        dsa.sign(copy("dsa"))
        short.sign(copy("short"))
        stranger.sign(copy("stranger"))
        ended.sign(copy("spent"), at=DURING)
        ended.sign(copy("late"), at=AFTER)
        ended.sign(copy("early"), at=BEFORE)
        ended.gpg("--quick-set-expire", ended.fingerprint, f"{END}T000000", at=DURING)
        ended.publish()
        whole.gpg("--quick-add-key", whole.fingerprint, "rsa2048", "sign", "never")
        whole.sign(copy("revoked"))
        whole.gpg("--command-fd", "0", "--edit-key", whole.fingerprint, text="key 1\nrevkey\ny\n0\n\ny\nsave\n")
        whole.publish()
        yield SignedPackages(folder, (today, ended, dsa, short, whole), stranger)


def decided(
    path: Path, keyring: Keyring | None, policy: Signatures = Signatures.REQUIRE, *, legacy: bool = False, announced: Digest | None = None
) -> str:
    """The fingerprint that a package is taken by ('' for none), or why it is refused."""
    try:
        return verify(path, replace(described(path), digest=announced), keyring, policy, legacy=legacy) or ""
    except VerificationError as error:
        return str(error)


def dated_anew(package: Path, into: Path, day: int) -> Path:
    """A copy that carries its header's signature a second time, where rpm 6 looks, and made then, in seconds since the epoch."""
    content = package.read_bytes()
    signatures = parse_header(content, LEAD_SIZE)
    (packet,) = packets(signatures.data(268) or b"")
    made = signature(packet.body).created.to_bytes(4)
    line = base64.b64encode(packet.raw.replace(b"\5\2" + made, b"\5\2" + day.to_bytes(4))) + b"\0"
    count, size = struct.unpack_from(">8xII", signatures.blob)
    entry = ENTRY.pack(LISTED_TAG, Kind.STRINGS, size, 1)
    data = signatures.blob[signatures.start :] + line
    header = INTRO.pack(signatures.blob[:8], count + 1, len(data)) + signatures.blob[INTRO.size : signatures.start] + entry + data
    old_end, padding = LEAD_SIZE + len(signatures.blob), -len(header) % 8
    into.write_bytes(content[:LEAD_SIZE] + header + bytes(padding) + content[old_end + -old_end % 8 :])
    return into
