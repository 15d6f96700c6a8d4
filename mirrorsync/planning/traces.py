"""The traces that nodes leave in the logs of TFTP and HTTP servers, and in what the kernel says of its NFS clients.

in.tftpd (tftpd-hpa) and dnsmasq write to the system's log, with times of RFC 3164 or RFC 3339; HTTP servers write the common log format.
/proc/fs/nfsd/clients and /proc/net/rpc/auth.unix.ip: Linux's fs/nfsd/nfs4state.c and net/sunrpc/svcauth_unix.c; /proc/net/fib_trie and
/proc/net/if_inet6: net/ipv4/fib_trie.c and net/ipv6/addrconf.c.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address

from mirrorsync.model.activity import RECENT, Sign

OWN = "mirrorsync"
"""Begins the names that checks of our own go by."""

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_SYSLOG = re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d")
_TFTP = (
    re.compile(r"in\.tftpd(?:\[\d+\])?: RRQ from (?P<node>\S+) filename (?P<file>.+?)(?: remapped to .*)?$"),
    re.compile(r"dnsmasq-tftp(?:\[\d+\])?: sent (?P<file>.+) to (?P<node>\S+)$"),
)
_HTTP = re.compile(r'(?P<node>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?:GET|HEAD) (?P<path>\S+)[^"]*" \d{3} \S+(?P<rest>.*)')
_CLIENT = re.compile(r"^(address|seconds from last renew|name|minor version): *(.*)$", re.MULTILINE)
_LOCAL = re.compile(r"^ *\|-- (\S+)\n +/32 host LOCAL$", re.MULTILINE)
_INET6 = re.compile(r"^([0-9a-f]{32}) ", re.MULTILINE)
_MAPPED = "::ffff:"
_WRONG_CLOCK = timedelta(days=1)


def tftp_signs(lines: Iterable[str], names: Collection[str], now: datetime) -> Iterator[Sign]:
    """Of the transfers of files with these names, or ending in /NAME, those within RECENT of `now`, which has the log's time zone."""
    for line in lines:
        match = next((match for pattern in _TFTP if (match := pattern.search(line))), None)
        time = _logged(line, now)
        if match and time and any(f"/{match['file']}".endswith(f"/{name}") for name in names):
            yield from _recent(match["node"], "TFTP", now - time)


def http_signs(lines: Iterable[str], path: str, now: datetime) -> Iterator[Sign]:
    """Of the requests for what lies below `path`, which has no slash at its end, those within RECENT."""
    for line in lines:
        match = _HTTP.match(line)
        time = _requested(match["time"]) if match else None
        if match and time and match["path"].startswith(f"{path}/") and OWN not in match["rest"]:
            yield from _recent(match["node"], "HTTP", now - time)


def nfs4_signs(info: str) -> Iterator[Sign]:
    """The client of one file `info`; it renews its lease as long as it has anything mounted."""
    words = dict(_CLIENT.findall(info))
    if "address" in words and OWN not in words.get("name", ""):
        seconds = words.get("seconds from last renew", "")
        age = timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < len(str(10**9)) else None
        yield Sign(_host(words["address"].strip('"')), f"NFS 4.{words.get('minor version') or 0}", age)


def nfs_signs(content: str) -> Iterator[Sign]:
    """The clients that the kernel has looked up for its NFS server, which it forgets half an hour after."""
    for line in content.splitlines():
        words = line.split()
        if len(words) >= len(("nfsd", "address", "domain")) and words[0] == "nfsd":
            yield Sign(words[1].removeprefix(_MAPPED), "NFS")


def own_addresses(fib_trie: str, if_inet6: str) -> frozenset[str]:
    """This machine's addresses, by what its kernel says of its routes and of its cards."""
    return frozenset(_LOCAL.findall(fib_trie)) | {str(IPv6Address(int(digits, 16))) for digits in _INET6.findall(if_inet6)}


def latest(signs: Iterable[Sign]) -> tuple[Sign, ...]:
    """Of each node and way the last sign, sorted; nothing of a node by NFS without a version where it has one."""
    found: dict[tuple[str, str], Sign] = {}
    for sign in signs:
        known = found.get((sign.node, sign.way))
        if known is None or (sign.age is not None and (known.age is None or sign.age < known.age)):
            found[sign.node, sign.way] = sign
    versioned = {node for node, way in found if way.startswith("NFS ")}
    return tuple(sign for (node, way), sign in sorted(found.items()) if not (way == "NFS" and node in versioned))


def reaches_back(lines: Sequence[str], now: datetime) -> bool:
    """Whether the log, read from here on, would have what happened within RECENT: its first time is older."""
    times = (_logged(line, now) or ((match := _HTTP.match(line)) and _requested(match["time"])) for line in lines)
    first = next((time for time in times if time), None)
    return first is not None and now - first >= RECENT


def _recent(node: str, way: str, age: timedelta) -> Iterator[Sign]:
    if age < RECENT:
        yield Sign(node.removeprefix(_MAPPED), way, max(age, timedelta()))


def _logged(line: str, now: datetime) -> datetime | None:
    """When the line was written to the system's log."""
    try:
        if match := _ISO.match(line):
            return datetime.fromisoformat(match[0])
        if match := _SYSLOG.match(line):
            time = datetime.strptime(f"{now.year} {match[0]}", "%Y %b %d %H:%M:%S").replace(tzinfo=now.tzinfo)
            return time.replace(year=now.year - 1) if time > now + _WRONG_CLOCK else time
    except ValueError:
        pass
    return None


def _requested(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        return None


def _host(address: str) -> str:
    """Without the port: 10.77.0.50:843, [fe80::1]:843."""
    return address.rpartition(":")[0].strip("[]").removeprefix(_MAPPED)
