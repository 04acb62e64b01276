"""Form tokens: only our own pages can make a logged-in browser do something."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import Request, Response
from sqlalchemy import delete
from starlette.datastructures import FormData

from server_stub.access_keys import Caller
from server_stub.database import Database
from server_stub.dependencies import LOGIN_COOKIE, settings_of
from server_stub.refusals import Refused
from server_stub.tables import LoginRow, now

FORM_TOKEN = "form_token"  # noqa: S105  the name of a field
#: Cookie that the forms of visitors who are not logged in must repeat.
FORM_COOKIE = "cpcs_form"
LOGIN_LASTS = timedelta(days=7)


def check_form_token(request: Request, form: FormData, login: LoginRow | None) -> None:
    """Refuse a form that did not come from our own pages.

    Raises
    ------
    Refused
        403.
    """
    wanted = login.form_token if login is not None else request.cookies.get(FORM_COOKIE)
    given = form.get(FORM_TOKEN)
    if (
        not wanted
        or not isinstance(given, str)
        or not hmac.compare_digest(given.encode(), wanted.encode())
    ):
        raise Refused(403, "form_token", "The form is out of date: load the page again.")


def check_same_site(request: Request) -> None:
    """Refuse a browser that was sent here by another site; scripts say nothing of origins.

    Raises
    ------
    Refused
        403.
    """
    origin = request.headers.get("Origin")
    strange = origin is not None and urlsplit(origin).netloc != request.headers.get("Host", "")
    if strange or request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise Refused(403, "other_site", "The form was sent from another site.")


def start_login(database: Database, caller: Caller, request: Request, response: Response) -> None:
    """Give the browser a login cookie; its token is stored hashed."""
    token = secrets.token_urlsafe(32)
    row = LoginRow(
        token_hash=hashlib.sha256(token.encode()).hexdigest(),
        key_id=caller.key_id,
        form_token=secrets.token_urlsafe(24),
        expires_at=now() + LOGIN_LASTS,
    )
    with database.writing() as session:
        session.execute(delete(LoginRow).where(LoginRow.expires_at < now()))
        session.add(row)
    response.set_cookie(
        LOGIN_COOKIE,
        token,
        max_age=int(LOGIN_LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings_of(request).behind_https,
        path="/",
    )


def end_login(database: Database, login: LoginRow | None, response: Response) -> None:
    """Forget a login on both sides."""
    if login is not None:
        with database.writing() as session:
            session.execute(delete(LoginRow).where(LoginRow.token_hash == login.token_hash))
    response.delete_cookie(LOGIN_COOKIE, path="/")


def form_token(request: Request, login: LoginRow | None) -> tuple[str, bool]:
    """Return the token for a page's forms, and whether it is a new one for the visitor's cookie."""
    if login is not None:
        return login.form_token, False
    known = request.cookies.get(FORM_COOKIE)
    return (known, False) if known else (secrets.token_urlsafe(24), True)


def remember_form_token(request: Request, response: Response, token: str) -> None:
    """Set the cookie that the forms of this visitor must repeat."""
    response.set_cookie(
        FORM_COOKIE,
        token,
        httponly=True,
        samesite="lax",
        secure=settings_of(request).behind_https,
        path="/",
    )
