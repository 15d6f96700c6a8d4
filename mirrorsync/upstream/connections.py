"""HTTP connections that wait only so long for what frames an answer, and take only so much of it: its head, and what is between chunks."""

import io
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import ProxyManager

from mirrorsync.upstream.body import HeadReader


class _Response(HTTPResponse):
    """An answer whose head has to come to an end, and the lines before and after its chunks too."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reader = HeadReader(self.fp.detach())  # nothing of it was read yet
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read the head."""
        with self._reader.head():
            super().begin()

    def read1(self, size: int = -1) -> bytes:
        """The next bytes of the body, be they a chunk's that has yet to be announced, or none, with the trailers behind the last one."""
        with self._reader.head():
            return super().read1(size)


class _PlainConnection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class PromptAdapter(HTTPAdapter):
    """An adapter of requests whose connections, direct and through proxies, have that limit."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Let every connection be one of ours."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> ProxyManager:
        """The same for those through a proxy."""
        manager: ProxyManager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {"http": _PlainPool, "https": _TlsPool}
