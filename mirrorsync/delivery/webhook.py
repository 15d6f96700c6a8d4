"""News handed to a webhook: JSON by POST, signed by HMAC-SHA256 as https://www.standardwebhooks.com (version 1) says.

webhook-id         the same at every attempt: who has it already may ignore it
webhook-timestamp  of this attempt, in seconds since the epoch
webhook-signature  "v1," and base64 of the HMAC of ID.TIMESTAMP.BODY, where there is a secret
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError
from urllib3.poolmanager import ProxyManager

from mirrorsync import __version__
from mirrorsync.delivery.deadline import Deadline
from mirrorsync.errors import DeliveryError

_PIECE_SECONDS, _WHOLE_SECONDS = 10.0, 30.0
_PREFIX = "whsec_"
_GOOD = range(200, 300)
_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to post. secret: what signs, None for no signature.  ca: who signed its certificate, None for those the system knows."""

    url: str = field(repr=False)
    secret: bytes | None = field(default=None, repr=False)
    ca: Path | None = None
    seconds: float = _WHOLE_SECONDS

    @property
    def name(self) -> str:
        """What messages call it: its server, and which of its URLs, of which whoever knows one can post to it."""
        return name_of(self.url)


def name_of(url: str) -> str:
    """A webhook's name that gives nothing away."""
    parts = urlsplit(url)
    server = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    return f"{parts.scheme}://{server}/…{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def key_of(secret: str) -> bytes:
    """The key that a secret's text stands for: base64 behind `whsec_`, else the text itself. Raises ValueError."""
    text = secret.strip()
    if not text:
        raise ValueError("is empty")
    if not text.startswith(_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not base64 behind {_PREFIX!r}") from error


def signature(key: bytes, identity: str, timestamp: int, body: bytes) -> str:
    """As `webhook-signature` has it."""
    signed = f"{identity}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def post(webhook: Webhook, body: bytes, timestamp: int) -> None:
    """Hand a document over, once; the server's answer is not read. Raises DeliveryError."""
    identity = f"msg_{hashlib.sha256(body).hexdigest()[:32]}"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"mirrorsync/{__version__}",
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
    }
    if webhook.secret is not None:
        headers["webhook-signature"] = signature(webhook.secret, identity, timestamp, body)
    deadline = Deadline(webhook.seconds)
    with deadline.running(), _told(webhook, deadline), _session(deadline) as session:
        verify = str(webhook.ca) if webhook.ca else True
        with session.post(
            webhook.url, data=body, headers=headers, timeout=_PIECE_SECONDS, verify=verify, allow_redirects=False, stream=True
        ) as response:
            pass  # what it says is nobody's business
    if response.status_code not in _GOOD:
        raise DeliveryError(f"{webhook.name} answers {_status(response)}", final=_is_final(response.status_code))


def _is_final(status: int) -> bool:
    """What a server refuses for what it is, it refuses again; redirects are not followed, and want the configuration changed."""
    return status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _AGAIN


def _status(response: requests.Response) -> str:
    if response.is_redirect:
        return f"{response.status_code}, a redirect, which is not followed; write where it leads"
    return f"{response.status_code} {HTTPStatus(response.status_code).phrase if response.status_code in set(HTTPStatus) else ''}".strip()


@contextmanager
def _told(webhook: Webhook, deadline: Deadline) -> Iterator[None]:
    """What goes wrong, without the URL: whoever knows it can post to it."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise DeliveryError(f"{webhook.name} shows a certificate that does not hold") from error
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        late = deadline.passed or isinstance(error, requests.Timeout)
        what = f"did not answer within {webhook.seconds if deadline.passed else _PIECE_SECONDS:.0f} s" if late else "cannot be reached"
        raise DeliveryError(f"{webhook.name} {what}") from error
    finally:
        deadline.close()


class _Session(requests.Session):
    """A session that reads no bodies of redirects, which may have no end: the library's own does so even where none is followed."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None of them."""


@contextmanager
def _session(deadline: Deadline) -> Iterator[requests.Session]:
    with _Session() as session:
        adapter = _Adapter(deadline)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        yield session


class _Adapter(HTTPAdapter):
    """An adapter of requests whose connections, direct and through proxies, are watched."""

    def __init__(self, deadline: Deadline) -> None:
        self._pools = _pools(deadline)
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Let every connection be one of ours."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> ProxyManager:
        """The same for those through a proxy."""
        manager: ProxyManager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(deadline: Deadline) -> dict[str, Any]:
    """Classes of connection pools whose sockets the deadline makes."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> Any:
            try:
                return deadline.connected(self._dns_host, self.port, _PIECE_SECONDS)
            except TimeoutError as error:
                raise ConnectTimeoutError(self, "the connection") from error

    class Tls(HTTPSConnection):
        _new_conn = Plain._new_conn

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}
