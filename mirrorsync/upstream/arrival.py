"""Whether a file that arrived is the package that was planned."""

import hashlib
from pathlib import Path

from mirrorsync.errors import HeaderError, VerificationError
from mirrorsync.files import sha256_of
from mirrorsync.model.package import Digest, Package
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import describe

_NOT_TAKEN = "not taken: another mirror may have it as it should be"


def identify(path: Path, package: Package) -> str:
    """The file's SHA-256, where size, digest and header are the planned package's. Raises VerificationError."""
    size = path.stat().st_size
    if size != package.size:
        raise VerificationError(f"{package.filename}: {size} bytes where {package.size} were planned; {_NOT_TAKEN}")
    sha256 = sha256_of(path)
    if package.digest is not None:
        _same_digest(path, package, package.digest, sha256)
    _same_header(path, package)
    return sha256


def _same_digest(path: Path, package: Package, planned: Digest, sha256: str) -> None:
    value = sha256 if planned.algorithm == "sha256" else _digest(path, package, planned.algorithm)
    if value != planned.value:
        raise VerificationError(f"{package.filename}: {planned.algorithm} {value} where {planned.value!r} was planned; {_NOT_TAKEN}")


def _digest(path: Path, package: Package, algorithm: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except (ValueError, TypeError) as error:
        raise VerificationError(f"{package.filename}: its metadata gives a {algorithm!r} digest, which is unknown; {_NOT_TAKEN}") from error


def _same_header(path: Path, package: Package) -> None:
    """The header says what a package is: byte for byte the one planned with, or by its NEVRA where only metadata was read."""
    try:
        found = describe(read_rpm(path), location=package.location, size=package.size)
    except HeaderError as error:
        raise VerificationError(f"{package.filename}: not a readable package: {error}; {_NOT_TAKEN}") from error
    if found.nevra.key != package.nevra.key:
        raise VerificationError(f"{package.filename}: it is {found.nevra} inside where {package.nevra} was planned; {_NOT_TAKEN}")
    if package.header is not None and found.header != package.header:
        raise VerificationError(f"{package.filename}: its header is another than the one that was planned with; {_NOT_TAKEN}")
