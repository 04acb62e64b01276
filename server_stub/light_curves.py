"""Light curves: all of an event's points, or what changed since a cursor."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from cpcs_desktop.wire import LightCurveAnswer
from server_stub.tables import CURRENT, SUPERSEDED, WITHDRAWN, EventRow, ObservatoryRow, PointRow

#: What a row is told with, in the order of the first columns.
_TOLD = (
    "id",
    "revision",
    "kind",
    "mjd",
    "mag",
    "mag_err",
    "mag_err_total",
    "calib_err",
    "band",
    "observatory",
)
_COLUMNS = (
    PointRow.uuid,
    PointRow.revision,
    PointRow.kind,
    PointRow.mjd,
    PointRow.mag,
    PointRow.mag_err,
    PointRow.mag_err_total,
    PointRow.calib_err,
    PointRow.band,
    ObservatoryRow.name,
    PointRow.state,
    PointRow.id,
    PointRow.change,
    PointRow.implausible,
)


def _statement(event_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(*_COLUMNS)
        .join(ObservatoryRow, ObservatoryRow.id == PointRow.observatory_id)
        .where(PointRow.event_id == event_id)
    )


def light_curve(session: Session, event: EventRow, since: int) -> LightCurveAnswer:
    """Return the rows that changed after a cursor, checked against the wire's types."""
    return LightCurveAnswer.model_validate(light_curve_json(session, event, since))


def light_curve_json(
    session: Session, event: EventRow, since: int, *, older: bool = False
) -> dict[str, Any]:
    """Return the rows that changed after a cursor as a LightCurveAnswer's JSON.

    Plain dicts: building 1,500 typed rows would take ten times as long as reading them.
    ``since`` 0 asks for the light curve as it is.

    A superseded revision is never told: its successor has the same id and a higher change. A
    cursor from the future (the server was restored from a backup) gets the whole light curve,
    marked complete. ``older`` asks for everything there ever was, superseded and withdrawn
    revisions too, whatever the cursor.
    """
    complete = older or since <= 0 or since > event.change
    statement = _statement(event.id)
    if not complete:
        statement = statement.where(PointRow.change > since)
    # columns only: the session would spend as long on its rows as the database
    found = session.connection().execute(statement.order_by(PointRow.change)).all()
    # All in one statement, so the newest number seen is a cursor that hides nothing.
    cursor = max((row.change for row in found), default=0 if complete else since)
    hidden = set() if older else {SUPERSEDED, WITHDRAWN} if complete else {SUPERSEDED}
    return {
        "event": event.ivorn,
        "cursor": cursor,
        "rows": [
            {**dict(zip(_TOLD, row, strict=False)), "withdrawn": row.state == WITHDRAWN}
            for row in found
            if row.state not in hidden
        ],
        "complete": complete,
    }


def current_rows(session: Session, event_id: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the visible points of an event in the order they came, for pages and the old wire."""
    statement = _statement(event_id).where(PointRow.state == CURRENT)
    return session.execute(statement.order_by(PointRow.id)).all()


class AnswerCache:
    """Ready-made answers, by the event's change number: a light curve changes rarely.

    A number stands for one content for good, so several processes cannot disagree.

    Parameters
    ----------
    size : int
        Bytes to keep.
    """

    def __init__(self, size: int = 64 * 2**20) -> None:
        self._room = size
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._used = 0

    def get(self, key: tuple[Any, ...], make: Callable[[], bytes]) -> bytes:
        """Return the answer of this key, made once."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        answer = make()
        with self._lock:
            if key not in self._answers:
                self._answers[key] = answer
                self._used += len(answer)
            while self._used > self._room and len(self._answers) > 1:
                self._used -= len(self._answers.popitem(last=False)[1])
        return answer

    def packed(self, key: tuple[Any, ...], make: Callable[[], bytes]) -> bytes:
        """Return the answer of this key, gzip."""
        plain = self.get(key, make)
        if len(plain) < 1000:
            return gzip.compress(plain, 1, mtime=0)
        return self.get((*key, "gzip"), lambda: gzip.compress(plain, 5, mtime=0))
