"""HTTP connections that wait only so long for the head of an answer, and take only so much of it."""

import io
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import ProxyManager

from mirrorsync.upstream.body import HeadReader


class _Response(HTTPResponse):
    """An answer whose head has to come to an end."""

    def begin(self) -> None:
        """Read the head."""
        reader = HeadReader(self.fp.detach())  # nothing of it was read yet
        self.fp = io.BufferedReader(reader)
        with reader.head():
            super().begin()


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
