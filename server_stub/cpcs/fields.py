"""Form fields as old scripts send them: missing, repeated, in any order."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from server_stub.access_keys import Caller
from server_stub.dependencies import (
    HASHTAG,
    bearer_key,
    caller_of_given_key,
    login_of,
    visitor,
)
from server_stub.forms import check_form_token
from server_stub.refusals import Refused

LARGEST_FIELDS = 100
LARGEST_FIELD = 100_000


async def read_form(request: Request) -> AsyncIterator[FormData]:
    """Read the form of a request, multipart or urlencoded, within limits."""
    async with request.form(
        max_files=4, max_fields=LARGEST_FIELDS, max_part_size=LARGEST_FIELD
    ) as form:
        yield form


OldForm = Annotated[FormData, Depends(read_form)]


def text_of(form: FormData, name: str, default: str = "") -> str:
    """Return a field: of repeated ones the last that says something."""
    given = [v.strip() for v in form.getlist(name) if isinstance(v, str) and v.strip()]
    text = given[-1] if given else default
    if "\x00" in text:
        raise Refused(400, "bad_field", f"{name} holds unprintable characters.")
    return text


def number_of(form: FormData, name: str) -> float | None:
    """Return a field as a finite number, None when it is missing.

    Raises
    ------
    Refused
        400 naming the field.
    """
    text = text_of(form, name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refused(400, "bad_field", f"{name} is not a number: {text[:40]}")
    return value


def switch_of(form: FormData, name: str) -> bool:
    """Return a field of 1 and 0."""
    return text_of(form, name).lower() in {"1", "true", "yes", "on"}


def file_of(form: FormData, name: str) -> UploadFile | None:
    """Return an uploaded file, None when it is missing."""
    files = [v for v in form.getlist(name) if isinstance(v, UploadFile)]
    return files[-1] if files else None


def form_caller(request: Request, form: FormData) -> Caller:
    """Return who posts: by key in the form, header, query or cookie, or by login with form token.

    Raises
    ------
    Refused
        401 without or with a wrong key, 403 when the form token of a login is missing.
    """
    key = text_of(form, HASHTAG) or bearer_key(request) or request.query_params.get(HASHTAG)
    if key:
        return caller_of_given_key(request, key)
    caller = visitor(request)
    if caller is None:
        raise Refused(401, "no_key", "An access key is needed (field hashtag).")
    # The browser sent a cookie by itself, so another site could have made it do so.
    check_form_token(request, form, login_of(request))
    return caller
