"""The light-curve page: public picture, interactive plot and numbers for key holders."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from cpcs_desktop.datamodel.band import band_order
from cpcs_desktop.plots.light_curve import (
    DrawnPoint,
    band_colour,
    light_curve_picture,
)
from server_stub.cpcs.alerts import wanted_curve
from server_stub.dependencies import TheAnswers, TheDatabase
from server_stub.light_curves import current_rows
from server_stub.pages.render import logged_in, page
from server_stub.refusals import Refused
from server_stub.tables import EventRow

router = APIRouter()

Text = Annotated[str, Query()]


@router.get("/get_alert_lc")
def get_alert_lc(
    request: Request, database: TheDatabase, alert_id: Text = "", alert_name: Text = ""
) -> Response:
    """Show the light curve of an alert."""
    with database.reading() as session:
        event = session.get_one(
            EventRow, wanted_curve(session.connection(), alert_id, alert_name).id
        )
        rows = current_rows(session, event.id)
    me = logged_in(request)
    traces = [] if me is None else plot_traces(rows)
    return page(
        request,
        "light_curve.html",
        event=event,
        rows=sorted(rows, key=lambda row: row.mjd),
        traces=traces,
        implausible=sum(row.implausible for row in rows),
    )


@router.get("/alert_lc_picture")
def alert_lc_picture(
    database: TheDatabase,
    answers: TheAnswers,
    alert_id: Text = "",
    alert_name: Text = "",
    format: Text = "png",  # noqa: A002  the wire's word
) -> Response:
    """Return the picture of a light curve, PNG or SVG; public."""
    if format not in {"png", "svg"}:
        raise Refused(400, "bad_format", "format is png or svg.")
    kind: Literal["png", "svg"] = "svg" if format == "svg" else "png"
    with database.engine.connect() as connection:
        event = wanted_curve(connection, alert_id, alert_name)

    def make() -> bytes:
        with database.reading() as session:
            rows = current_rows(session, event.id)
        return light_curve_picture(drawn(rows), event.ivorn, kind=kind)

    content = answers.get(("picture", kind, event.id, event.ivorn, event.change), make)
    media_type = "image/svg+xml" if kind == "svg" else "image/png"
    return Response(content, media_type=media_type, headers={"Cache-Control": "no-cache"})


def drawn(rows: Any) -> list[DrawnPoint]:
    """Return what the picture shows: implausible rows of the archive would flatten the rest."""
    return [
        DrawnPoint(
            mjd=row.mjd,
            mag=row.mag,
            mag_err=row.mag_err if row.mag_err_total is None else row.mag_err_total,
            is_limit=row.kind == "UPPER_LIMIT",
            band=row.band,
            observatory=row.name,
        )
        for row in rows
        if not row.implausible
    ]


def plot_traces(rows: Any) -> list[dict[str, Any]]:
    """Return what the interactive plot draws: one trace a band for points, one for limits."""
    traces = []
    points = drawn(rows)
    for band in sorted({point.band for point in points}, key=band_order):
        for is_limit in (False, True):
            some = [p for p in points if p.band == band and p.is_limit == is_limit]
            if some:
                traces.append(
                    {
                        "name": f"{band} limits" if is_limit else band,
                        "limit": is_limit,
                        "colour": band_colour(band),
                        "mjd": [p.mjd for p in some],
                        "mag": [p.mag for p in some],
                        "err": [p.mag_err or 0.0 for p in some],
                        "observatory": [p.observatory for p in some],
                    }
                )
    return traces
