"""Follow-up data: the list, the upload form, calibration plots, original files."""

from __future__ import annotations

import gzip
import json
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import func, select

from cpcs_desktop.plots.zero_point import ZeroPointStars, zero_point_picture
from server_stub.dependencies import TheAnswers, TheDatabase, Visitor
from server_stub.events import EventSearch, selected
from server_stub.pages.admin_forms import need_login
from server_stub.pages.alerts import newest_first
from server_stub.pages.paging import Paging, page_number
from server_stub.pages.render import page
from server_stub.points import source_content
from server_stub.refusals import Refused
from server_stub.tables import (
    CURRENT,
    EventRow,
    ObservatoryRow,
    PlotRow,
    PointDetailRow,
    PointRow,
)

router = APIRouter()

PAGE = 50
LATEST_EVENTS = 30
#: What the old server offered, and the newer surveys; ``no`` stands for automatic.
OFFERED = {
    "SDSS": "B g i I r u V R z",
    "APASS": "i r B g V",
    "VSTATLAS": "i r u z g",
    "OGLE3": "I V",
    "USNO": "R1pg R2pg B1pg Ipg B2pg",
    "GAIA": "G",
    "PS1": "i r g",
    "2MASS": "H K J",
    "any": "B V R u g r i z",
}
Text = Annotated[str, Query(max_length=300)]
Page = Annotated[str, Query(alias="page")]


def forced_bands() -> list[str]:
    """Return the choices of "Force filter": the old ones first, then the other bands we know."""
    from cpcs_desktop.surveys.registry import SURVEYS

    known = [band.id for survey in SURVEYS.values() for band in survey.all_bands]
    old = [f"{key}/{letter}" for key, letters in OFFERED.items() for letter in letters.split()]
    return [*old, *(band for band in known if band not in old)]


@router.get("/list_of_followup")
def list_of_followup(
    request: Request, caller: Visitor, database: TheDatabase, page_text: Page = ""
) -> Response:
    """List all follow-up points, newest first."""
    need_login(caller)
    visible = PointRow.state == CURRENT
    statement = (
        select(PointRow, EventRow.ivorn, EventRow.id, ObservatoryRow.name)
        .add_columns(PointDetailRow.uploaded_file, PointDetailRow.evidence.is_not(None))
        .join(EventRow, EventRow.id == PointRow.event_id)
        .join(ObservatoryRow, ObservatoryRow.id == PointRow.observatory_id)
        .outerjoin(PointDetailRow, PointDetailRow.point_id == PointRow.id)
        .where(visible)
        .order_by(PointRow.id.desc())
    )
    with database.reading() as session:
        total = session.scalar(select(func.count()).select_from(PointRow).where(visible)) or 0
        paging = Paging(page_number(page_text), PAGE, total)
        rows = session.execute(statement.limit(PAGE).offset(paging.offset)).all()
    return page(request, "followup.html", rows=rows, paging=paging)


@router.get("/uploader")
@router.get("/uploader/")
def uploader(
    request: Request, caller: Visitor, database: TheDatabase, alert_id: Text = ""
) -> Response:
    """Show the upload form, beside the list of events."""
    need_login(caller)
    statement = newest_first(selected(EventSearch())).limit(LATEST_EVENTS)
    with database.reading() as session:
        events = session.scalars(statement).all()
        digits = alert_id.isascii() and alert_id.isdigit() and len(alert_id) < 10
        chosen = session.get(EventRow, int(alert_id)) if digits else None
    return page(request, "uploader.html", events=events, chosen=chosen, forced=forced_bands())


@router.get("/calibration_plot")
def calibration_plot(
    caller: Visitor,
    database: TheDatabase,
    answers: TheAnswers,
    followupid: Text = "",
    band: Text = "",
) -> Response:
    """Return the calibration plot of a point: as uploaded, or drawn from its evidence."""
    need_login(caller)
    number = point_number(followupid)
    with database.reading() as session:
        row = session.get(PointRow, number)
        if row is None:
            raise Refused(404, "unknown_point", f"There is no followup point {number}.")
        wanted = band or row.band
        png = session.scalar(
            select(PlotRow.png).where(PlotRow.point_id == number, PlotRow.band == wanted)
        )
        detail = session.get(PointDetailRow, number)
        packed = None if detail is None else detail.evidence
    if png is None and packed is not None and wanted == row.band:
        png = answers.get(("plot", number), lambda: drawn_from_evidence(row.band, packed))
    if png is None:
        raise Refused(404, "no_plot", "There is no calibration plot of this point.")
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


def drawn_from_evidence(band: str, packed: bytes) -> bytes:
    """Draw the calibration plot of a point that came over the new wire.

    Raises
    ------
    Refused
        404 when the evidence lacks what the plot needs.
    """
    evidence = json.loads(gzip.decompress(packed))
    fit = next((f for f in evidence["fits"] if f.get("band") == band), None)
    try:
        stars = ZeroPointStars.of_columns(
            band, float((fit or {})["zero_point"]), float((fit or {})["scatter"]), evidence["stars"]
        )
    except (KeyError, TypeError, ValueError):
        raise Refused(404, "no_plot", "The evidence of this point cannot be drawn.") from None
    return zero_point_picture(stars)


@router.get("/followup_data")
def followup_data(caller: Visitor, database: TheDatabase, followupid: Text = "") -> Response:
    """Return the file a point was made from, as it was uploaded."""
    need_login(caller)
    number = point_number(followupid)
    with database.reading() as session:
        detail = session.get(PointDetailRow, number)
        if detail is None or detail.uploaded_file is None:
            raise Refused(404, "no_file", "There is no original file of this point.")
        content = source_content(session, detail.uploaded_file)
    # The observer's own name for the file stays out of the header: it may hold anything.
    disposition = f'attachment; filename="followup-{number}.cat"'
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"Content-Disposition": disposition},
    )


def point_number(text: str) -> int:
    """Read a follow-up number.

    Raises
    ------
    Refused
        400.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(400, "no_point", "Say which point: followupid=.")
    return int(text)
