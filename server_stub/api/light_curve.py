"""``/api/v1/light-curve``: what changed since a cursor."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from cpcs_desktop.wire import NAME_LIMIT, LightCurveAnswer
from server_stub.api.documents import refusals
from server_stub.dependencies import KeyHolder, TheAnswers, TheDatabase
from server_stub.events import curve_of_name
from server_stub.json_answers import packed_answer
from server_stub.light_curves import light_curve_json
from server_stub.tables import EventRow

router = APIRouter(tags=["light curve"])

Name = Annotated[str, Query(min_length=1, max_length=NAME_LIMIT)]
Since = Annotated[int, Query(ge=0, lt=2**31)]


@router.get(
    "/light-curve",
    response_model=LightCurveAnswer,
    responses={304: {"description": "Nothing changed since the ETag"}, **refusals(401, 404, 422)},
)
def get_light_curve(
    request: Request,
    database: TheDatabase,
    answers: TheAnswers,
    caller: KeyHolder,
    ivorn: Name,
    since: Since = 0,
    older: bool = False,
) -> Response:
    """Return the rows of an event that changed after ``since``; 0 asks for the light curve.

    ``older`` returns every revision there ever was instead: superseded ones (another row has the
    same id and a higher revision) and withdrawn ones.
    """
    del caller
    with database.engine.connect() as connection:
        event = curve_of_name(connection, ivorn)
    tag = f'"{event.id}-{event.change}-{since}{"-older" if older else ""}"'
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    key = ("api", event.id, event.ivorn, event.change, since, older)

    def make() -> bytes:
        with database.reading() as session:
            fresh = session.get_one(EventRow, event.id)
            answer = light_curve_json(session, fresh, since, older=older)
        return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()

    return packed_answer(request, answers, key, make, tag)
