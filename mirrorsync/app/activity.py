"""Who seems to be installing from a tree just now, by all servers that nodes install by."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import unquote, urlsplit

from mirrorsync.app.site import BootPlace, Site
from mirrorsync.boot.bootset import read_boot_set
from mirrorsync.errors import BootError
from mirrorsync.model.activity import Activity
from mirrorsync.probes.activity import by_http, by_nfs, by_tftp, together


def activity(site: Site, now: datetime) -> Activity:
    """What is known of it. `now` has the time zone of this machine, as its logs have."""
    return together(_looks(site, now.astimezone()))


def _looks(site: Site, now: datetime) -> Iterator[Activity]:
    if not (site.export or site.boot or site.urls):
        yield Activity(unknown=("nothing is configured that nodes install by",))
    if site.export:
        yield by_nfs()
    if site.boot:
        yield _by_tftp(site, site.boot, now)
    for url in (url for url in site.urls if urlsplit(url).scheme != "ftp"):
        if site.access_log:
            yield by_http(site.access_log, unquote(urlsplit(url).path).rstrip("/"), now)
        else:
            yield Activity(unknown=(f"HTTP: no access_log is named for {url}",))
    for url in (url for url in site.urls if urlsplit(url).scheme == "ftp"):
        yield Activity(unknown=(f"FTP: nothing is looked at of {url}",))


def _by_tftp(site: Site, boot: BootPlace, now: datetime) -> Activity:
    if boot.log is None:
        return Activity(unknown=("TFTP: no tftp_log is named",))
    try:
        boot_set = read_boot_set(site.tree.path)
        return by_tftp(boot.log, boot.staging.names(boot_set), now) if boot_set else Activity()
    except BootError as error:
        return Activity(unknown=(f"TFTP: {error}",))
