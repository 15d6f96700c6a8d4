"""The .repo file by which nodes, once installed, take packages from a tree: signed ones only."""

from collections.abc import Sequence
from pathlib import Path

from mirrorsync.errors import TrustError, UsageError
from mirrorsync.model.choices import Layout
from mirrorsync.tree.layout import REPOMD, inside
from mirrorsync.tree.site import Tree
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.publickey import read_keys

_KEY_FILES = "RPM-GPG-KEY*"


def repo_file(tree: Tree, urls: Sequence[str], keyring: Keyring | None, gpgkeys: Sequence[str]) -> str:
    """A section of dnf.conf(5) for each of the tree's repositories, with gpgcheck=1. urls: the tree's, best first.

    gpgkeys: URLs of key files. Where none is given, those in the tree's own folder that have none but keys of `keyring`, by whose
    holders its packages may be signed. Raises UsageError where nodes could not use it.
    """
    missing = [inside(repository, REPOMD) for repository in tree.repositories if not (tree.path / repository / REPOMD).is_file()]
    if tree.layout is not Layout.REPODATA or missing:
        lacking = missing[0] if missing else REPOMD
        raise UsageError(f'{tree.name}: dnf and yum need {lacking}, which this tree does not have; layout "repodata" has it')
    if not urls:
        raise UsageError(f"{tree.name}: by which URL nodes reach it is not said; add urls to [trees.{tree.name}], or give --url")
    keys = tuple(gpgkeys) or tuple(f"{urls[0]}/{name}" for name in _key_files(tree.path, keyring))
    if not keys:
        how = f"copy the distributor's into {tree.path} and take that up by `mirrorsync update --adopt-changes`, or give --gpgkey URL"
        raise UsageError(f"{tree.name}: it has no key file ({_KEY_FILES}) with none but keys that its packages may be signed with; {how}")
    return "\n".join(_section(tree.name, repository, urls, keys) for repository in tree.repositories)


def _section(tree: str, repository: str, urls: Sequence[str], keys: Sequence[str]) -> str:
    name = f"{tree}-{repository.replace('/', '-')}" if repository else tree
    bases = [inside(url, repository) if repository else url for url in urls]
    lines = [f"[{name}]", f"name={name}", *_listed("baseurl", bases), "enabled=1", "gpgcheck=1", *_listed("gpgkey", keys)]
    return "".join(f"{line}\n" for line in lines)


def _key_files(root: Path, keyring: Keyring | None) -> tuple[str, ...]:
    return tuple(path.name for path in sorted(root.glob(_KEY_FILES)) if path.is_file() and _is_of(path, keyring))


def _is_of(path: Path, keyring: Keyring | None) -> bool:
    try:
        found = {key.fingerprint for key in read_keys(path)}
    except TrustError:
        return False
    return keyring is not None and bool(found) and found <= {key.fingerprint for key in keyring.keys}


def _listed(key: str, values: Sequence[str]) -> list[str]:
    """Several values stand on lines of their own."""
    return [f"{key}={values[0]}", *(f"  {value}" for value in values[1:])]
