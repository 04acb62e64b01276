"""``POST /cgi/upload``: a SExtractor list in, a calibrated point out."""

from __future__ import annotations

import base64
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.wire import NAME_LIMIT, TEXT_LIMIT, PointSubmission, content_digest
from server_stub.access_keys import Caller
from server_stub.calibrator import Calibrator
from server_stub.cpcs.fields import (
    OldForm,
    file_of,
    form_caller,
    number_of,
    switch_of,
    text_of,
)
from server_stub.dependencies import TheDatabase, TheSettings, state_of
from server_stub.events import event_of_name
from server_stub.list_calibration import RADII, CalibratedList, ListRequest
from server_stub.pages.render import page
from server_stub.pending_uploads import keep_upload, kept_upload
from server_stub.points import Stored, newest_row, store_point
from server_stub.refusals import Refused
from server_stub.tables import EventRow, PlotRow, PointRow

router = APIRouter()

DEFAULT_RADIUS = 2.0


@router.post("/cgi/upload")
def upload(
    request: Request, form: OldForm, database: TheDatabase, settings: TheSettings
) -> Response:
    """Calibrate a list and store the point, or only show it when ``dryRun`` is set."""
    caller = form_caller(request, form)
    dry_run = switch_of(form, "dryRun")
    if not (dry_run or caller.allow_upload):
        raise Refused(403, "no_upload", "This key may read and dry-run, but not store.")
    name = text_of(form, "EventID")
    if not name:
        raise Refused(400, "no_event", "The field EventID is missing.")
    with database.reading() as session:
        event = event_of_name(session, name)
        token = text_of(form, "pending")
        kept = kept_upload(session, caller, token) if token else None
    content, file_name = kept or _uploaded_file(form, settings.largest_body)
    wish = _list_request(form, event, caller, file_name, dry_run)
    calibrator: Calibrator = state_of(request).calibrator
    try:
        done = calibrator.calibrate(wish, content)
    except CpcsError as error:
        raise Refused(400, error.code, _short(error)) from None
    stored = None
    if not dry_run:
        stored = database.change(lambda session: keep(session, done, caller, content))
    if text_of(form, "outputFormat", "html").lower() == "json":
        return JSONResponse(_answer(request, done, stored, event, dry_run))
    pending = None
    if dry_run and caller.allow_upload:
        pending = database.change(lambda session: keep_upload(session, caller, content, file_name))
    return page(
        request,
        "upload_done.html",
        caller=caller,
        wish=wish,
        done=done,
        stored=stored,
        event=event,
        pictures={band: _inline(png) for band, png in done.plots.items()},
        fields=_again(form),
        pending=pending,
    )


def keep(session: Session, done: CalibratedList, caller: Caller, content: bytes) -> Stored:
    """Store the point of an upload: the same is one point, anything else its next revision."""
    body = done.point
    newest = newest_row(session, body.id)
    if newest is not None and newest.content_digest != content_digest(body):
        body = body.model_copy(update={"revision": newest.revision + 1})
    elif newest is not None:
        body = body.model_copy(update={"revision": newest.revision})
    submission = PointSubmission(point=body, evidence=done.evidence)
    stored = store_point(session, submission, caller, content)
    if stored.is_new:
        for band, png in done.plots.items():
            session.add(PlotRow(point_id=stored.row.id, band=band, png=png))
        session.flush()
    return stored


def _uploaded_file(form: OldForm, largest: int) -> tuple[bytes, str]:
    file = file_of(form, "sexCat")
    if file is None:
        raise Refused(400, "no_list", "The field sexCat with the catalogue is missing.")
    content = file.file.read(largest + 1)
    if not content:
        raise Refused(400, "unreadable", "The catalogue is empty.")
    if len(content) > largest:
        raise Refused(413, "too_long", "The catalogue is too long.")
    name = "".join(c for c in (file.filename or "") if c.isprintable())
    return content, name.replace("\\", "/").rpartition("/")[2][:NAME_LIMIT]


def _list_request(
    form: OldForm, event: EventRow, caller: Caller, file_name: str, dry_run: bool
) -> ListRequest:
    if event.ra is None or event.dec is None:
        raise Refused(400, "no_position", "The position of this event is not known here.")
    radius = number_of(form, "matchDist")
    radius = DEFAULT_RADIUS if radius is None or radius == 0 else radius
    if radius > 0:
        radius = min(max(radius, RADII[0]), RADII[1])
    exposure_s = number_of(form, "expTime")
    if exposure_s is not None and not 0 <= exposure_s <= 1e6:
        raise Refused(400, "bad_exposure", "expTime is not plausible: send seconds.")
    try:
        wanted = BandRequest.parse(text_of(form, "forceFilter", "no"))
    except CpcsError as error:
        raise Refused(400, error.code, _short(error)) from None
    return ListRequest(
        event=event.ivorn,
        target=(event.ra, event.dec),
        mjd=number_of(form, "MJD"),
        exposure_s=exposure_s,
        radius_arcsec=None if radius < 0 else radius,
        request=wanted,
        observatory=caller.observatory,
        file_name=file_name,
        comment=text_of(form, "comment")[:TEXT_LIMIT],
        dry_run=dry_run,
        plots=not switch_of(form, "noPlot"),
    )


def _answer(
    request: Request,
    done: CalibratedList,
    stored: Stored | None,
    event: EventRow,
    dry_run: bool,
) -> dict[str, Any]:
    """Return the JSON of the old wire; here the zero point's sign is the old one."""
    point = done.point
    survey, _, letter = point.band.partition("/")
    link = None
    if dry_run and point.band in done.plots:
        link = _inline(done.plots[point.band])
    elif stored is not None and done.plots:
        link = _link(request, stored.row)
    limit = point.kind == "UPPER_LIMIT"
    return {
        "image_link": link,
        "mag": point.mag,
        "mag_err": -1 if limit else point.mag_err,
        "ra": event.ra if point.ra is None else point.ra,
        "dec": event.dec if point.dec is None else point.dec,
        "zeropoint": -point.zero_point,
        "outlier_fraction": point.outlier_fraction,
        "scatter": done.scatter,
        "npoints": point.n_matched,
        "followup_id": None if stored is None else stored.row.id,
        "filter": letter,
        "survey": survey,
        "mjd": point.mjd,
        "warnings": list(done.warnings),
    }


def _inline(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _link(request: Request, row: PointRow) -> str:
    return f"{str(request.base_url).rstrip('/')}/calibration_plot?followupid={row.id}"


def _short(error: CpcsError) -> str:
    both = f"{error.message} {error.hint}".strip()
    return both if len(both) <= 100 else error.message


def _again(form: OldForm) -> dict[str, str]:
    """Return the fields of a dry run for the form that submits it for real."""
    names = ("EventID", "MJD", "expTime", "comment", "matchDist", "forceFilter")
    return {name: text_of(form, name) for name in names}
