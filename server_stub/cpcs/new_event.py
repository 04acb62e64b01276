"""``/cgi/newevent``: enter an event on the old wire."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from cpcs_desktop.wire import NAME_LIMIT, EventBody
from server_stub.cpcs.fields import OldForm, form_caller, number_of, text_of
from server_stub.dependencies import TheDatabase
from server_stub.events import create_event, old_wire_event
from server_stub.pages.render import page
from server_stub.refusals import Refused

router = APIRouter()


@router.post("/cgi/newevent")
def new_event(request: Request, form: OldForm, database: TheDatabase) -> Response:
    """Create an event; the same again is not an error."""
    caller = form_caller(request, form)
    if not caller.allow_upload:
        raise Refused(403, "no_upload", "This key may read and dry-run, but not store.")
    name = text_of(form, "EventID")
    ra, dec = number_of(form, "ra"), number_of(form, "dec")
    if not name or ra is None or dec is None:
        raise Refused(400, "bad_event", "EventID, ra and dec are needed.")
    check_position(ra, dec)
    url = text_of(form, "url")
    if len(name) > NAME_LIMIT or len(url) > 2000:
        raise Refused(400, "bad_event", f"EventID may have {NAME_LIMIT} characters, url 2000.")
    body = EventBody(ivorn=name, ra=ra % 360.0, dec=dec, url=url or None)
    row, is_new = database.change(lambda session: create_event(session, body, caller))
    status = 201 if is_new else 200
    if text_of(form, "outputFormat").lower() == "html":
        return page(request, "new_event_done.html", status, event=row, is_new=is_new)
    return JSONResponse(old_wire_event(row), status)


def check_position(ra: float, dec: float) -> None:
    """Refuse what is not on the sky.

    Raises
    ------
    Refused
        400.
    """
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        raise Refused(400, "bad_event", "ra must be 0..360 and dec -90..90 degrees.")
