"""A private keyring: an rpm database folder that holds the pinned public keys of one upstream and no others."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mirrorsync.errors import TrustError
from mirrorsync.files import exchange_names, make_directory, move, remove_tree, sha256_of, write_file
from mirrorsync.model.key import KeyPart
from mirrorsync.trust.confinement import LONGEST, confined
from mirrorsync.trust.packets import to_armour
from mirrorsync.trust.publickey import PublicKey, read_keys

_FINGERPRINT_LENGTHS = (32, 40, 64)  # hex digits of key versions 3, 4 and 5 or 6
_SEAL = "sealed"  # in the database's folder: the digest of what it was made with
_PASSING = re.compile(r"^\.|^__db|-shm$")  # locks and shared memory of rpm's databases
_SHORT_ID = 8  # hex digits of the ids that rpm 4 prints and names its imported keys by


@dataclass(frozen=True, slots=True)
class Keyring:
    """`folder` is rpm's --dbpath; `keys` is what was imported into it, sorted by fingerprint.

    legacy: fingerprints of those whose signatures of Red Hat Linux's age count; asked only where one keyring is of several upstreams.
    """

    folder: Path
    keys: tuple[PublicKey, ...]
    legacy: frozenset[str] = frozenset()

    @classmethod
    def make(cls, folder: Path, key_files: Sequence[Path], fingerprints: Sequence[str] = ()) -> Self:
        """The keyring of the pinned `fingerprints`, or of all keys in `key_files` where none are given.

        Each set of keys has a database of its own below `folder`, made once. Raises TrustError where a key file cannot be
        read, a pinned key is in no file, a key is revoked, or rpm cannot import it.
        """
        keys = [key for path in key_files for key in read_keys(path)]
        return cls.holding(folder, keys, [normalised(text) for text in fingerprints])

    @classmethod
    def holding(cls, folder: Path, public_keys: Iterable[PublicKey], fingerprints: Sequence[str] = ()) -> Self:
        """The same of keys that were read, and fingerprints that are normalised."""
        keys = pinned(public_keys, fingerprints)
        database = folder / _digest(keys)
        if not _is_whole(database):
            _import_into(database, keys)
        return cls(database, keys)

    def fingerprint_of(self, identifier: str) -> str | None:
        """The full fingerprint of the pinned key with this id: 8 hex digits as rpm 4 prints them, 16, or a fingerprint. None for ''."""
        for key in self.keys if identifier else ():
            if identifier == key.fingerprint or any(own.endswith(identifier) for own in key.key_ids):
                return key.fingerprint
        return None

    def owner_of(self, key_id: str) -> tuple[PublicKey, KeyPart] | None:
        """The pinned key that has this id (16 hex digits), or a subkey that has it, revoked ones too, and that part of it."""
        return next(((key, part) for key in self.keys for part in key.owner.parts if part.key_id == key_id), None)


def normalised(text: str) -> str:
    """A full fingerprint as people write it, in lower-case hex without blanks. Raises TrustError for a mere key id."""
    digits = "".join(text.split()).replace(":", "").removeprefix("0x").lower()
    if len(digits) not in _FINGERPRINT_LENGTHS or any(digit not in "0123456789abcdef" for digit in digits):
        raise TrustError(f"{text!r} is not a full fingerprint; `gpg --show-keys FILE` prints it, 40 hex digits for most keys")
    return digits


def pinned(keys: Iterable[PublicKey], fingerprints: Sequence[str]) -> tuple[PublicKey, ...]:
    """Those of `keys` that are pinned (all where no fingerprint is), each once, sorted. Raises TrustError where one may not be used."""
    found = chosen(keys, fingerprints)
    _check_usable(found)
    return found


def chosen(keys: Iterable[PublicKey], fingerprints: Sequence[str]) -> tuple[PublicKey, ...]:
    """Those of `keys` that have one of `fingerprints` (all where none is given), each once, sorted. Raises TrustError where one lacks."""
    held = newest(keys)
    for wanted in fingerprints:
        if wanted not in held:
            raise TrustError(f"no key file holds the pinned key {wanted}; they hold {', '.join(sorted(held)) or 'none'}")
    if not held:
        raise TrustError("no public keys are configured; name key files, or set `signatures` to digest-only")
    return tuple(held[name] for name in sorted(set(fingerprints) if fingerprints else held))


def newest(keys: Iterable[PublicKey]) -> dict[str, PublicKey]:
    """By fingerprint: of several copies of a key, one that is revoked, else the one in which its owner last said something."""
    held: dict[str, PublicKey] = {}
    for key in keys:
        known = held.setdefault(key.fingerprint, key)
        if (key.revoked, key.said) > (known.revoked, known.said):
            held[key.fingerprint] = key
    return held


def _check_usable(keys: Sequence[PublicKey]) -> None:
    owners: dict[str, PublicKey] = {}
    for key in keys:
        if key.revoked:
            raise TrustError(f"{key.fingerprint} ({key.user_id}): its owner has revoked it; pin the key that followed it")
        for identifier in key.key_ids:
            other = owners.setdefault(identifier[-_SHORT_ID:], key)
            if other is not key:
                raise TrustError(
                    f"{other.fingerprint} and {key.fingerprint} share the id {identifier[-_SHORT_ID:]}, which is all"
                    " that rpm tells keys apart by; pin one of them"
                )


def _digest(keys: Sequence[PublicKey]) -> str:
    """A name for a database of `keys` as the installed rpm writes it: another program, another database."""
    program = Path(shutil.which("rpmkeys") or "/dev/null").stat()
    content = b"".join(hashlib.sha256(key.packets).digest() for key in keys)
    return hashlib.sha256(f"{program.st_size} {program.st_mtime_ns}\0".encode() + content).hexdigest()[:32]


def _is_whole(database: Path) -> bool:
    """Whether it is as it was made: to a damaged one every key would be a stranger's."""
    try:
        return (database / _SEAL).read_bytes() == _content_of(database)
    except OSError:
        return False


