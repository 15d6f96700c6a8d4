"""A mirror that speaks HTTP or HTTPS: ranges that are checked, redirects that are chosen, errors in one line."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPException, IncompleteRead
from http.cookiejar import DefaultCookiePolicy
from ssl import SSLCertVerificationError, SSLError
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError, LocationParseError, MaxRetryError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

from mirrorsync import __version__
from mirrorsync.errors import UpstreamError
from mirrorsync.upstream.body import Body, Pace, Patience, RefusedError, TransferCutError, collected, persistently, stream
from mirrorsync.upstream.connections import PromptAdapter
from mirrorsync.upstream.mirror import Mirror, without_credentials
from mirrorsync.upstream.pages import Entry, parse_page

MOST_PAGE_BYTES = 32 << 20
_MOST_REDIRECTS = 8
_LONGEST_RETRY_AFTER = 60.0
_BACKOFF = 0.5  # seconds, doubled each time
_LONGEST_BACKOFF = 30
_DEEPEST_CHAIN = 20
_REDIRECTS = (301, 302, 303, 307, 308)
_OTHER_SCHEMES = ("http", "https", "ftp", "ftps", "file", "data")
_CONTENT_RANGE = re.compile(r"bytes\s+(?:(?P<first>\d{1,18})-(?P<last>\d{1,18})|\*)/(?P<total>\d{1,18}|\*)", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}")
_OTHER_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_OTHER_TIME = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_TLS_FAULTS = {
    "NO_CERTIFICATE_OR_CRL_FOUND": "`ca` names a file without a certificate in PEM; put the authority's there",
    "KEY_VALUES_MISMATCH": "the client's key does not belong to its certificate; correct client_cert or client_key",
    "WRONG_VERSION_NUMBER": "what answers there speaks no TLS; correct the port, or write http://",
}
_FOREIGN = (requests.RequestException, HTTPError, HTTPException, OSError, UnicodeError)


class BoundedRetry(Retry):
    """urllib3's retries, which do what Retry-After says, but wait no longer than a minute at a time."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds the server asks to wait, at most 60; None where it does not ask, or not in words that are a time."""
        try:
            seconds = super().get_retry_after(response)
        except (HTTPError, ValueError, OverflowError):
            return None
        return None if seconds is None else min(seconds, _LONGEST_RETRY_AFTER)


_BUSY = (429, 500, 502, 503, 504)


class _Session(requests.Session):
    """A session that follows no redirect and does not read the bodies of those it is answered with, which may have no end."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None of them: `_redirected` decides."""


