"""Login, logout, and requests for access."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select

from cpcs_desktop.wire import NAME_LIMIT, TEXT_LIMIT
from server_stub.access_keys import FailureLimit
from server_stub.cpcs.fields import OldForm, number_of, text_of
from server_stub.dependencies import (
    HASHTAG,
    TheDatabase,
    caller_of_given_key,
    login_of,
    state_of,
)
from server_stub.forms import (
    FORM_TOKEN,
    check_form_token,
    check_same_site,
    end_login,
    start_login,
)
from server_stub.pages.render import page
from server_stub.refusals import Refused
from server_stub.tables import AccessRequestRow

router = APIRouter()

#: Requests for access that may wait for an answer at the same time.
MOST_WAITING = 200


def check_visitors_form(request: Request, form: OldForm) -> None:
    """Refuse a visitor's form from another site; scripts, which say no origin, need no token.

    Raises
    ------
    Refused
        403.
    """
    check_same_site(request)
    if "Origin" in request.headers or FORM_TOKEN in form:
        check_form_token(request, form, login_of(request))


@router.get("/login")
def login_form(request: Request) -> Response:
    """Show the login form: the first form of the page, with the field hashtag."""
    return page(request, "login.html")


@router.post("/login")
def login(request: Request, form: OldForm, database: TheDatabase) -> Response:
    """Start a login."""
    check_visitors_form(request, form)
    caller = caller_of_given_key(request, text_of(form, HASHTAG))
    response = RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
    start_login(database, caller, request, response)
    return response


@router.post("/logout")
def logout(request: Request, form: OldForm, database: TheDatabase) -> Response:
    """End a login."""
    login_row = login_of(request)
    if login_row is not None:
        check_form_token(request, form, login_row)
    response = RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
    end_login(database, login_row, response)
    return response


@router.get("/request_access")
def access_form(request: Request) -> Response:
    """Show the form that asks for a key."""
    return page(request, "request_access.html", sent=False)


@router.post("/request_access")
def request_access(request: Request, form: OldForm, database: TheDatabase) -> Response:
    """Keep a request for an admin to answer."""
    check_visitors_form(request, form)
    name, contact = text_of(form, "obsName"), text_of(form, "contact")
    if not name or not contact or max(len(name), len(contact)) > NAME_LIMIT:
        raise Refused(400, "bad_request", "Name of the observatory and contact are needed.")
    lon, lat = place_of(form)
    limit: FailureLimit = state_of(request).requests
    wait = limit.failed(request.client.host if request.client else "")
    with database.writing() as session:
        waiting = select(func.count()).where(AccessRequestRow.answer.is_(None))
        if wait is not None or (session.scalar(waiting) or 0) >= MOST_WAITING:
            raise Refused(429, "too_many", "Too many requests; try again later.", retry_after_s=600)
        session.add(
            AccessRequestRow(
                observatory_name=" ".join(name.split()),
                contact=contact,
                longitude=lon,
                latitude=lat,
                message=text_of(form, "message")[:TEXT_LIMIT],
            )
        )
    return page(request, "request_access.html", sent=True)


def place_of(form: OldForm) -> tuple[float | None, float | None]:
    """Read longitude (east positive, -180..360) and latitude, degrees; empty is unknown.

    Raises
    ------
    Refused
        400.
    """
    lon, lat = number_of(form, "lon"), number_of(form, "lat")
    if (lon is not None and not -180 <= lon <= 360) or (lat is not None and not -90 <= lat <= 90):
        raise Refused(
            400, "bad_place", "lon must be -180..360 (east positive), lat -90..90 degrees."
        )
    return None if lon is None else (lon + 180.0) % 360.0 - 180.0, lat
