"""Yum's .repo files as mirrors: read as they are, what matters here checked."""

import configparser
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mirrorsync.errors import ConfigError
from mirrorsync.model.address import fault, shown
from mirrorsync.upstream.body import plain
from mirrorsync.upstream.mirror import Mirror

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<plain>\w+))")
_SEPARATOR = re.compile(r"[\s,]+")
_RATE = re.compile(r"(?P<number>\d{1,12}(?:\.\d+)?)\s*(?P<unit>[kKmMgG]?)[bB]?")
_PERCENT = re.compile(r"(?P<percent>\d{1,3})\s*%")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LONGEST_LINE = 8192
_TRUTH = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}
_NO_PROXY = ("_none_", "")
_URL_KEYS = ("baseurl", "mirrorlist", "metalink", "gpgkey", "proxy")


@dataclass(frozen=True, slots=True)
class RepoSection:
    """One [section] of a .repo file, variables replaced.

    baseurls, mirrorlist, metalink: where the repository is; mirrorlist and metalink None where not given.  gpgkeys: URLs of key files.
    proxy: None where the file says nothing, '' where it says that there is none.  ca, client_cert, client_key: paths of PEM files.
    max_rate: bytes per second, from `throttle` and `bandwidth`.  excludes, includes: yum's globs over packages.
    """

    id: str
    name: str
    enabled: bool = True
    baseurls: tuple[str, ...] = ()
    mirrorlist: str | None = None
    metalink: str | None = None
    gpgkeys: tuple[str, ...] = ()
    gpgcheck: bool = True
    repo_gpgcheck: bool = False
    proxy: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    max_rate: int | None = None
    excludes: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    module_hotfixes: bool = False
    skip_if_unavailable: bool = False

    @property
    def list_url(self) -> str | None:
        """The metalink, or else the mirrorlist: where the repository's mirrors are listed."""
        return self.metalink or self.mirrorlist

    @property
    def names_password(self) -> bool:
        """Whether the file itself says a password: by its key, or in a URL."""
        urls = (*self.baseurls, self.mirrorlist or "", self.metalink or "", *self.gpgkeys, self.proxy or "")
        return self.password is not None or any(shown(url) != url for url in urls)

    @property
    def mirror(self) -> Mirror:
        """The first base URL, or the list, as a Mirror. UpstreamError for a URL that mirrorsync does not speak."""
        mirror = Mirror.at((*self.baseurls, self.list_url or "")[0])
        return replace(
            mirror,
            max_rate=self.max_rate,
            proxy=self.proxy,
            username=self.username or mirror.username,
            password=self.password or mirror.password,
            client_cert=self.client_cert,
            client_key=self.client_key,
            ca=self.ca,
        )


def parse_repo(text: str, *, source: str, variables: Mapping[str, str]) -> tuple[RepoSection, ...]:
    """The sections of a .repo file in its order; [main] is passed over. `variables`: releasever, basearch, arch, … to their values.

    Keys that do not matter here are ignored, as yum does. Raises ConfigError with one line a fault, each naming `source` and section.
    """
    parser = configparser.RawConfigParser(default_section="", empty_lines_in_values=False, comment_prefixes=("#", ";"))
    if any(len(line) > _LONGEST_LINE for line in text.splitlines()):  # of one with many blanks configparser makes minutes
        raise ConfigError((f"{source}: a line of more than {_LONGEST_LINE} characters, as no .repo file has; correct it",))
    if "\0" in text:  # which no file's name may have
        raise ConfigError((f"{source}: line {text.partition(chr(0))[0].count(chr(10)) + 1} has a NUL character in it; take it out",))
    try:
        parser.read_string(text.removeprefix("\ufeff"), source)
    except configparser.Error as error:
        raise ConfigError((f"{source}: {_unreadable(error)}; correct it",)) from error
    readings = [_Reading(name, parser[name], f"{source}: [{plain(name, 80)}]", variables) for name in parser.sections() if name != "main"]
    sections = tuple(reading.section() for reading in readings)
    if problems := tuple(problem for reading in readings for problem in reading.problems):
        raise ConfigError(problems)
    return sections


