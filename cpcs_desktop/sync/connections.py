"""HTTP connections that another thread can cut.

A program that is being closed must not wait half a minute for a server that says nothing, and a
blocking read has no other end than its socket's.
"""

from __future__ import annotations

import socket
import threading
import weakref
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class OpenSockets:
    """Sockets under way; closed ones disappear by themselves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.aborted = False

    def add(self, connected: socket.socket) -> None:
        """Remember a socket; one that comes after the abort is cut at once."""
        with self._lock:
            self._sockets.add(connected)
            if self.aborted:
                _cut(connected)

    def abort(self) -> None:
        """Cut all of them."""
        with self._lock:
            self.aborted = True
            for connected in self._sockets:
                _cut(connected)


class AbortableAdapter(HTTPAdapter):
    """A transport adapter of requests whose connections can be cut from outside."""

    def __init__(self) -> None:
        self._open_sockets = OpenSockets()
        super().__init__(pool_connections=2, pool_maxsize=4, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager with connection classes that report their sockets."""
        super().init_poolmanager(*args, **kwargs)
        sockets = self._open_sockets

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def abort(self) -> None:
        """Cut every connection, and every one that is still to come."""
        self._open_sockets.abort()


def _cut(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:  # already closed by the other end
        return
