""".treeinfo: which images a tree of FC 7, RHEL 5 and later has, their checksums, and what it names outside the tree."""

import configparser
import posixpath
from collections.abc import Collection

from mirrorsync.errors import BootError
from mirrorsync.model.package import Digest
from mirrorsync.model.treeinfo import TreeInfo

NAMES = (".treeinfo", "treeinfo")
_ALGORITHMS = {"sha": "sha1", "sha1": "sha1", "md5": "md5", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}
_LONGEST_LINE = 8192
_BOOTED = ("kernel", "initrd")
_VARIANTS = ("variant-", "addon-")  # sections; addons are RHEL 6's
_REPOSITORY = "repository"
_INSTALLED_FROM = ("packages", _REPOSITORY)
_STAMPS = (
    *(("general", key) for key in ("family", "name", "version", "timestamp")),
    ("release", "version"),
    ("tree", "build_timestamp"),
)


def parse_treeinfo(text: str) -> TreeInfo:
    """The file's text as values. Raises BootError where it is no such file, or a checksum is none."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]  # paths keep their case
    if any(len(line) > _LONGEST_LINE for line in text.splitlines()):  # of one with many blanks configparser makes minutes
        raise BootError(f"it is no .treeinfo: it has a line of more than {_LONGEST_LINE} characters")
    try:
        parser.read_string(text)
        sums = dict(parser["checksums"]) if parser.has_section("checksums") else {}
        stages = _values(parser, "stage2")
        booted = _values(parser, "images-", keys=_BOOTED)
        variants = _values(parser, *_VARIANTS, keys=_INSTALLED_FROM)
        repositories = _values(parser, *_VARIANTS, keys=(_REPOSITORY,))
    except configparser.Error as error:
        raise BootError(f"it is no .treeinfo: {str(error).splitlines()[0]:.200}") from error
    outside = {path for path in stages | booted | variants if _leads_out(path)}
    return TreeInfo(
        {path: _digest(path, value) for path, value in sorted(sums.items()) if not f"/{path}".rpartition("/")[0].endswith("/repodata")},
        tuple(sorted(booted - outside)),
        tuple(sorted(stages - outside)),
        tuple(sorted({_folder(path) for path in repositories - outside})),
        tuple(sorted(outside)),
        {key: value for key in _STAMPS if parser.has_option(*key) and (value := parser.get(*key)).isprintable()},
    )


def _values(parser: configparser.ConfigParser, *prefixes: str, keys: Collection[str] = ()) -> set[str]:
    """What the sections of such names say for the keys, or for all; not what is empty."""
    sections = [parser[name] for name in parser.sections() if name.startswith(prefixes)]
    return {value for section in sections for key, value in section.items() if value and (not keys or key in keys)}


def _folder(path: str) -> str:
    """Some name the folder that has repodata, some, as RHEL 6 and CentOS 6 do, repodata itself."""
    folder = posixpath.normpath(path).removesuffix("repodata").rstrip("/")
    return "" if folder == "." else folder


def _leads_out(path: str) -> bool:
    return "://" in path or f"{posixpath.normpath(path)}/".startswith(("/", "../"))


def _digest(path: str, value: str) -> Digest:
    algorithm, _, digits = value.partition(":")
    if algorithm.lower() not in _ALGORITHMS or not digits.strip():
        raise BootError(f"its checksum of {path:.200} is none: {value!r:.200}")
    return Digest(_ALGORITHMS[algorithm.lower()], digits.strip().lower())
