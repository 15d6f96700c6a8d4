"""A private keyring: an rpm database folder that holds the pinned public keys of one upstream and no others."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mirrorsync.errors import TrustError
from mirrorsync.files import make_directory, move, remove_tree, write_file
from mirrorsync.trust.packets import to_armour
from mirrorsync.trust.publickey import PublicKey, read_keys

_FINGERPRINT_LENGTHS = (32, 40, 64)  # hex digits of key versions 3, 4 and 5 or 6
_SHORT_ID = 8  # hex digits of the ids that rpm 4 prints and names its imported keys by


@dataclass(frozen=True, slots=True)
class Keyring:
    """`folder` is rpm's --dbpath; `keys` is what was imported into it, sorted by fingerprint."""

    folder: Path
    keys: tuple[PublicKey, ...]

    @classmethod
    def make(cls, folder: Path, key_files: Sequence[Path], fingerprints: Sequence[str] = ()) -> Self:
        """The keyring of the pinned `fingerprints`, or of all keys in `key_files` where none are given.

        Each set of keys has a database of its own below `folder`, made once. Raises TrustError where a key file cannot be
        read, a pinned key is in no file, a key is revoked, or rpm cannot import it.
        """
        keys = pinned([key for path in key_files for key in read_keys(path)], [normalised(text) for text in fingerprints])
        database = folder / _digest(keys)
        if not database.is_dir():
            _import_into(database, keys)
        return cls(database, keys)

    def fingerprint_of(self, identifier: str) -> str | None:
        """The full fingerprint of the pinned key with this id: 8 hex digits as rpm 4 prints them, 16, or a fingerprint."""
        for key in self.keys:
            if identifier == key.fingerprint or any(own.endswith(identifier) for own in key.key_ids):
                return key.fingerprint
        return None


def normalised(text: str) -> str:
    """A full fingerprint as people write it, in lower-case hex without blanks. Raises TrustError for a mere key id."""
    digits = "".join(text.split()).replace(":", "").removeprefix("0x").lower()
    if len(digits) not in _FINGERPRINT_LENGTHS or any(digit not in "0123456789abcdef" for digit in digits):
        raise TrustError(f"{text!r} is not a full fingerprint; `gpg --show-keys FILE` prints it, 40 hex digits for most keys")
    return digits


def pinned(keys: Iterable[PublicKey], fingerprints: Sequence[str]) -> tuple[PublicKey, ...]:
    """Those of `keys` that are pinned (all where no fingerprint is), each once, sorted. Raises TrustError where one may not be used."""
    held: dict[str, PublicKey] = {}
    for key in keys:
        held.setdefault(key.fingerprint, key)
    for wanted in fingerprints:
        if wanted not in held:
            raise TrustError(f"no key file holds the pinned key {wanted}; they hold {', '.join(sorted(held)) or 'none'}")
    chosen = tuple(held[name] for name in sorted(set(fingerprints) if fingerprints else held))
    if not chosen:
        raise TrustError("no public keys are configured; name key files, or set `signatures` to digest-only")
    _check_usable(chosen)
    return chosen


def _check_usable(keys: Sequence[PublicKey]) -> None:
    owners: dict[str, PublicKey] = {}
    for key in keys:
        if key.revoked:
            raise TrustError(f"{key.fingerprint} ({key.user_id}): its owner has revoked it; pin the key that followed it")
        for identifier in key.key_ids:
            other = owners.setdefault(identifier[-_SHORT_ID:], key)
            if other is not key:
                raise TrustError(f"{other.fingerprint} and {key.fingerprint} share the id {identifier[-_SHORT_ID:]}, which is all"
                                 " that rpm tells keys apart by; pin one of them")


def _digest(keys: Sequence[PublicKey]) -> str:
    """A name for a database of `keys` as the installed rpm writes it: another program, another database."""
    program = Path(shutil.which("rpmkeys") or "/dev/null").stat()
    content = b"".join(hashlib.sha256(key.packets).digest() for key in keys)
    return hashlib.sha256(f"{program.st_size} {program.st_mtime_ns}\0".encode() + content).hexdigest()[:32]


def _import_into(database: Path, keys: Sequence[PublicKey]) -> None:
    """Make the database, whole or not at all."""
    building = database.with_name(f".{database.name}.{os.getpid()}.new")
    try:
        for key in keys:
            _import_one(building, key)
        if not database.is_dir():
            move(building, database)
    except OSError as error:
        raise TrustError(f"{database}: the keyring cannot be made: {error.strerror}") from error
    finally:
        remove_tree(building)


def _import_one(database: Path, key: PublicKey) -> None:
    make_directory(database)
    source = database / f"{key.fingerprint}.asc"
    write_file(source, to_armour(key.packets))
    done = rpmkeys(database, "--import", str(source))
    if done.returncode:
        words = done.stderr.decode(errors="replace").replace(f"{source}: ", "").partition("\n")[0]
        raise TrustError(f"{key.fingerprint} ({key.user_id}): the installed rpm cannot import this key ({words}); pin another one")


def rpmkeys(database: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run rpmkeys on one database, untouched by the user's or the environment's rpm settings. Raises TrustError where it cannot."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(database)}
    command = ["rpmkeys", "--dbpath", str(database), *arguments]
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise TrustError("rpmkeys is not installed, so no package can be verified; install the package rpm") from error
    if done.returncode < 0:
        raise TrustError(f"rpmkeys was ended by signal {-done.returncode}, so nothing was verified; run again")
    return done
