"""Points: stored once however often they are sent, superseded by revisions, withdrawn, kept."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cpcs_desktop.wire import (
    Evidence,
    PointBody,
    PointSubmission,
    RevisionBody,
    content_digest,
    point_reasons,
)
from server_stub.access_keys import Caller
from server_stub.audit import audit
from server_stub.refusals import Refused
from server_stub.tables import (
    CURRENT,
    SUPERSEDED,
    WITHDRAWN,
    EventRow,
    ObservatoryRow,
    PointDetailRow,
    PointRow,
    SourceFileRow,
    now,
)


@dataclass(frozen=True)
class Stored:
    """What became of a point."""

    row: PointRow
    is_new: bool


@dataclass(frozen=True)
class PointView:
    """A point with what is known about it: its row, its owner and its event."""

    row: PointRow
    observatory: str
    event: EventRow
    detail: PointDetailRow | None


def next_change(session: Session, event_id: int) -> int:
    """Return the number of this change, and hold the event's row until the transaction ends.

    So changes of one light curve become visible in the order of their numbers, and a client that
    has seen number n never misses one below it.
    """
    statement = (
        update(EventRow)
        .where(EventRow.id == event_id)
        .values(change=EventRow.change + 1, updated_at=now())
        .returning(EventRow.change)
        .execution_options(synchronize_session=False)
    )
    return session.execute(statement).scalar_one()


def store_point(
    session: Session,
    submission: PointSubmission,
    caller: Caller,
    uploaded: bytes | None = None,
) -> Stored:
    """Store a point under its identity, with the file it was made from where there is one.

    Raises
    ------
    Refused
        403 for a key that may not upload, 409 for other content or another owner, 422 with every
        reason.
    """
    if not caller.allow_upload:
        raise Refused(403, "no_upload", "This key may read and dry-run, but not store.")
    body = submission.point
    event = session.scalar(
        select(EventRow).where(EventRow.ivorn == body.event, EventRow.merged_into_id.is_(None))
    )
    reasons = [*point_reasons(body), *text_reasons(body)]
    if event is None:
        reasons.append(f"the event {body.event[:80]} is unknown here: create it first")
    if reasons or event is None:
        raise Refused(422, "bad_point", "The point cannot be stored.", tuple(reasons))
    digest = content_digest(body)
    same, _ = _judged(session, body, digest, caller, event)
    if same is not None:
        return Stored(same, is_new=False)
    change = next_change(session, event.id)
    same, newest = _judged(session, body, digest, caller, event)  # again, now that we are alone
    if same is not None:
        return Stored(same, is_new=False)
    row = _row(body, event.id, caller, change, digest)
    if newest is not None:
        newest.state = SUPERSEDED if newest.state == CURRENT else newest.state
        session.flush()
    session.add(row)
    session.flush()
    session.add(_detail(session, row.id, submission, uploaded))
    if newest is None or newest.state == WITHDRAWN:
        count_points(session, event.id, caller.observatory_id, +1)
    return Stored(row, is_new=True)


def _judged(
    session: Session, body: PointBody, digest: str, caller: Caller, event: EventRow
) -> tuple[PointRow | None, PointRow | None]:
    """Return the row that holds this content already, and the newest row; None where none is."""
    newest = newest_row(session, body.id)
    if newest is None:
        return None, None
    if newest.observatory_id != caller.observatory_id:
        owner = session.get_one(ObservatoryRow, newest.observatory_id).name
        raise Refused(409, "not_yours", f"This point belongs to {owner}.", revision=newest.revision)
    if newest.event_id != event.id:
        raise Refused(
            409, "other_event", "This point belongs to another event.", revision=newest.revision
        )
    if body.revision > newest.revision:
        return None, newest
    there = session.scalar(
        select(PointRow).where(PointRow.uuid == body.id, PointRow.revision == body.revision)
    )
    if there is not None and there.content_digest == digest:
        return there, newest
    raise Refused(
        409,
        "other_content",
        f"Revision {newest.revision} of this point is here with other content.",
        (f"send it as revision {newest.revision + 1} to replace it",),
        revision=newest.revision,
    )


def _row(body: PointBody, event_id: int, caller: Caller, change: int, digest: str) -> PointRow:
    return PointRow(
        uuid=body.id,
        revision=body.revision,
        event_id=event_id,
        observatory_id=caller.observatory_id,
        key_id=caller.key_id,
        change=change,
        content_digest=digest,
        kind=body.kind,
        mjd=body.mjd,
        exposure_s=body.exposure_s,
        band=body.band,
        mag=body.mag,
        mag_err=body.mag_err,
        mag_err_total=body.mag_err_total,
        calib_err=body.calib_err,
        magnitude_kind=body.magnitude_kind,
        n_matched=body.n_matched,
    )


def _detail(
    session: Session, point_id: int, submission: PointSubmission, uploaded: bytes | None
) -> PointDetailRow:
    evidence = submission.evidence
    source_file = None
    packed = None
    if evidence is not None:
        if evidence.source_list is not None:
            source_file = keep_source_file(session, evidence.source_list.encode())
        text = evidence.model_dump_json(exclude={"source_list"})
        packed = gzip.compress(text.encode(), 6, mtime=0)
    return PointDetailRow(
        point_id=point_id,
        body=submission.point.model_dump(mode="json"),
        file_name=submission.point.file_name,
        evidence=packed,
        source_file=source_file,
        uploaded_file=None if uploaded is None else keep_source_file(session, uploaded),
    )


def keep_source_file(session: Session, content: bytes) -> str:
    """Keep an uploaded list once, and return its SHA-256."""
    sha256 = hashlib.sha256(content).hexdigest()
    if session.get(SourceFileRow, sha256) is None:
        packed = gzip.compress(content, 6, mtime=0)
        session.add(SourceFileRow(sha256=sha256, size=len(content), packed=packed))
        session.flush()
    return sha256


def text_reasons(body: PointBody) -> list[str]:
    """Return what the tables cannot hold: names and texts beyond their widths."""
    reasons = []
    if len(body.band) > 60 or not body.band.isprintable():
        reasons.append("the band's name is too long or unprintable")
    limits = {"observatory": 200, "instrument": 200, "limit_method": 200}
    for name, limit in limits.items():
        if len(getattr(body, name) or "") > limit:
            reasons.append(f"{name} is longer than {limit} characters")
    texts = (body.comment, body.file_name, *body.observers, *(getattr(body, n) for n in limits))
    if any("\x00" in (text or "") for text in texts):
        reasons.append("a text holds the character NUL")
    if (body.exposure_s is not None and not 0 <= body.exposure_s <= 1e6) or not (
        0 <= body.n_matched <= 10_000_000
    ):
        reasons.append("exposure time or number of matched stars is not plausible")
    if len(json.dumps(body.provenance)) > 65536:
        reasons.append("the provenance is longer than 64 KiB")
    return reasons


def newest_row(session: Session, uuid: str) -> PointRow | None:
    """Return the highest revision of a point."""
    return session.scalar(
        select(PointRow)
        .where(PointRow.uuid == uuid)
        .order_by(PointRow.revision.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def count_points(session: Session, event_id: int, observatory_id: int, by: int) -> None:
    """Keep the numbers that the lists of events and observatories show."""
    options = {"synchronize_session": False}
    session.execute(
        update(EventRow)
        .where(EventRow.id == event_id)
        .values(n_followup=EventRow.n_followup + by)
        .execution_options(**options)
    )
    session.execute(
        update(ObservatoryRow)
        .where(ObservatoryRow.id == observatory_id)
        .values(n_points=ObservatoryRow.n_points + by)
        .execution_options(**options)
    )


def withdraw_point(
    session: Session, uuid: str, reason: str, caller: Caller, revision: int | None = None
) -> PointRow:
    """Hide a point, with who, when and why; told again, it is still withdrawn.

    Raises
    ------
    Refused
        404 for a point that is not here, 403 for another's, 409 when a newer revision than the
        one to be withdrawn is here, 422 without a reason.
    """
    words = " ".join(reason.split())
    if not words or len(words) > 2000 or "\x00" in words:
        raise Refused(422, "no_reason", "Say in 1 to 2000 characters why it is withdrawn.")
    row = newest_row(session, uuid)
    if row is None:
        raise Refused(404, "unknown_point", "There is no such point here.")
    if row.observatory_id != caller.observatory_id and not caller.is_admin:
        owner = session.get_one(ObservatoryRow, row.observatory_id).name
        raise Refused(403, "not_yours", f"This point belongs to {owner}.")
    if not (caller.allow_upload or caller.is_admin):
        raise Refused(403, "no_upload", "This key may read, but not withdraw.")
    change = next_change(session, row.event_id)
    row = newest_row(session, uuid) or row
    if revision is not None and row.revision > revision:
        raise Refused(
            409,
            "newer_revision",
            f"Revision {row.revision} is here; it was not withdrawn.",
            revision=row.revision,
        )
    if row.state == WITHDRAWN:
        return row
    row.state = WITHDRAWN
    row.change = change
    row.withdrawn_at = now()
    row.withdrawn_by = caller.key_id
    row.withdraw_reason = words
    count_points(session, row.event_id, row.observatory_id, -1)
    audit(session, caller, "withdraw_point", uuid, revision=row.revision, reason=words)
    session.flush()
    return row


def view_point(session: Session, uuid: str, revision: int | None = None) -> PointView:
    """Return a point, its newest revision unless another is asked for.

    Raises
    ------
    Refused
        404.
    """
    statement = select(PointRow).where(PointRow.uuid == uuid)
    if revision is not None:
        statement = statement.where(PointRow.revision == revision)
    row = session.scalar(statement.order_by(PointRow.revision.desc()).limit(1))
    if row is None:
        raise Refused(404, "unknown_point", "There is no such point here.")
    return PointView(
        row=row,
        observatory=session.get_one(ObservatoryRow, row.observatory_id).name,
        event=session.get_one(EventRow, row.event_id),
        detail=session.get(PointDetailRow, row.id),
    )


def revisions_of(session: Session, uuid: str) -> list[RevisionBody]:
    """Return every revision of a point, oldest first.

    Raises
    ------
    Refused
        404.
    """
    statement = (
        select(PointRow, ObservatoryRow.name)
        .join(ObservatoryRow, ObservatoryRow.id == PointRow.observatory_id)
        .where(PointRow.uuid == uuid)
        .order_by(PointRow.revision)
    )
    names = RevisionBody.model_fields.keys() - {"observatory"}
    found = [
        RevisionBody(observatory=name, **{field: getattr(row, field) for field in names})
        for row, name in session.execute(statement)
    ]
    if not found:
        raise Refused(404, "unknown_point", "There is no such point here.")
    return found


def evidence_of(session: Session, detail: PointDetailRow) -> Evidence | None:
    """Return the evidence of a point with its source list, as it was sent."""
    if detail.evidence is None:
        return None
    evidence = Evidence.model_validate_json(gzip.decompress(detail.evidence))
    if detail.source_file is None:
        return evidence
    content = source_content(session, detail.source_file)
    return evidence.model_copy(update={"source_list": content.decode("utf-8", "replace")})


def source_content(session: Session, sha256: str) -> bytes:
    """Return an uploaded list as it came."""
    return gzip.decompress(session.get_one(SourceFileRow, sha256).packed)


def last_upload(session: Session) -> tuple[datetime, str] | None:
    """Return when the newest point was stored and for which event."""
    found = session.execute(
        select(PointRow.stored_at, EventRow.ivorn)
        .join(EventRow, EventRow.id == PointRow.event_id)
        .where(PointRow.state == CURRENT)
        .order_by(PointRow.stored_at.desc(), PointRow.id.desc())
        .limit(1)
    ).one_or_none()
    return None if found is None else (found[0], found[1])
