"""Whether a file that arrived is the package that was planned."""

import hashlib
from pathlib import Path

from mirrorsync.errors import HeaderError, VerificationError
from mirrorsync.files import sha256_of
from mirrorsync.model.package import Digest, Package
from mirrorsync.planning.description import departure
from mirrorsync.planning.sums import Told
from mirrorsync.rpmfile.header import MOST_HEADER_BYTES, read_rpm
from mirrorsync.rpmfile.package import describe, paths

_NOT_TAKEN = "not taken: another mirror may have it as it should be"


def identify(path: Path, package: Package) -> str:
    """The file's SHA-256, where size and digest are the planned package's. Raises VerificationError."""
    size = path.stat().st_size
    if size != package.size:
        raise VerificationError(f"{package.filename}: {size} bytes where {package.size} were planned; {_NOT_TAKEN}")
    sha256 = sha256_of(path)
    if package.digest is not None:
        _same_digest(path, package, package.digest, sha256)
    return sha256


def require_planned_header(path: Path, package: Package) -> None:
    """Raises VerificationError where the header is not the one planned with or, where only metadata was read, says other than that.

    It is the last to be looked at: it costs memory, and by then it is known who made the package.
    """
    try:
        fault = _departure(path, package)
    except HeaderError as error:
        fault = f"not a readable package: {str(error).removeprefix(f'{path}: not a readable package: ')}"
    if fault:
        raise VerificationError(f"{package.filename}: {fault}; {_NOT_TAKEN}")


def require_told(path: Path, told: Told, name: str = "") -> None:
    """Raises VerificationError where the file, called `name` if not by its path, has none of the digests that advisories' texts give."""
    name = name or path.name
    found = {algorithm: _digest(path, name, algorithm) for algorithm in {digest.algorithm for digest in told}}
    if any(found[digest.algorithm] == digest.value for digest in told):
        return
    digest, advisory = next(iter(told.items()))
    said = f"{digest.algorithm} {found[digest.algorithm]} where {advisory} says {digest.value}"
    raise VerificationError(f"{name}: {said}; {_NOT_TAKEN}")


def _same_digest(path: Path, package: Package, planned: Digest, sha256: str) -> None:
    value = sha256 if planned.algorithm == "sha256" else _digest(path, package.filename, planned.algorithm)
    if value != planned.value:
        raise VerificationError(f"{package.filename}: {planned.algorithm} {value} where {planned.value!r} was planned; {_NOT_TAKEN}")


def _digest(path: Path, name: str, algorithm: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    except (ValueError, TypeError) as error:
        raise VerificationError(f"{name}: its metadata gives a {algorithm!r} digest, which is unknown; {_NOT_TAKEN}") from error


def _departure(path: Path, package: Package) -> str:
    """What the header says otherwise, '' for nothing. Raises HeaderError."""
    headers = read_rpm(path, most=MOST_HEADER_BYTES)
    found = describe(headers, location=package.location, size=package.size)
    if found.nevra.key != package.nevra.key:
        return f"it is {found.nevra} inside where {package.nevra} was planned"
    if package.header is None:
        return departure(package, found, lambda: paths(headers))
    return "" if found.header == package.header else "its header is another than the one that was planned with"
