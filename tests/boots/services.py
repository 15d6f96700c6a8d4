"""The servers that a master runs for its nodes, each in the foreground and ended with the trial."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.boots.wire import BRIDGE, MAC, MASTER, NETWORK, NODE
from tests.inflight.ganesha import answering, daemon, ganesha, portmapper

_HTTP = 80
_LOG = "dnsmasq.log"
_DNSMASQ = """
port=0
user=root
interface={bridge}
bind-interfaces
log-dhcp
log-facility={log}
dhcp-leasefile={work}/leases
pid-file={work}/dnsmasq.pid
dhcp-range=10.77.0.100,10.77.0.120,255.255.255.0,10m
dhcp-host={mac},{node},node1
{boot}
{tftp}
"""
_HTTP_BOOT = """
dhcp-match=set:ipxe,175
dhcp-vendorclass=set:http,HTTPClient
dhcp-option-force=tag:http,60,HTTPClient
dhcp-boot=tag:ipxe,{file}
dhcp-boot=tag:!ipxe,http://{master}/{program}
"""
_NGINX = """
user root;
daemon off;
pid {work}/nginx.pid;
error_log {work}/nginx.error;
events {{}}
http {{
    access_log {work}/nginx.log;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    types {{}}
    default_type application/octet-stream;
    server {{
        listen {master}:80;
        location /install/ {{ alias {parent}/; }}
        location / {{ root {tftpboot}; }}
        location /order/ {{ alias {order}/; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Served:
    """Whose files are served: the folder with the trees, by NFS and HTTP; the TFTP root; and what nodes are told to do."""

    parent: Path
    tftpboot: Path
    order: Path


@dataclass(frozen=True, slots=True)
class Booting:
    """file: what DHCP tells nodes to load.  dnsmasq: whether it, not in.tftpd, has the files.

    http: the program that UEFI's HTTP boot loads, which is iPXE, and asks DHCP again; "" for none.
    """

    file: str
    dnsmasq: bool = False
    http: str = ""


@contextmanager
def services(served: Served, booting: Booting, work: Path) -> Iterator[None]:
    """DHCP, TFTP, HTTP, and NFS of versions 3 and 4, at MASTER."""
    with ExitStack() as stack:
        stack.enter_context(_exported(served.parent, work))
        stack.enter_context(_dhcp(served, booting, work))
        if not booting.dnsmasq:
            stack.enter_context(_tftp(served.tftpboot, work))
        stack.enter_context(_http(served, work))
        stack.enter_context(portmapper(work))
        stack.enter_context(ganesha(served.parent, (3, 4), work))
        yield


def requests(work: Path) -> list[str]:
    """What dnsmasq has logged."""
    return (work / _LOG).read_text(errors="replace").splitlines()


@contextmanager
def _exported(parent: Path, work: Path) -> Iterator[None]:
    """/etc/exports as this namespace has it, and what exportfs makes of it; ganesha has its own."""
    exports = work / "exports"
    exports.write_text(f"{parent} {NETWORK}(ro,no_subtree_check,fsid=1)\n")
    Path("/var/lib/nfs/etab").touch()
    subprocess.run(["mount", "--bind", str(exports), "/etc/exports"], check=True)
    try:
        subprocess.run(["exportfs", "-ra"], check=True, env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"})
        yield
    finally:
        subprocess.run(["umount", "/etc/exports"], check=True)


@contextmanager
def _dhcp(served: Served, booting: Booting, work: Path) -> Iterator[None]:
    boot = f"dhcp-boot={booting.file},,{MASTER}"
    if booting.http:
        boot = _HTTP_BOOT.format(master=MASTER, file=booting.file, program=booting.http)
    tftp = f"enable-tftp\ntftp-root={served.tftpboot}" if booting.dnsmasq else ""
    config, pid = work / "dnsmasq.conf", work / "dnsmasq.pid"
    pid.unlink(missing_ok=True)
    config.write_text(_DNSMASQ.format(bridge=BRIDGE, log=work / _LOG, work=work, mac=MAC, node=NODE, boot=boot, tftp=tftp))
    with daemon(["dnsmasq", "-k", f"--conf-file={config}"], work / "dnsmasq.out", pid.exists):
        yield


@contextmanager
def _tftp(root: Path, work: Path) -> Iterator[None]:
    with daemon(["in.tftpd", "-L", "-a", f"{MASTER}:69", "-s", str(root)], work / "tftpd.out", _is_bound):
        yield


def _is_bound() -> bool:
    """Whether somebody has UDP port 69 of this namespace."""
    return any(line.split()[1].endswith(":0045") for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:])


@contextmanager
def _http(served: Served, work: Path) -> Iterator[None]:
    config = work / "nginx.conf"
    config.write_text(_NGINX.format(work=work, master=MASTER, parent=served.parent, tftpboot=served.tftpboot, order=served.order))
    with daemon(["nginx", "-c", str(config), "-e", str(work / "nginx.error")], work / "nginx.out", answering(_HTTP)):
        yield