def _content_of(database: Path) -> bytes:
    """The digest of what rpm keeps there; not of what it makes anew when it reads."""
    files = sorted(path for path in database.iterdir() if path.is_file() and path.name != _SEAL and not _PASSING.search(path.name))
    told = "".join(f"{path.name} {sha256_of(path)}\n" for path in files)
    return hashlib.sha256(told.encode()).hexdigest().encode()


def _import_into(database: Path, keys: Sequence[PublicKey]) -> None:
    """Make the database, whole or not at all."""
    building = database.with_name(f".{database.name}.{os.getpid()}.new")
    try:
        for key in keys:
            _import_one(building, key)
        write_file(building / _SEAL, _content_of(building))
        _put(building, database)
    except OSError as error:
        raise TrustError(f"{database}: the keyring cannot be made: {error.strerror}") from error
    finally:
        remove_tree(building)


def _put(building: Path, database: Path) -> None:
    """Also where a damaged one lies, or another run was quicker: nobody finds none meanwhile, as far as the file system allows."""
    with suppress(OSError):
        return move(building, database)
    with suppress(OSError):
        return exchange_names(building, database)
    remove_tree(database)
    return move(building, database)


def export(key: PublicKey, folder: Path) -> Path:
    """Write what rpm needs of a key to a file of its own in `folder`, once rpm itself has imported it on trial.

    Raises TrustError where rpm cannot, or nothing can be written there.
    """
    trial, target = folder / f".{key.fingerprint}.{os.getpid()}.new", folder / f"{key.fingerprint}.asc"
    try:
        _import_one(trial, key)
        write_file(target, to_armour(key.packets))
    except OSError as error:
        raise TrustError(f"{target}: the key cannot be written: {error.strerror}") from error
    finally:
        remove_tree(trial)
    return target


def _import_one(database: Path, key: PublicKey) -> None:
    make_directory(database)
    source = database / f"{key.fingerprint}.asc"
    write_file(source, to_armour(key.packets))
    done = rpmkeys(database, "--import", str(source), importing=True)
    if done.returncode:
        words = done.stderr.decode(errors="replace").replace(f"{source}: ", "").partition("\n")[0]
        raise TrustError(f"{key.fingerprint} ({key.user_id}): the installed rpm cannot import this key ({words}); pin another one")


def rpmkeys(database: Path, *arguments: str, importing: bool = False, seconds: float = LONGEST) -> subprocess.CompletedProcess[bytes]:
    """Run rpmkeys on one database, untouched by the user's or the environment's rpm settings. Only to import may it write there.

    Raises TrustError where it cannot be run, and UnfinishedError.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(database)}
    command = ["rpmkeys", "--dbpath", str(database), *arguments]
    absent = "rpmkeys is not installed, so no package can be verified; install the package rpm"
    return confined(command, environment=environment, absent=absent, writable=[database] if importing else [], seconds=seconds)
