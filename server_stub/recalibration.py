"""Lists that came over the old wire, calibrated again with today's surveys and code.

The same as the observers' ``cpcs recalibrate``: old against new first, revisions only on request.
Points of the new wire are left to their observers, who hold the same lists.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.recalibration import Move, recalibrate_on_cluster, recalibrate_point
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.wire import TEXT_LIMIT, Evidence, PointBody, PointSubmission
from server_stub.access_keys import Caller
from server_stub.audit import audit
from server_stub.database import Database
from server_stub.events import event_of_name
from server_stub.list_calibration import remarks
from server_stub.points import (
    evidence_of,
    newest_row,
    source_content,
    store_point,
)
from server_stub.refusals import Refused
from server_stub.tables import CURRENT, ObservatoryRow, PointDetailRow, PointRow


@dataclass(frozen=True)
class Upload:
    """One uploaded list before and after.

    Parameters
    ----------
    row_id : int
        ``followup_id`` of the old wire.
    observatory : str
        Its owner.
    move : Move
    """

    row_id: int
    observatory: str
    move: Move

    @property
    def point_id(self) -> str:
        """Identity of the point."""
        return self.move.old.id

    def as_json(self) -> dict[str, Any]:
        """Return one line of ``recalibrate --json``, the keys of the desktop's and two more."""
        return {
            **self.move.as_json(),
            "followup_id": self.row_id,
            "observatory": self.observatory,
            "applied": None,
        }


class _Stored(NamedTuple):
    """One upload as the tables have it."""

    row_id: int
    observatory: str
    kept: PointSubmission


def uploads(database: Database, ivorn: str | None, since: float | None) -> list[int]:
    """Return the rows of all current points that were uploaded as lists, in the order they came.

    Parameters
    ----------
    ivorn : str or None
        Only this event's.
    since : float or None
        Only from this MJD on.

    Raises
    ------
    Refused
        404 for an unknown event.
    """
    statement = (
        select(PointRow.id)
        .join(PointDetailRow, PointDetailRow.point_id == PointRow.id)
        .where(PointRow.state == CURRENT, PointDetailRow.uploaded_file.is_not(None))
        .order_by(PointRow.id)
    )
    with database.reading() as session:
        if ivorn is not None:
            statement = statement.where(PointRow.event_id == event_of_name(session, ivorn).id)
        if since is not None:
            statement = statement.where(PointRow.mjd >= since)
        return list(session.scalars(statement))


def recalibrate(
    database: Database, survey_cache: Path, ids: Sequence[int], scheduler: str | None = None
) -> Iterator[Upload]:
    """Calibrate uploads again, in the order given; nothing is written.

    Parameters
    ----------
    database : Database
    survey_cache : Path
    ids : sequence of int
        As :func:`uploads` gives them.
    scheduler : str or None
        Address of a Dask cluster whose workers do it, and see the cache under the same name; None:
        this process, one after the other.
    """
    here, there = itertools.tee(_stored(database, ids))
    points = (stored.kept for stored in there)
    if scheduler is None:
        cache = SurveyCache(survey_cache)
        moves: Iterator[Move] = (recalibrate_point(kept, cache) for kept in points)
    else:
        moves = recalibrate_on_cluster(scheduler, str(survey_cache.absolute()), points)
    for stored, move in zip(here, moves, strict=True):
        yield Upload(stored.row_id, stored.observatory, _with_remarks(stored.kept, move))


def applied(database: Database, upload: Upload) -> dict[str, Any]:
    """Store a changed point as its owner's next revision; return its line of JSON."""
    line = upload.as_json()
    if upload.move.status != "changed":
        return line
    try:
        line["applied"] = database.change(lambda session: _apply(session, upload))
    except Refused as refused:
        line |= {"status": "failed", "error": {"code": refused.code, "message": refused.message}}
    return line


