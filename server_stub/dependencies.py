"""What routes ask for: the database and the caller. Aliases stand at module level for FastAPI."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.datastructures import State

from server_stub.access_keys import Caller, FailureLimit, caller_of_id, caller_of_key
from server_stub.database import Database
from server_stub.light_curves import AnswerCache
from server_stub.refusals import Refused
from server_stub.settings import ServerSettings
from server_stub.tables import LoginRow, now

LOGIN_COOKIE = "cpcs_login"
#: Cookie, query and form field of the old wire.
HASHTAG = "hashtag"

_bearer = HTTPBearer(auto_error=False, description="An access key: cpcs_<prefix>_<secret>")


def state_of(request: Request) -> State:
    """Return what the app factory left for the routes."""
    state: State = request.app.state
    return state


def database_of(request: Request) -> Database:
    """Return the app's database."""
    database: Database = state_of(request).database
    return database


def settings_of(request: Request) -> ServerSettings:
    """Return the app's settings."""
    settings: ServerSettings = state_of(request).settings
    return settings


def answers_of(request: Request) -> AnswerCache:
    """Return the app's cache of ready-made answers."""
    answers: AnswerCache = state_of(request).answers
    return answers


def caller_of_given_key(request: Request, key: str) -> Caller:
    """Return the holder of a key that was given.

    Raises
    ------
    Refused
        401, or 429 after too many failures from one address.
    """
    caller = caller_of_key(database_of(request), key)
    if caller is not None:
        return caller
    limit: FailureLimit = state_of(request).failures
    wait = limit.failed(request.client.host if request.client else "")
    if wait is not None:
        raise Refused(
            429, "too_many_failures", "Too many wrong keys; wait a minute.", retry_after_s=wait
        )
    raise Refused(401, "no_such_key", "There is no such access key, or it was revoked.")


def login_of(request: Request) -> LoginRow | None:
    """Return the browser's login, None without one."""
    token = request.cookies.get(LOGIN_COOKIE)
    if not token:
        return None
    with database_of(request).reading() as session:
        row = session.get(LoginRow, hashlib.sha256(token.encode()).hexdigest())
    return row if row is not None and row.expires_at > now() else None


def bearer_key(request: Request) -> str | None:
    """Return the key of the Authorization header, None without one."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def visitor(request: Request) -> Caller | None:
    """Return who asks, by any of the ways of the old and the new wire; None for the public.

    Raises
    ------
    Refused
        401 when a key was given and is wrong.
    """
    given = bearer_key(request) or request.query_params.get(HASHTAG) or request.cookies.get(HASHTAG)
    if given:
        return caller_of_given_key(request, given)
    login = login_of(request)
    if login is None:
        return None
    with database_of(request).reading() as session:
        return caller_of_id(session, login.key_id)


def bearer(request: Request, _: Annotated[Any, Depends(_bearer)]) -> Caller:
    """Return the holder of the Authorization header's key: the new wire knows no other way.

    Raises
    ------
    Refused
        401 or 429.
    """
    key = bearer_key(request)
    if not key:
        raise Refused(401, "no_key", "An access key is needed: Authorization: Bearer cpcs_...")
    return caller_of_given_key(request, key)


def uploader(caller: Annotated[Caller, Depends(bearer)]) -> Caller:
    """Return a caller that may store.

    Raises
    ------
    Refused
        403.
    """
    if not caller.allow_upload:
        raise Refused(403, "no_upload", "This key may read and dry-run, but not store.")
    return caller


# FastAPI sends every plain function through its thread pool and back; these need no thread.
async def _the_database(request: Request) -> Database:
    return database_of(request)


async def _the_settings(request: Request) -> ServerSettings:
    return settings_of(request)


async def _the_answers(request: Request) -> AnswerCache:
    return answers_of(request)


TheDatabase = Annotated[Database, Depends(_the_database)]
TheSettings = Annotated[ServerSettings, Depends(_the_settings)]
TheAnswers = Annotated[AnswerCache, Depends(_the_answers)]
KeyHolder = Annotated[Caller, Depends(bearer)]
Uploader = Annotated[Caller, Depends(uploader)]
Visitor = Annotated[Caller | None, Depends(visitor)]
