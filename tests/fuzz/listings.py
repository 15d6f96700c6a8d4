"""Targets: the listings of bare directories, as web and FTP servers write them."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from mirrorsync.errors import UpstreamError
from mirrorsync.files import contained
from mirrorsync.upstream.crawl import crawl
from mirrorsync.upstream.pages import Entry, parse_list, parse_mlsd, parse_page
from tests.fuzz import markup
from tests.fuzz.mutation import mutator
from tests.fuzz.samples import samples
from tests.fuzz.target import Target

_URL = "http://mirror.example/updates/7.3/"
_DAY = date(2026, 3, 1)
_APACHE = b"""<html><head><title>Index of /updates/7.3</title></head><body><h1>Index of /updates/7.3</h1>
<pre><img src="/i/blank.gif" alt="Icon "> <a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a><hr>
<img src="/i/back.gif" alt="[DIR]"> <a href="/updates/">Parent Directory</a>           -
<img src="/i/folder.gif" alt="[DIR]"> <a href="i386/">i386/</a>  2003-01-02 03:04    -
<img src="/i/u.gif" alt="[   ]"> <a href="bash-2.05a-13.1.i386.rpm">bash-2.05a-13.1.i386.rpm</a>  2002-09-01 12:00  1.6M
<a href="a%2bb-1-1.noarch.rpm">a+b</a> 01-Sep-2002 12:00 12345
<a href="c-1-1.noarch.rpm">c</a> 30-Feb-2002 12:00 12345
</pre></body></html>"""
_TABLE = b"""<table><tr><td><a href="x-1-1.i386.rpm">x</a></td><td data-order="1700000000">2024-May-01 10:00:00</td><td>12 KiB</td></tr>
<tr><td><a href='./y-1-1.i386.rpm'>y</a></td><td><time datetime="2024-05-01T10:00:00Z">May</time></td><td>99</td></tr></table>"""
_DOTNET = b"""<A HREF="/updates/">[To Parent Directory]</A><br><br> 9/1/2002 12:00 PM &lt;dir&gt; <A HREF="/updates/7.3/i386/">i386</A><br>
 9/1/2002 12:00 PM 1234 <A HREF="/updates/7.3/x-1-1.i386.rpm">x-1-1.i386.rpm</A><br>"""
_LIST = b"""total 12\r
drwxr-xr-x    2 0        0            4096 Sep 01  2002 i386\r
-rw-r--r--    1 ftp      ftp       1234567 Sep 01 12:00 bash-2.05a-13.1.i386.rpm\r
lrwxrwxrwx    1 0        0              11 Feb 29 23:59 link.rpm -> bash.rpm\r
-rw-r--r--. 1 0 0 99 2024-05-01 10:00 x-1-1.i386.rpm\r
"""
_MLSD = b"""type=cdir;modify=20240501100000;perm=el; .\r
type=file;size=1234;modify=20240501100000.123;perm=r; x-1-1.i386.rpm\r
Type=dir;Modify=20240501100000;UNIX.mode=0755; i386\r
type=OS.unix=slink:/x;size=3; link.rpm\r
"""
_WORDS = (
    *(b'<a href="', b"</a>", b".rpm", b".i386.rpm", b"<tr>", b"<td>", b"</td>", b"<li>"),
    *(b"2024-05-01 10:00", b"00-Jan-0000 99:99", b"1.6M", b" KiB"),
)
_LINES = (b"-rw-r--r-- 1 0 0 ", b"Feb 29 23:59 ", b"Jan 01 0000 ", b" -> ", b"type=file;", b"size=", b"modify=", b"; ", b"99991399256161")


def _read_page(content: bytes, _: Path) -> None:
    _walk(parse_page(content, _URL))


def _read_list(content: bytes, _: Path) -> None:
    _walk(parse_list(_lines(content), _DAY))


def _read_mlsd(content: bytes, _: Path) -> None:
    _walk(parse_mlsd(_lines(content)))


def _lines(content: bytes) -> list[str]:
    """As the FTP transport hands them over."""
    return [line.rstrip(b"\r").decode(errors="surrogateescape") for line in content.split(b"\n")]


def _walk(entries: tuple[Entry, ...]) -> None:
    """What is made of the entries next; every offer must be a name that cannot leave its folder."""
    found = crawl(lambda location: () if location else entries, _URL, ("i686",))
    for offer in found.offers:
        contained(Path("/"), offer.location)
        str(offer.stamp)
    str(found.digest)


def _pages() -> Sequence[bytes]:
    return [_APACHE, _TABLE, _DOTNET]


TARGETS = (
    Target("listing-page", _read_page, _pages, (UpstreamError,), mutator(*markup.CHANGES, words=_WORDS), corpus=samples("listings/*.html")),
    Target("listing-ftp", _read_list, lambda: [_LIST], (), mutator(words=_LINES), corpus=samples("listings/*LIST.txt")),
    Target("listing-mlsd", _read_mlsd, lambda: [_MLSD], (), mutator(words=_LINES)),
)