def _unreadable(error: configparser.Error) -> str:
    """What is wrong where, without repeating the line: there may be a password in it."""
    match error:
        case configparser.MissingSectionHeaderError(lineno=line):
            return f"line {line} stands before the first [section]"
        case configparser.ParsingError(errors=[(line, _), *_]):
            return f"line {line} is neither a [section] nor key=value"
        case configparser.DuplicateSectionError(lineno=line):
            return f"line {line} begins a [section] that there is already"
        case configparser.DuplicateOptionError(lineno=line):
            return f"line {line} gives a key of its section a second time"
    return "it cannot be read as a .repo file"


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """`$name` and `${name}` replaced; names are matched without regard to case, unknown ones stay as they are."""
    known = {name.lower(): value for name, value in variables.items()}
    return _VARIABLE.sub(lambda match: known.get((match["braced"] or match["plain"]).lower(), match[0]), text)


class _Reading:
    """A section being read: every value as its kind, every fault noted."""

    def __init__(self, name: str, values: Mapping[str, str], where: str, variables: Mapping[str, str]) -> None:
        self._name = substitute(name, variables)
        self._values = {key: substitute(value or "", variables).strip() for key, value in values.items()}
        self._where = where
        self.problems: list[str] = []

    def section(self) -> RepoSection:
        """The section; where `problems` is not empty afterwards it is not to be used."""
        section = RepoSection(
            id=self._name,
            name=self._values.get("name", self._name),
            enabled=self._truth("enabled", default=True),
            baseurls=self._list("baseurl"),
            mirrorlist=self._values.get("mirrorlist") or None,
            metalink=self._values.get("metalink") or None,
            gpgkeys=self._list("gpgkey"),
            gpgcheck=self._truth("gpgcheck", default=True),
            repo_gpgcheck=self._truth("repo_gpgcheck"),
            proxy=self._proxy(),
            username=self._values.get("username") or None,
            password=self._values.get("password") or None,
            ca=self._values.get("sslcacert") or None,
            client_cert=self._values.get("sslclientcert") or None,
            client_key=self._values.get("sslclientkey") or None,
            max_rate=self._max_rate(),
            excludes=(*self._list("exclude"), *self._list("excludepkgs")),
            includes=self._list("includepkgs"),
            module_hotfixes=self._truth("module_hotfixes"),
            skip_if_unavailable=self._truth("skip_if_unavailable"),
        )
        if section.enabled:
            self.problems.extend(self._faults(section))
        return section

    def _faults(self, section: RepoSection) -> Iterator[str]:
        if not (section.baseurls or section.list_url):
            yield f"{self._where} has no baseurl, mirrorlist or metalink; give one, or enabled=0"
        if not self._truth("sslverify", default=True):
            yield f"{self._where} sslverify=0 is refused, for anybody could answer then; name the server's authority in sslcacert"
        for url in (*section.baseurls, section.mirrorlist or "", section.metalink or "", section.proxy or ""):
            if what := fault(url):
                yield f"{self._where} {plain(shown(url))}: {what}"
        for key in _URL_KEYS:
            if match := _VARIABLE.search(text := self._values.get(key, "")):
                variable = match[0] if shown(text) == text else "a $ in it"
                yield f"{self._where} {key}: {variable} has no value here; set it, or write the value"

    def _list(self, key: str) -> tuple[str, ...]:
        return tuple(word for word in _SEPARATOR.split(self._values.get(key, "")) if word)

    def _truth(self, key: str, *, default: bool = False) -> bool:
        text = self._values.get(key, "")
        if not text:
            return default
        if text.lower() not in _TRUTH:
            self.problems.append(f"{self._where} {key}={plain(text, 40)} is neither 1 nor 0")
        return _TRUTH.get(text.lower(), default)

    def _proxy(self) -> str | None:
        proxy = self._values.get("proxy")
        return "" if proxy is not None and proxy.lower() in _NO_PROXY else proxy

    def _max_rate(self) -> int | None:
        """`throttle` alone, or as its percentage of `bandwidth`; 0 means no limit."""
        throttle = self._values.get("throttle", "")
        if share := _PERCENT.fullmatch(throttle):
            return self._rate("bandwidth") * int(share["percent"]) // 100 or None
        return self._rate("throttle") or None

    def _rate(self, key: str) -> int:
        text = self._values.get(key, "") or "0"
        match = _RATE.fullmatch(text)
        if match is None:
            self.problems.append(f"{self._where} {key}={plain(text, 40)} is not a number of bytes a second, such as 500k")
            return 0
        return int(float(match["number"]) * _UNITS[match["unit"].lower()])
