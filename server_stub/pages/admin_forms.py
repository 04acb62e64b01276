"""Forms of observers and admins: new event, delete, add user, update an alert, requests, audit."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select

from server_stub.access_keys import Caller
from server_stub.cpcs.admin_posts import need_admin
from server_stub.dependencies import TheDatabase, Visitor
from server_stub.pages.render import page
from server_stub.refusals import Refused
from server_stub.tables import AccessKeyRow, AccessRequestRow, AuditRow, ObservatoryRow

router = APIRouter()

SHOWN = 200
Text = Annotated[str, Query(max_length=300)]


def need_login(caller: Caller | None) -> Caller:
    """Return the caller.

    Raises
    ------
    Refused
        401.
    """
    if caller is None:
        raise Refused(401, "no_key", "This page needs an access key.")
    return caller


@router.get("/new_event")
def new_event(request: Request, caller: Visitor) -> Response:
    """Show the form of a new event."""
    need_login(caller)
    return page(request, "new_event.html")


@router.get("/delete_point")
def delete_point(request: Request, caller: Visitor, followupid: Text = "") -> Response:
    """Show the form that deletes a follow-up point."""
    need_login(caller)
    return page(request, "delete_point.html", followupid=followupid)


@router.get("/add_user")
def add_user(request: Request, caller: Visitor, database: TheDatabase) -> Response:
    """Show the form that adds a user, with the requests that wait for an answer."""
    need_admin(caller)
    waiting = select(AccessRequestRow).where(AccessRequestRow.answer.is_(None))
    with database.reading() as session:
        requests = session.scalars(waiting.order_by(AccessRequestRow.id).limit(SHOWN)).all()
    return page(request, "add_user.html", requests=requests)


@router.get("/update_alert")
def update_alert(request: Request, caller: Visitor, EventID: Text = "") -> Response:  # noqa: N803
    """Show the form that corrects an alert's coordinates."""
    need_admin(caller)
    return page(request, "update_alert.html", event_id=EventID)


@router.get("/audit")
def audit_trail(request: Request, caller: Visitor, database: TheDatabase) -> Response:
    """Show the newest lines of the audit trail."""
    need_admin(caller)
    statement = (
        select(AuditRow, AccessKeyRow.prefix, ObservatoryRow.name)
        .outerjoin(AccessKeyRow, AccessKeyRow.id == AuditRow.key_id)
        .outerjoin(ObservatoryRow, ObservatoryRow.id == AccessKeyRow.observatory_id)
        .order_by(AuditRow.id.desc())
        .limit(SHOWN)
    )
    with database.reading() as session:
        lines = session.execute(statement).all()
    return page(request, "audit.html", lines=lines)
