"""What surrounds every request: the old prefix, limits on bodies, headers of trust."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cpcs_desktop.wire import PROTOCOL_HEADER, PROTOCOL_VERSION

OLD_PREFIX = "/followup"

#: Pages run no script but our own, load nothing from elsewhere, and cannot be framed.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
TRUST_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": CONTENT_POLICY,
    PROTOCOL_HEADER: str(PROTOCOL_VERSION),
}


class OldPrefix:
    """Serve everything under ``/followup`` too: a prefix like that of a proxy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Move the prefix from the route to the root."""
        root = scope.get("root_path", "")
        prefix = root + OLD_PREFIX
        if scope["type"] == "http" and (scope["path"] + "/").startswith(prefix + "/"):
            path = scope["path"] if scope["path"] != prefix else prefix + "/"
            scope = {**scope, "root_path": prefix, "path": path}
        await self._app(scope, receive, send)


class TrustHeaders:
    """Put the headers of trust on every answer."""

    def __init__(self, app: ASGIApp, behind_https: bool) -> None:
        self._app = app
        self._headers = dict(TRUST_HEADERS)
        if behind_https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers as the answer starts."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimits:
    """Refuse bodies that are too long before they are parsed, and undo gzip within limits."""

    def __init__(self, app: ASGIApp, largest: int, largest_unpacked: int) -> None:
        self._app = app
        self._largest = largest
        self._largest_unpacked = largest_unpacked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap the reading of the body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        encoding = headers.get("Content-Encoding", "identity").lower()
        unpack: Callable[[bytes], bytes] | None = None
        if encoding == "gzip":
            unpack = _Gunzip(self._largest_unpacked)
            scope = {**scope, "headers": [h for h in scope["headers"] if h[0] not in _PACKED]}
        size = 0

        async def limited() -> Message:
            nonlocal size
            message = await receive()
            if message["type"] != "http.request":
                return message
            if encoding not in {"identity", "gzip"}:
                raise HTTPException(415, "Send the body plain or gzip.")
            length = headers.get("Content-Length", "")
            body = message.get("body", b"")
            size += len(body)
            if size > self._largest or (length.isdigit() and int(length) > self._largest):
                await self._drain(receive, message)
                raise HTTPException(413, f"Longer than {self._largest // 2**20} MiB.")
            if unpack is not None:
                message = {**message, "body": unpack(body)}
            return message

        await self._app(scope, limited, send)

    async def _drain(self, receive: Receive, message: Message) -> None:
        """Let the client finish: one that is cut off while it sends may never see the answer.

        Up to twice what is allowed; who sends still more is cut off.
        """
        left = 2 * self._largest
        while message.get("more_body", False) and left > 0:
            message = await receive()
            left -= len(message.get("body", b""))


_PACKED = (b"content-encoding", b"content-length")


class _Gunzip:
    """Undo gzip chunk by chunk; a bomb is stopped at the limit, not after it."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._size = 0
        self._stream = zlib.decompressobj(31)

    def __call__(self, chunk: bytes) -> bytes:
        try:
            plain = self._stream.decompress(chunk, self._largest - self._size + 1)
        except zlib.error:
            raise HTTPException(400, "The body is not gzip.") from None
        self._size += len(plain)
        if self._size > self._largest:
            raise HTTPException(413, f"Longer than {self._largest // 2**20} MiB unpacked.")
        return plain
