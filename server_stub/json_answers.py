"""Ready-made JSON answers: gzip where the client takes it, an ETag, private caches only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response

from server_stub.light_curves import AnswerCache


def packed_answer(
    request: Request,
    answers: AnswerCache,
    key: tuple[Any, ...],
    make: Callable[[], bytes],
    tag: str | None = None,
) -> Response:
    """Return the answer of a key, made once and packed once for all who ask."""
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "private, no-cache"}
    if tag is not None:
        headers["ETag"] = tag
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = answers.packed(key, make)
    else:
        content = answers.get(key, make)
    return Response(content, media_type="application/json", headers=headers)
