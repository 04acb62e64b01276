"""Jinja2 pages: everything escaped, links that work under any prefix, who is logged in."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server_stub.access_keys import Caller
from server_stub.dependencies import database_of, login_of
from server_stub.forms import FORM_TOKEN, form_token, remember_form_token


@cache
def environment() -> Environment:
    """Return the templates; a name that a page forgot to fill is an error."""
    folder = str(resources.files("server_stub") / "templates")
    templates = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["FORM_TOKEN"] = FORM_TOKEN
    return templates


def wants_page(request: Request) -> bool:
    """Whether the other end is a browser: scripts do not ask for text/html by name."""
    return "text/html" in request.headers.get("Accept", "")


def page(request: Request, template: str, status: int = 200, **content: Any) -> Response:
    """Return a page, with the visitor's name on it and a form token in it."""
    login = login_of(request)
    token, is_new = form_token(request, login)
    text = (
        environment()
        .get_template(template)
        .render(
            base=request.scope.get("root_path", ""),
            me=logged_in(request),
            form_token=token,
            path=request.url.path,
            **content,
        )
    )
    response = HTMLResponse(text, status)
    if is_new:
        remember_form_token(request, response, token)
    return response


def logged_in(request: Request) -> Caller | None:
    """Return who is logged in by cookie; pages show it even when they need no key."""
    login = login_of(request)
    if login is None:
        return None
    from server_stub.access_keys import caller_of_id

    with database_of(request).reading() as session:
        return caller_of_id(session, login.key_id)
