"""Who seems to be installing: by the NFS server's clients, and by the logs of TFTP and HTTP servers; what cannot tell counts as busy."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from mirrorsync.model.activity import Activity, Presence, Sign
from mirrorsync.planning.traces import http_signs, latest, nfs4_signs, nfs_signs, own_addresses, reaches_back, tftp_signs
from mirrorsync.probes.activity import by_http, by_nfs, by_tftp, together
from tests import servers
from tests.sites import Site

NOW = datetime(2026, 1, 1, 0, 10, tzinfo=timezone(timedelta(hours=1)))
NAMES = ("linux.1", "linux.2")


def told(signs: Sequence[Sign]) -> list[tuple[str, str, int | None]]:
    return [(sign.node, sign.way, None if sign.age is None else int(sign.age.total_seconds())) for sign in signs]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Jan  1 00:05:00 m in.tftpd[7]: RRQ from 10.1.0.5 filename X86PC/UNDI/linux-install/linux.1", [("10.1.0.5", "TFTP", 300)]),
        ("Jan  1 00:05:00 m in.tftpd[7]: RRQ from ::ffff:10.1.0.5 filename linux.2 remapped to /t/linux.2", [("10.1.0.5", "TFTP", 300)]),
        ("Dec 31 23:55:00 dnsmasq-tftp[9]: sent /tftpboot/a b/linux.2 to 10.1.0.6", [("10.1.0.6", "TFTP", 900)]),
        ("2025-12-31T23:05:00.123456+00:00 m dnsmasq-tftp[9]: sent /t/linux.2 to fd00::6", [("fd00::6", "TFTP", 299)]),
        ("Jan  1 00:11:00 m in.tftpd[7]: RRQ from 10.1.0.5 filename linux.1", [("10.1.0.5", "TFTP", 0)]),  # a clock that is a bit ahead
        ("Dec 31 23:30:00 dnsmasq-tftp[9]: sent /tftpboot/linux.2 to 10.1.0.6", []),
        ("Jan  3 00:05:00 m in.tftpd[7]: RRQ from 10.1.0.5 filename linux.1", []),  # of last year
        ("Jan  1 00:05:00 m in.tftpd[7]: RRQ from 10.1.0.5 filename xlinux.1", []),
        ("Jan  1 00:05:00 m in.tftpd[7]: WRQ from 10.1.0.5 filename linux.1", []),
        ("Jan  1 00:05:00 dnsmasq-tftp[9]: file /tftpboot/linux.1 not found for 10.1.0.6", []),
        ("in.tftpd[7]: RRQ from 10.1.0.5 filename linux.1", []),
        ("Feb 30 00:05:00 m in.tftpd[7]: RRQ from 10.1.0.5 filename linux.1", []),
        ("", []),
    ],
)
def test_tftp_servers_say_who_loaded_what(line: str, expected: list[tuple[str, str, int | None]]) -> None:
    assert told([*tftp_signs([line], NAMES, NOW)]) == expected


LINE = '10.1.0.7 - - [01/Jan/2026:00:00:00 +0100] "GET /redhat/RedHat/base/hdlist HTTP/1.0" 200 1234'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (LINE, [("10.1.0.7", "HTTP", 600)]),
        (f'{LINE} "-" "anaconda/13.21.239"', [("10.1.0.7", "HTTP", 600)]),
        (LINE.replace(" - - ", " - joe "), [("10.1.0.7", "HTTP", 600)]),
        (LINE.replace("/redhat/", "/redhat9/"), []),
        (LINE.replace("01/Jan/2026:00", "31/Dec/2025:23"), []),
        (LINE.replace("01/Jan", "41/Jan"), []),
        (LINE.replace("GET", "POST"), []),
        (f'{LINE} "-" "mirrorsync/0.1.0"', []),  # a check's
        ("x", []),
    ],
)
def test_access_logs_say_who_asked_for_the_tree(line: str, expected: list[tuple[str, str, int | None]]) -> None:
    assert told([*http_signs([line], "/redhat", NOW)]) == expected


INFO = """clientid: 0x2a6b0f1667d0c2a5
address: "10.1.0.8:843"
status: confirmed
seconds from last renew: 12
name: "Linux NFSv4.2 node8"
minor version: 2
Implementation domain: "kernel.org"
"""


def test_the_kernel_says_which_clients_of_version_4_it_has() -> None:
    assert told([*nfs4_signs(INFO)]) == [("10.1.0.8", "NFS 4.2", 12)]
    assert told([*nfs4_signs(INFO.replace("10.1.0.8:", "[fd00::8]:").replace("12\n", f"{'9' * 40}\n"))]) == [("fd00::8", "NFS 4.2", None)]
    assert told([*nfs4_signs(INFO.replace("Linux NFSv4.2 node8", "mirrorsync check 4711"))]) == []
    assert told([*nfs4_signs("")]) == []


CONTENT = """#class IP domain
nfsd 10.1.0.8 10.1.0.0/16
nfsd ::ffff:10.1.0.9 10.1.0.0/16
nfsd 127.0.0.1 -test-client-
# nfsd 10.9.9.9 -no-domain-
"""


def test_and_who_asked_lately_by_whatever_version() -> None:
    assert told([*nfs_signs(CONTENT)]) == [("10.1.0.8", "NFS", None), ("10.1.0.9", "NFS", None), ("127.0.0.1", "NFS", None)]


FIB_TRIE = """Main:
  +-- 10.1.0.0/16 2 0 2
     |-- 10.1.0.0
        /16 link UNICAST
     |-- 10.1.0.1
        /32 host LOCAL
     |-- 10.1.255.255
        /32 link BROADCAST