def sentence(line: dict[str, Any]) -> str:
    """Return a line for people."""
    old, new = line["old"], line["new"]
    head = f"{line['followup_id']} {line['observatory']}: {old['band']} {old['mag']:.3f}"
    if line["status"] == "failed":
        return f"{head}  failed: {line['error']['message']}"
    size = "" if line["sigma"] is None else f", {line['sigma']:.1f} sigma"
    note = "" if line["applied"] is None else f"  now revision {line['applied']}"
    return f"{head} -> {new['band']} {new['mag']:.3f} ({line['delta_mag']:+.4f}{size}){note}"


def _apply(session: Session, upload: Upload) -> int:
    assert upload.move.new is not None
    row = session.get_one(PointRow, upload.row_id)
    newest = newest_row(session, row.uuid)
    if newest is None or newest.id != row.id or row.state != CURRENT:
        raise Refused(409, "newer_revision", "The point was changed in the meantime.")
    detail = session.get_one(PointDetailRow, row.id)
    assert detail.uploaded_file is not None
    assert row.key_id is not None  # only a key uploads
    owner = session.get_one(ObservatoryRow, row.observatory_id)
    caller = Caller(
        key_id=row.key_id,
        prefix="",
        observatory_id=owner.id,
        observatory=owner.name,
        is_admin=False,
        allow_upload=True,
    )
    body = PointBody.of(replace(upload.move.new, revision=row.revision + 1))
    submission = PointSubmission(point=body, evidence=upload.move.evidence)
    content = source_content(session, detail.uploaded_file)
    store_point(session, submission, caller, content)
    audit(session, None, "recalibrate", row.uuid, revision=body.revision)
    session.flush()
    return body.revision


def _stored(database: Database, ids: Sequence[int]) -> Iterator[_Stored]:
    for row_id in ids:
        with database.reading() as session:
            row = session.get_one(PointRow, row_id)
            observatory = session.get_one(ObservatoryRow, row.observatory_id).name
            kept = _kept(session, session.get_one(PointDetailRow, row_id))
        yield _Stored(row_id, observatory, kept)


def _kept(session: Session, detail: PointDetailRow) -> PointSubmission:
    """Return what is stored of an upload.

    Points stored before lists were kept beside their evidence get theirs from the uploaded file.
    """
    body = PointBody.model_validate(detail.body)
    evidence = evidence_of(session, detail)
    if evidence is not None and evidence.source_list is None and detail.uploaded_file is not None:
        text = _list_of_file(source_content(session, detail.uploaded_file), body)
        evidence = evidence.model_copy(update={"source_list": text})
    return PointSubmission(point=body, evidence=evidence)


def _list_of_file(content: bytes, body: PointBody) -> str | None:
    from cpcs_desktop import pipeline
    from cpcs_desktop.io.stored_list import stored_list_text

    with tempfile.TemporaryDirectory(prefix="cpcs-recalibrate-") as folder:
        file = Path(folder) / "list"
        file.write_bytes(content)
        try:
            exposure = pipeline.load_exposure(file)
        except CpcsError:
            return None  # the point then fails as one without a list, in a sentence
    exposure = pipeline.with_times(exposure, body.mjd, body.exposure_s)
    frame = replace(exposure.frame, path=body.file_name)
    return stored_list_text(replace(exposure, frame=frame))


def _with_remarks(kept: PointSubmission, move: Move) -> Move:
    """Put today's remarks in the place of those that were written behind the observer's words."""
    if move.new is None or move.evidence is None or kept.evidence is None:
        return move
    return replace(
        move,
        new=replace(
            move.new,
            comment=_comment(kept.point.comment, kept.evidence, move.evidence),
            file_name=kept.point.file_name,
        ),
    )


def _comment(comment: str, old: Evidence, new: Evidence) -> str:
    before = " ".join(remarks(old))
    if not comment.endswith(before):
        return comment  # cut at its longest: what is left is the observer's
    words = comment.removesuffix(before).strip()
    return " ".join([words, *remarks(new)]).strip()[:TEXT_LIMIT]
