"""One shape of refusal on each wire: JSON on the new, one short line on the old, a page else."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy.exc import DataError
from starlette._utils import get_route_path
from starlette.exceptions import HTTPException

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.wire import ErrorBody
from server_stub.pages.render import page as html_page
from server_stub.pages.render import wants_page
from server_stub.refusals import Refused

#: Longest answer that old scripts take for a sentence and not for a crash.
OLD_WIRE_LIMIT = 100
#: Code and sentence of what the framework refuses by itself.
KNOWN = {
    400: ("bad_request", "The request cannot be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("too_long", "The request is longer than this server takes."),
    415: ("unsupported_encoding", "Send the body plain or gzip."),
}


def add_error_answers(app: FastAPI) -> None:
    """Teach the app to refuse."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(CpcsError, _known)
    app.add_exception_handler(DataError, _unstorable)
    app.add_exception_handler(Exception, _unexpected)


def refusal(
    request: Request, refused: Refused, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a refusal in the shape that the route's callers understand."""
    extra = dict(headers or {})
    if refused.retry_after_s is not None:
        extra["Retry-After"] = str(math.ceil(refused.retry_after_s))
    path = get_route_path(request.scope)
    if path.startswith("/api/"):
        if refused.status == 401:
            extra["WWW-Authenticate"] = "Bearer"
        body = ErrorBody(
            code=refused.code,
            message=refused.message,
            reasons=refused.reasons,
            revision=refused.revision,
        )
        return JSONResponse(body.model_dump(exclude_none=True), refused.status, extra)
    sentence = one_line(refused)
    if not wants_page(request):
        return PlainTextResponse(sentence, refused.status, extra)
    response = html_page(request, "refusal.html", status=refused.status, refused=refused)
    response.headers.update(extra)
    return response


def one_line(refused: Refused) -> str:
    """Return at most 100 characters, reasons included as far as they fit."""
    message = " ".join(refused.message.split())
    text = " ".join((message, " ".join("; ".join(refused.reasons).split()))).strip()
    if len(text) <= OLD_WIRE_LIMIT:
        return text
    if len(message) <= OLD_WIRE_LIMIT and not refused.reasons:
        return message
    return text[: OLD_WIRE_LIMIT - 3].rstrip() + "..."


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, message = KNOWN.get(error.status_code, ("http_error", str(error.detail)))
    return refusal(request, Refused(error.status_code, code, message), error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    reasons = [
        f"{'.'.join(str(part) for part in e['loc'][1:] or e['loc'])}: {e['msg']}"
        for e in error.errors()
    ]
    return refusal(
        request,
        Refused(422, "bad_request", "The request cannot be understood.", tuple(reasons[:50])),
    )


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, CpcsError)
    both = f"{error.message} {error.hint}".strip()
    fits = len(both) <= OLD_WIRE_LIMIT or get_route_path(request.scope).startswith("/api/")
    return refusal(request, Refused(400, error.code, both if fits else error.message))


async def _unstorable(request: Request, error: Exception) -> Response:
    del error  # its text quotes the statement
    return refusal(
        request, Refused(422, "bad_value", "A value in the request cannot be stored or searched.")
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    del error  # the server's log has it with its traceback
    return refusal(
        request,
        Refused(500, "server_error", "The server failed; its operator finds why in the log."),
    )
