"""The configuration's words for time, speed, versions and keys, parsed into values; every refusal says what to write instead."""

import difflib
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from mirrorsync.errors import PlanError
from mirrorsync.model.address import HIDDEN, fault, is_readable, shown
from mirrorsync.model.pending import Urgency
from mirrorsync.model.schedule import NEVER, CronTime
from mirrorsync.model.version import EVR
from mirrorsync.planning.architecture import MACHINES
from mirrorsync.planning.crontab import read_cron

URL_SCHEMES = ("http", "https", "ftp", "file")
PROXY_SCHEMES = ("http", "https")
METRICS_SUFFIX = ".prom"
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_LONGEST = timedelta(days=3650)
_FACTORS = {"": 1, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_TREE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FINGERPRINT = re.compile(r"(?:[0-9A-F]{40}|[0-9A-F]{64})")
_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?!-)(?!.*=\?){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")  # =? begins an encoded word: RFC 2047
_LONGEST_ADDRESS = 254  # characters: RFC 5321, erratum 1690
_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_LONGEST_ARGUMENTS = 1900  # characters; the kernel takes 2047, and its boot program adds some
_PLACEHOLDER = re.compile(r"\{(?:tree|group|url)\}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(?:/[A-Za-z0-9][A-Za-z0-9._+-]*){0,7}")
_UNFIT_FOR_MENUS = re.compile(r"[\"'`\\{}$|;]|&&")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_DIGIT = 4  # bits of a hexadecimal one
_CLIENT = re.compile(r"[A-Za-z0-9*?@._:/\[\]-]+")


def parse_text(text: str) -> str:
    """Any text but none."""
    if not text.strip():
        raise ValueError("is empty; write a value or leave the key out")
    return text


def parse_duration(text: str) -> timedelta:
    """`7d`, `12h`, `1d12h`: weeks, days, hours, minutes and seconds, each at most once and in that order."""
    match = re.fullmatch("".join(rf"(?:(?P<{unit}>\d{{1,6}}){unit})?" for unit in _UNITS), text.strip())
    if match is None or not match.group():
        raise ValueError(f"{text!r} is not a length of time; write a number and its unit, as in '7d', '12h' or '30m'")
    duration = timedelta(**{_UNITS[unit]: int(number) for unit, number in match.groupdict().items() if number})
    if duration > _LONGEST:
        raise ValueError(f"{text!r} is longer than {_LONGEST.days // 365} years; write a shorter time")
    return duration


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads as `duration`."""
    rest = int(duration.total_seconds())
    parts = []
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_rate(text: str) -> int:
    """`500k`, `10M`, `1.5M`: bytes a second; k, M and G are powers of 1,024, as in yum's throttle."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([kKMG]?)", text.strip())
    rate = int(float(match[1]) * _FACTORS[match[2].replace("K", "k")]) if match else 0
    if rate < 1:
        raise ValueError(f"{text!r} is not a rate; write bytes a second, as in '500k' or '10M'")
    return rate


def format_rate(rate: int) -> str:
    """The shortest text that `parse_rate` reads as `rate`."""
    factor, unit = next((factor, unit) for unit, factor in reversed(_FACTORS.items()) if rate % factor == 0)
    return f"{rate // factor}{unit}"


@dataclass(frozen=True, slots=True)
class Pin:
    """The one EVR that packages of a name may be updated to."""

    name: str
    evr: EVR

    def __str__(self) -> str:
        """As `parse_pin` reads it."""
        return f"{self.name} = {self.evr}"


def parse_pin(text: str) -> Pin:
    """`name = [epoch:]version[-release]`."""
    name, sign, evr = (part.strip() for part in text.partition("="))
    if not (name and sign and evr) or re.search(r"[\s=<>]", f"{name}{evr}"):
        raise ValueError(f"{text!r} is not a pin; write 'name = version-release', as in 'kernel = 2.4.18-3'")
    try:
        return Pin(name, EVR.parse(evr))
    except PlanError as error:
        raise ValueError(f"{text!r} is not a pin: {error}; write 'name = epoch:version-release'") from error


ROOT = "."
"""What a configuration calls the repository that is the tree itself."""


@dataclass(frozen=True, slots=True)
class Repo:
    """A section of a .repo file, and of the tree's repositories the one that its packages go into; None for the only one."""

    id: str
    repository: str | None = None

    def __str__(self) -> str:
        """As `parse_repo_choice` reads it."""
        return self.id if self.repository is None else f"{self.id} = {self.repository or ROOT}"


def parse_repo_choice(text: str) -> Repo:
    """`id`, or `id = repository`."""
    identifier, sign, repository = (part.strip() for part in text.partition("="))
    if not identifier or (sign and not repository):
        raise ValueError(f"{text!r} names no section of a .repo file; write 'id', or 'id = repository' as in 'appstream = AppStream'")
    return Repo(identifier, parse_repository(repository) if sign else None)


def parse_repository(text: str) -> str:
    """A folder below a tree's root that has repodata of its own; "" for the root, which is written "."."""
    if text == ROOT:
        return ""
    if not _REPOSITORY.fullmatch(text) or text.rsplit("/", maxsplit=1)[-1] in ("repodata", "Packages"):
        what = "is no folder of a repository, below the tree"
        raise ValueError(f"{text!r} {what}; write the path from the tree to what holds its repodata, as in 'AppStream', or '.'")
    return text


def parse_fingerprint(text: str) -> str:
    """A key's whole fingerprint, upper-case hex without blanks: 40 digits (version 4) or 64 (version 6)."""
    fingerprint = "".join(text.split()).upper()
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise ValueError(
            f"{text!r} is not a whole fingerprint; write its 40 (or 64) hexadecimal digits, as 'gpg --show-keys FILE' shows them"
        )
    return fingerprint


def parse_arch(text: str) -> str:
    """An architecture of machines that install from a tree, as rpm spells it."""
    if text not in MACHINES:
        near = sorted(difflib.get_close_matches(text.strip().lower(), sorted(MACHINES), n=2)) or ["i386", "x86_64"]
        raise ValueError(f"{text!r} is not an architecture; write rpm's name of it, as in {' or '.join(map(repr, near))}")
    return text


def parse_url(text: str) -> str:
    """A mirror's URL: http, https, ftp or file, without a name or password in it."""
    parts = _split(text)
    if parts.scheme not in URL_SCHEMES:
        raise ValueError(f"{shown(text)!r} has not one of the schemes {', '.join(URL_SCHEMES)}; write the whole URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{shown(text)!r} names a user in the URL, which ends up in logs; use username and password_file")
    if parts.scheme == "file" and (parts.netloc not in ("", "localhost") or not parts.path.startswith("/")):
        raise ValueError(f"{text!r} is not a local folder; write 'file:///' and its absolute path")
    if parts.scheme != "file" and not parts.hostname:
        raise ValueError(f"{text!r} names no server; write the whole URL")
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError(f"{text!r} has blanks in it; write them as %20")
    return text


def parse_proxy(text: str) -> str:
    """A proxy's URL, which may name its user and password."""
    parts = _split(text)
    if parts.scheme not in PROXY_SCHEMES or not parts.hostname:
        raise ValueError(f"{shown(text)!r} is not a proxy; write its URL, as in 'http://proxy.example:3128'")
    return text


def _split(text: str) -> SplitResult:
    if what := fault(text):
        raise ValueError(f"{shown(text)!r} {what}")
    return urlsplit(text)


def without_path(url: str) -> str:
    """The URL with *** in place of all that follows its server, and of a user in it: in a webhook's, that is the secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{shown(parts.netloc)}/{HIDDEN}"


def parse_path(text: str) -> Path:
    """An absolute path without '..'."""
    if not text.startswith("/") or ".." in text.split("/") or "\0" in text:
        raise ValueError(f"{text!r} is not an absolute path; write it from / on, without '..'")
    return Path("/", text.lstrip("/"))  # two slashes at the beginning would be a name of its own


def parse_tree_path(text: str) -> Path:
    """Where a tree may lie: absolute, not the root, and not among mirrorsync's own folders."""
    path = parse_path(text)
    if path == Path("/"):
        raise ValueError("'/' cannot be a tree: it is replaced as a whole; name the tree's own folder")
    if ".mirrorsync" in path.parts:
        raise ValueError(f"{text!r} lies in a .mirrorsync folder, where mirrorsync keeps its own files; name the tree itself")
    return path


def parse_tree_name(text: str) -> str:
    """A tree's name: what commands, messages and folders of the state directory call it."""
    if not _TREE_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name for a tree; use letters, digits, '.', '_' and '-', and begin with a letter or digit")
    return text


def parse_client(text: str) -> str:
    """A client as exports(5) names them: a host, a network, a wildcard or a netgroup; no blanks and no options."""
    if not _CLIENT.fullmatch(text):
        raise ValueError(f"{text!r} is not a client of an export; write one host, network, wildcard or @netgroup, as in '10.1.0.0/16'")
    return text


def parse_day(value: object) -> date:
    """A date as TOML has them, or its text: `2026-12-31`."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{value!r} is not a day; write year, month and day, as in 2026-12-31") from error


def parse_urgency(text: str) -> Urgency:
    """`critical`, `important`, `moderate`, `low` or `unrated`."""
    words = {urgency.word: urgency for urgency in reversed(Urgency)}
    if text not in words:
        raise ValueError(f"{text!r} is not one of its words; write {', '.join(map(repr, words))}")
    return words[text]


def parse_cron(text: str) -> CronTime:
    """A time of crontab(5), its five fields or a nickname; or "never"."""
    if text.strip() == NEVER.text:
        return NEVER
    try:
        return read_cron(text)
    except PlanError as error:
        raise ValueError(str(error)) from error


def parse_address(text: str) -> str:
    """A mail address, bare and in ASCII: words with dots between them, and a domain."""
    if len(text) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(text):
        raise ValueError(f"{text!r} is not a mail address; write it bare, as in 'ops@example.org'")
    return text


def parse_list_id(text: str) -> str:
    """A List-Id (RFC 2919): words with dots between them, ending in a domain of one's own or in `localhost`."""
    if not _LIST_ID.fullmatch(text):
        raise ValueError(f"{text!r} is not a List-Id; write it without brackets, as in 'mirrors.example.org'")
    return text


def parse_server(text: str) -> str:
    """A mail server's URL: smtp (port 25, or 587 as it is written) or smtps (port 465)."""
    parts = _split(text)
    more = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or more or " " in text:
        raise ValueError(f"{shown(text)!r} is not a mail server; write it as 'smtp://mail.example.org:587'")
    return text


def parse_node_url(text: str) -> str:
    """A URL by which nodes install from a tree, without a slash at its end: http, https or ftp, and nothing behind the folder."""
    parts = urlsplit(parse_url(text))
    if parts.scheme == "file" or parts.query or parts.fragment or not text.isascii():
        raise ValueError(f"{shown(text)!r} is no folder that nodes install from; write it as 'http://10.1.0.1/redhat'")
    return text.rstrip("/")


def parse_tftp(text: str) -> str:
    """A folder of a TFTP server (RFC 3617), by the name that nodes ask for it under."""
    parts = _split(text)
    more = parts.query or parts.fragment or parts.username is not None
    if parts.scheme != "tftp" or not parts.hostname or more or " " in text:
        raise ValueError(f"{shown(text)!r} is no folder of a TFTP server; write it as 'tftp://10.1.0.1/X86PC/UNDI/linux-install'")
    return text


def parse_nfs(text: str) -> str:
    """What nodes mount (RFC 2224): a server, and the tree's path there."""
    parts = _split(text)
    more = parts.query or parts.fragment or parts.username is not None or parts.port
    if parts.scheme != "nfs" or not parts.hostname or more or not parts.path.startswith("/") or " " in text:
        raise ValueError(f"{shown(text)!r} is nothing that nodes mount; write it as 'nfs://10.1.0.1/u1/redhat'")
    return text


def parse_arguments(text: str) -> str:
    """Arguments of a kernel, in which {tree}, {group} and {url} stand for names and the first of the tree's URLs.

    Boot programs have different ideas of quotation marks, and of lines.
    """
    if not text.isprintable() or not text.isascii() or len(text) > _LONGEST_ARGUMENTS:
        raise ValueError(f"is no more than {_LONGEST_ARGUMENTS} characters of ASCII in one line; correct it")
    if found := _UNFIT_FOR_MENUS.search(_PLACEHOLDER.sub("", text)):
        raise ValueError(
            f"has {found.group()!r} in it, which boot programs take for something else; {{tree}}, {{group}} and {{url}} may stand there"
        )
    return " ".join(text.split())


def parse_mac(text: str) -> str:
    """The hardware address of a node's network card: in lower case, with colons."""
    address = text.lower().replace("-", ":")
    if not _MAC.fullmatch(address):
        raise ValueError(f"{text!r} is not the address of a network card; write it as '52:54:00:12:34:56'")
    return address


def parse_nodes(text: str) -> IPv4Network:
    """One node's IPv4 address, or a network of them, its prefix a multiple of 4: boot programs know it by hexadecimal digits."""
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is neither an IPv4 address nor a network; write '10.1.0.7' or '10.1.2.0/24'") from error
    if network.prefixlen % _DIGIT or not network.prefixlen:
        raise ValueError(
            f"{text!r}: boot programs tell networks apart by whole hexadecimal digits; let its prefix be a multiple of 4, from 4 to 32"
        )
    return network


def parse_metrics_file(text: str) -> Path:
    """A file that Prometheus's textfile collector reads."""
    path = parse_path(text)
    if path.suffix != METRICS_SUFFIX:
        raise ValueError(f"{text!r} is not read by the textfile collector; let its name end in {METRICS_SUFFIX!r}")
    return path


def parse_webhook(text: str) -> str:
    """A webhook's URL: http or https. What is secret in it stays out of all that is shown."""
    if not is_readable(text) or urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise ValueError("it is not a webhook; write its URL, as in 'https://chat.example.org/hooks/mirrors'")
    return text
