"""The other POSTs of the old wire: delete a point; for admins, add a user, move an alert."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from cpcs_desktop.datamodel.errors import CpcsError
from server_stub.access_keys import Caller, new_key
from server_stub.admin import observatory_named
from server_stub.audit import audit
from server_stub.cpcs.fields import OldForm, form_caller, number_of, text_of
from server_stub.cpcs.new_event import check_position
from server_stub.dependencies import TheDatabase
from server_stub.events import event_of_name, place
from server_stub.pages.login import place_of
from server_stub.pages.render import page, wants_page
from server_stub.points import withdraw_point
from server_stub.refusals import Refused
from server_stub.tables import AccessRequestRow, PointRow, now

router = APIRouter()


@router.post("/cgi/delpoint")
def delete_point(request: Request, form: OldForm, database: TheDatabase) -> Response:
    """Hide a follow-up point, with who, when and why; nothing is erased."""
    caller = form_caller(request, form)
    number = number_of(form, "followupid")
    if number is None or number != int(number) or not 0 < number < 2**31:
        raise Refused(400, "no_point", "The field followupid is missing.")
    reason = text_of(form, "reason", "deleted by its observer")

    def work(session: Session) -> str:
        row = session.get(PointRow, int(number))
        if row is None:
            raise Refused(404, "unknown_point", f"There is no followup point {int(number)}.")
        return withdraw_point(session, row.uuid, reason, caller).uuid

    database.change(work)
    return _done(request, f"The followup point {int(number)} was deleted")


@router.post("/cgi/newuser")
def new_user(request: Request, form: OldForm, database: TheDatabase) -> Response:
    """Add an observatory with a key; the answer ends with the key."""
    caller = need_admin(form_caller(request, form))
    name = text_of(form, "obsName")
    lon, lat = place_of(form)
    upload = text_of(form, "allow_upload", "1").lower() not in {"0", "no", "false", "off"}
    asked = number_of(form, "request")

    def work(session: Session) -> str:
        try:
            row = observatory_named(session, name)
        except CpcsError as error:
            raise Refused(400, error.code, error.message) from None
        row.longitude = row.longitude if lon is None else lon
        row.latitude = row.latitude if lat is None else lat
        key = new_key(session, row, upload=upload, wish=text_of(form, "prefix"))
        audit(session, caller, "new_key", key.split("_")[1], observatory=row.name, upload=upload)
        if asked is not None:
            answer_request(session, int(asked), "granted", caller)
        return key

    key = database.change(work)
    shown = " ".join(name.split())
    if wants_page(request):
        return page(request, "new_user_done.html", name=shown, key=key)
    return PlainTextResponse(f"The user {shown} was added with the key: {key}")


@router.post("/cgi/updatealert")
def update_alert(request: Request, form: OldForm, database: TheDatabase) -> Response:
    """Correct the coordinates of an alert."""
    caller = need_admin(form_caller(request, form))
    ra, dec = number_of(form, "ra"), number_of(form, "dec")
    if ra is None or dec is None:
        raise Refused(400, "bad_event", "EventID, ra and dec are needed.")
    check_position(ra, dec)

    def work(session: Session) -> str:
        row = event_of_name(session, text_of(form, "EventID"))
        audit(session, caller, "place_event", row.ivorn, ra=ra, dec=dec, was=[row.ra, row.dec])
        place(row, ra % 360.0, dec)
        return row.ivorn

    ivorn = database.change(work)
    return _done(request, f"The coordinates of {ivorn} were updated")


@router.post("/cgi/refuserequest")
def refuse_request(request: Request, form: OldForm, database: TheDatabase) -> Response:
    """Refuse a request for access."""
    caller = need_admin(form_caller(request, form))
    number = number_of(form, "request")
    if number is None:
        raise Refused(400, "no_request", "The field request is missing.")
    database.change(lambda session: answer_request(session, int(number), "refused", caller))
    return _done(request, "The request was refused")


def answer_request(session: Session, number: int, answer: str, caller: Caller) -> None:
    """Note the answer to a request for access.

    Raises
    ------
    Refused
        404 when there is no such open request.
    """
    row = session.scalar(
        select(AccessRequestRow).where(
            AccessRequestRow.id == number, AccessRequestRow.answer.is_(None)
        )
    )
    if row is None:
        raise Refused(404, "unknown_request", "There is no such open request.")
    row.answer, row.answered_at, row.answered_by = answer, now(), caller.key_id
    audit(session, caller, f"request_{answer}", row.observatory_name)


def need_admin(caller: Caller | None) -> Caller:
    """Return the caller if it is an admin.

    Raises
    ------
    Refused
        401 without a key, 403 for observers.
    """
    if caller is None:
        raise Refused(401, "no_key", "An admin's access key is needed.")
    if not caller.is_admin:
        raise Refused(403, "not_admin", "Only an admin may do this.")
    return caller


def _done(request: Request, sentence: str) -> Response:
    if wants_page(request):
        return page(request, "done.html", sentence=sentence)
    return PlainTextResponse(f"{sentence}.")