class HttpTransport:
    """One session for all threads; every redirect is decided here, so credentials never leave the mirror's own origin."""

    def __init__(self, mirror: Mirror, patience: Patience) -> None:
        self._mirror = mirror
        self._origin = _origin(mirror.url)
        self._patience = patience
        self._pace = Pace(mirror.max_rate)
        self._auth = _basic_auth(mirror)
        self._certificate = _certificate(mirror)
        self._session = _session(mirror, patience)
        self._busy = BoundedRetry(patience.retries, status_forcelist=_BUSY, backoff_factor=_BACKOFF, backoff_max=_LONGEST_BACKOFF)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._session.close()

    @contextmanager
    def open(self, url: str, *, start: int = 0, end: int | None = None, validator: str | None = None) -> Iterator[Body]:
        """As Transport says; the validator is a strong ETag, else Last-Modified."""
        response = self._answer(url, _conditions(start, end, validator))
        if start and not _continues(response, url, start, validator):
            response.close()
            start = 0
            response = self._answer(url, _conditions(0, end, None))
        with closing(response):
            yield self._body(response, url, start, end, validator)

    def entries(self, url: str) -> tuple[Entry, ...]:
        """As Transport says, from the HTML page that the server makes of the folder."""
        folder = f"{url.rstrip('/')}/"

        def read_once() -> tuple[Entry, ...]:
            with self.open(folder) as body:
                return parse_page(collected(body, folder, MOST_PAGE_BYTES), body.url)

        return persistently(read_once)

    def _body(self, response: requests.Response, url: str, start: int, end: int | None, validator: str | None) -> Body:
        status = response.status_code
        first, total = 0, _content_length(response)
        if status == HTTPStatus.NOT_MODIFIED and validator is not None and start == 0:
            return Body(iter(()), validator=validator, unchanged=True, url=response.url)
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and _range(response) == (None, start):
            return Body(iter(()), start, start, _validator(response), url=response.url)
        if status == HTTPStatus.PARTIAL_CONTENT and (start or end is not None):
            first, total = _partial(response, url, start)
        elif status != HTTPStatus.OK:
            raise _status_error(url, status)
        chunks = stream(_reader(response, url), url=url, start=first, end=end, total=total, pace=self._pace, patience=self._patience)
        return Body(chunks, first, total, _validator(response), url=response.url)

    def _answer(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        """The answer after redirects, asked for again while the mirror says that it is too busy. Its status may be any."""
        retry: Retry = self._busy
        while True:
            response = self._followed(url, headers)
            if not retry.is_retry("GET", response.status_code):
                return response
            response.close()
            try:
                retry = retry.increment("GET", url, response=response.raw)
            except MaxRetryError:
                return response
            retry.sleep(response.raw)

    def _followed(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        target = url
        for _ in range(_MOST_REDIRECTS):
            response = self._request(target, url, headers)
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or location is None:
                return response
            response.close()
            target = _redirected(url, target, location)
        raise UpstreamError(f"{without_credentials(url)}: more than {_MOST_REDIRECTS} redirects; correct the mirror's URL")

    def _request(self, target: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        """One GET of `target`; `url` is what was asked for first, and what messages name."""
        own = _origin(target) == self._origin
        try:
            return self._session.get(
                target,
                headers=dict(headers),
                auth=self._auth if own else None,
                cert=self._certificate if own else None,
                timeout=(self._patience.connect, self._patience.read),
                allow_redirects=False,
                stream=True,
            )
        except _FOREIGN as error:
            raise UpstreamError(f"{without_credentials(url)}: {_reason(error)}") from error


def _session(mirror: Mirror, patience: Patience) -> requests.Session:
    session = _Session()
    session.trust_env = False  # no .netrc, no proxy but the configured one
    session.verify = mirror.ca or True
    session.headers.update({"User-Agent": f"mirrorsync/{__version__}", "Accept-Encoding": "identity"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    if mirror.proxy:
        session.proxies = {"http": mirror.proxy, "https": mirror.proxy}
    # What a status says is another retry's matter: Retry-After here would make an error of it.
    unreached = Retry(
        patience.retries, status=0, other=0, respect_retry_after_header=False, backoff_factor=_BACKOFF, backoff_max=_LONGEST_BACKOFF
    )
    adapter = PromptAdapter(pool_connections=4, pool_maxsize=max(mirror.connections, 1), max_retries=unreached)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _basic_auth(mirror: Mirror) -> HTTPBasicAuth | None:
    if mirror.username is None:
        return None
    return HTTPBasicAuth(mirror.username.encode(), (mirror.password or "").encode())


def _certificate(mirror: Mirror) -> str | tuple[str, str] | None:
    """The client's certificate, and its key where that is a file of its own."""
    if mirror.client_cert and mirror.client_key:
        return mirror.client_cert, mirror.client_key
    return mirror.client_cert


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _redirected(url: str, target: str, location: str) -> str:
    """Where a redirect leads. Raises UpstreamError where it must not be followed."""
    shown = without_credentials(url)
    try:
        new = urlsplit(urljoin(target, location))
    except ValueError as error:
        raise UpstreamError(f"{shown}: redirected to something that is no URL; correct the mirror's URL") from error
    if new.scheme not in ("http", "https") or not new.netloc:
        kind = f"a {new.scheme!r} URL" if new.scheme in _OTHER_SCHEMES else "another kind of URL"  # it might repeat a password
        raise UpstreamError(f"{shown}: redirected to {kind}; only http and https are followed")
    if new.scheme == "http" and urlsplit(target).scheme == "https":
        raise UpstreamError(f"{shown}: redirected from https to http; refused, correct the mirror's URL")
    return without_credentials(new.geturl())


def _conditions(start: int, end: int | None, validator: str | None) -> dict[str, str]:
    headers = {}
    if start or end is not None:
        headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
    if validator is not None and start:
        headers["If-Range"] = validator
    elif validator is not None:
        headers["If-None-Match" if validator.startswith('"') else "If-Modified-Since"] = validator
    return headers


def _continues(response: requests.Response, url: str, start: int, validator: str | None) -> bool:
    """Whether an answer to a range that begins at `start` may follow the bytes before it, or serves the whole file anyway."""
    if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return _range(response) == (None, start) and _same_file(response, validator)
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        return _same_file(response, validator)
    return True


def _same_file(response: requests.Response, validator: str | None) -> bool:
    """Servers that know ranges but not If-Range still tell which file they serve."""
    if validator is None:
        return True
    present = response.headers.get("ETag" if validator.startswith('"') else "Last-Modified")
    return present in (None, validator)


def _partial(response: requests.Response, url: str, start: int) -> tuple[int, int | None]:
    """(first byte, bytes of the whole file) of a 206. Raises UpstreamError where it is not what was asked for."""
    first, total = _range(response)
    if first != start:
        what = f"asked for the bytes from {start} on, the mirror sent others"
        raise UpstreamError(f"{without_credentials(url)}: {what}; none was used: another mirror may have it")
    return start, total


def _range(response: requests.Response) -> tuple[int | None, int | None]:
    """(first byte, bytes of the whole file) of a Content-Range, None for what it does not tell or contradicts."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if match is None:
        return None, None
    total = None if match["total"] == "*" else int(match["total"])
    if match["first"] is None:
        return None, total
    first, last = int(match["first"]), int(match["last"])
    return (None, None) if last < first or (total is not None and last >= total) else (first, total)


def _content_length(response: requests.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if _LENGTH.fullmatch(length) and "Transfer-Encoding" not in response.headers else None


def _validator(response: requests.Response) -> str | None:
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _reader(response: requests.Response, url: str) -> Callable[[int], bytes]:
    def read(size: int) -> bytes:
        try:
            return response.raw.read1(size, decode_content=False) or b""
        except _FOREIGN as error:
            raise TransferCutError(f"{without_credentials(url)}: the answer broke off: {_reason(error)}") from error

    return read


def _status_error(url: str, status: int) -> UpstreamError:
    shown = f"{without_credentials(url)}: {status} {_phrase(status)}"
    if status in (401, 407):
        return UpstreamError(f"{shown}; check the mirror's username and password in the configuration")
    if status in _BUSY:
        return UpstreamError(f"{shown}, again and again; try later or another mirror")
    if status in (403, 404, 410):
        return RefusedError(f"{shown}; the mirror does not have it or does not give it")
    return RefusedError(f"{shown}; not an answer that a file could be read from")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(no status that HTTP knows)"


def _reason(error: BaseException) -> str:
    """What lies at the bottom of a chain of exceptions, without the URLs and objects its layers mention."""
    chain = list(_chain(error))
    if said := next(filter(None, map(_cause, reversed(chain))), None):
        return said
    if isinstance(chain[-1], HTTPException) and not isinstance(chain[-1], IncompleteRead):
        return f"its answer is not HTTP as it should be ({type(chain[-1]).__name__}); correct the mirror's URL, or use another mirror"
    if any(isinstance(cause, (requests.Timeout, TimeoutError)) or "timed out" in str(cause) for cause in chain):
        return "no answer in time; is the mirror, or the network, down?"
    return f"{type(chain[-1]).__name__}; is the mirror, or the network, down?"


def _cause(error: BaseException) -> str | None:
    """What one exception of a chain tells by itself, None where it tells nothing."""
    match error:
        case SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}; {_remedy(error.verify_code)}"
        case SSLError():
            return _tls_fault(error)
        case requests.exceptions.InvalidProxyURL():
            return "the proxy's URL cannot be used; correct `proxy`"
        case UnicodeError() | LocationParseError() | requests.exceptions.InvalidURL():
            return "its host is no name that a host can have; correct the mirror's URL"
        case OSError() if error.strerror and not isinstance(error, requests.RequestException):
            return f"{error.strerror}; is the mirror, or the network, down?"
    return None


def _tls_fault(error: SSLError) -> str:
    """What went wrong before there was anything to verify, and what to do."""
    reason = error.reason or ""
    if reason in _TLS_FAULTS:
        return _TLS_FAULTS[reason]
    if not error.strerror or "PEM" in error.strerror:
        return "the client's certificate or key cannot be used; name them in PEM, without a passphrase"
    return f"no TLS connection came about ({reason.lower().replace('_', ' ')}); tell the mirror's owner, or use another mirror"


def _remedy(verify_code: int) -> str:
    """What to do about a certificate that OpenSSL refuses with this code."""
    if verify_code in _OTHER_NAME:
        return "correct the mirror's URL"
    if verify_code in _OTHER_TIME:
        return "tell the mirror's owner, or use another mirror; is this machine's clock right?"
    return "set `ca` to the authority that signed it"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was made of, outermost first: urllib3 keeps the cause in `reason` or among the arguments."""
    for _ in range(_DEEPEST_CHAIN):
        yield error
        inner = (getattr(error, "reason", None), *error.args, error.__cause__, error.__context__)
        below = next((part for part in inner if isinstance(part, BaseException)), None)
        if below is None:
            return
        error = below