"""
IF_INET6 = "fd000000000000000000000000000008 02 40 00 80     eth0\n"


def test_a_masters_own_addresses_are_no_nodes(tmp_path: Path) -> None:
    """Its checks ask by whatever name export.nfs gives it, and the server sees the address."""
    folder = proc(tmp_path, INFO, INFO.replace("10.1.0.8:", "10.1.0.1:"), INFO.replace("10.1.0.8:", "[fd00::8]:"))
    (folder / "net/fib_trie").write_text(FIB_TRIE)
    assert {sign.node for sign in by_nfs(folder).signs} == {"10.1.0.8", "10.1.0.9", "127.0.0.1", "fd00::8"}
    (folder / "net/if_inet6").write_text(IF_INET6)
    assert {sign.node for sign in by_nfs(folder).signs} == {"10.1.0.8", "10.1.0.9", "127.0.0.1"}


def test_the_kernel_of_this_machine_says_its_addresses() -> None:
    assert "127.0.0.1" in own_addresses(Path("/proc/net/fib_trie").read_text(), "")


def proc(folder: Path, *infos: str) -> Path:
    for number, info in enumerate(infos):
        client = folder / "fs/nfsd/clients" / str(number)
        client.mkdir(parents=True)
        (client / "info").write_text(info)
    (folder / "net/rpc/auth.unix.ip").mkdir(parents=True)
    (folder / "net/rpc/auth.unix.ip/content").write_text(CONTENT)
    return folder


def test_of_one_node_the_better_sign_is_told(tmp_path: Path) -> None:
    folder = proc(tmp_path, INFO, INFO.replace("12\n", "4\n"))
    (folder / "net/fib_trie").write_text(FIB_TRIE.replace("10.1.0.1\n", "127.0.0.1\n"))
    found = by_nfs(folder)
    assert told(latest(found.signs)) == [("10.1.0.8", "NFS 4.2", 4), ("10.1.0.9", "NFS", None)]
    assert together([found]).presence is Presence.BUSY


def test_without_an_nfs_server_here_nobody_knows(tmp_path: Path) -> None:
    found = by_nfs(tmp_path)
    assert (found.signs, together([found, Activity()]).presence) == ((), Presence.UNKNOWN)


def test_a_log_without_a_sign_means_something_only_where_it_reaches_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    old, young = "Dec 31 23:00:00 m cron: x\n", "Jan  1 00:08:00 m cron: x\n"
    for text, presence in ((old + young, Presence.IDLE), (young, Presence.UNKNOWN), ("", Presence.UNKNOWN), ("x\n" * 9, Presence.UNKNOWN)):
        log.write_text(text)
        assert by_tftp(log, NAMES, NOW).presence is presence
    assert by_tftp(tmp_path / "none", NAMES, NOW).unknown == (f"TFTP: {tmp_path}/none: cannot be read: No such file or directory",)
    assert by_tftp(tmp_path, NAMES, NOW).presence is Presence.UNKNOWN


def test_only_the_end_of_a_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, 2)
        file.write(f"\n{LINE}\n".encode())
    assert told(by_http(log, "/redhat", NOW).signs) == [("10.1.0.7", "HTTP", 600)]


def test_a_line_without_end_costs_no_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("1" * (1 << 20) + " " * 1000 + "[" * 1000)
    assert by_http(log, "/redhat", NOW).signs == by_tftp(log, NAMES, NOW).signs == ()
    assert not reaches_back(["[" * 100_000], NOW)


def status(site: Site, more: str = "") -> Any:
    return json.loads(site.program(more=more)("status", "--json").out)["trees"][0]["installing"]


def test_status_tells_of_a_real_servers_log(redhat: Site, tmp_path: Path) -> None:
    redhat.program()("update")
    assert status(redhat) == {"presence": "unknown", "nodes": [], "unknown": ["nothing is configured that nodes install by"]}
    with servers.nginx(redhat.tree.parent, tmp_path) as server:
        more = f'urls = ["{server.url}/{redhat.name}"]\n'
        assert status(redhat, more)["unknown"] == [f"HTTP: no access_log is named for {server.url}/{redhat.name}"]
        more += f'access_log = "{tmp_path}/access.log"\n'
        requests.get(f"{server.url}/{redhat.name}/RedHat/base/hdlist", timeout=10).raise_for_status()
        found = status(redhat, more)
        text = redhat.program(more=more)("status").out
    [node] = found["nodes"]
    assert (found["presence"], node["node"], node["way"], node["seconds"] < 60) == ("busy", "127.0.0.1", "HTTP", True)
    assert "1 node heard of within 30 minutes:" in text
    assert "127.0.0.1 (HTTP, 0 min ago)" in text


def test_times_are_of_this_machines_zone(redhat: Site, tmp_path: Path) -> None:
    """A log of the system has no zone in its times."""
    log = tmp_path / "syslog"
    log.write_text(f"{datetime.now(UTC).astimezone():%b %e %H:%M:%S} m in.tftpd[7]: RRQ from 10.1.0.5 filename linux.1\n")
    program = redhat.program(boot=True)
    redhat.boot.mkdir(exist_ok=True)
    program.config.write_text(program.config.read_text() + f'tftp_log = "{log}"\n')
    program("update")
    [node] = program("status", "--json").tree["installing"]["nodes"]
    assert (node["node"], node["seconds"] < 60) == ("10.1.0.5", True)
