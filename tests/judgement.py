"""What the tests of verdicts share: packages signed in every way that a policy looks at, and how a policy decides of them."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fixtures.keys import SigningKey, signing_key
from mirrorsync.errors import VerificationError
from mirrorsync.model.choices import Signatures
from mirrorsync.model.package import Digest
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.signatures import verify
from tests.conftest import Builder
from tests.trees import described

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
