"""``/api/v1/points``: store, read and withdraw."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from cpcs_desktop.wire import (
    TEXT_LIMIT,
    Evidence,
    PointBody,
    PointReceipt,
    PointSubmission,
    RevisionsAnswer,
)
from server_stub.api.documents import refusals
from server_stub.dependencies import KeyHolder, TheDatabase, Uploader
from server_stub.json_limits import json_reasons
from server_stub.points import (
    evidence_of,
    revisions_of,
    store_point,
    view_point,
    withdraw_point,
)
from server_stub.refusals import Refused

router = APIRouter(prefix="/points", tags=["points"])

Reason = Annotated[str, Query(min_length=1, max_length=TEXT_LIMIT)]
Revision = Annotated[int | None, Query(ge=1, le=1_000_000)]


@router.put(
    "/{uuid}",
    responses={
        201: {"model": PointReceipt, "description": "Stored"},
        200: {"description": "The same was here already"},
        **refusals(401, 403, 409, 413, 422),
    },
)
def put_point(
    uuid: UUID,
    submission: PointSubmission,
    response: Response,
    database: TheDatabase,
    caller: Uploader,
) -> PointReceipt:
    """Store a point under its identity; the same again is harmless."""
    if submission.point.id != str(uuid):
        raise Refused(
            422,
            "bad_point",
            "The address and the point name different ids.",
            ("id: not the one in the address",),
        )
    reasons = json_reasons(submission)
    if reasons:
        raise Refused(422, "bad_point", "The point cannot be stored.", tuple(reasons))
    stored = database.change(lambda session: store_point(session, submission, caller))
    response.status_code = 201 if stored.is_new else 200
    return PointReceipt(
        id=stored.row.uuid,
        revision=stored.row.revision,
        state="stored" if stored.is_new else "unchanged",
        stored_at=stored.row.stored_at,
    )


@router.get("/{uuid}", responses=refusals(401, 404, 422))
def get_point(
    uuid: UUID,
    response: Response,
    database: TheDatabase,
    caller: KeyHolder,
    revision: Revision = None,
) -> PointBody:
    """Return a point as it was sent; its state and owner stand in headers."""
    del caller
    with database.reading() as session:
        view = view_point(session, str(uuid), revision)
    if view.detail is None or "provenance" not in view.detail.body:
        raise Refused(
            404, "archived_point", "This point came from the archive: only its numbers are known."
        )
    response.headers["CPCS-State"] = view.row.state
    response.headers["CPCS-Owner"] = view.observatory.encode("ascii", "replace").decode()
    return PointBody.model_validate(view.detail.body)


@router.get("/{uuid}/evidence", responses=refusals(401, 404, 422))
def get_evidence(
    uuid: UUID, database: TheDatabase, caller: KeyHolder, revision: Revision = None
) -> Evidence:
    """Return the matched stars, fits, checks and source list behind a point."""
    del caller
    with database.reading() as session:
        view = view_point(session, str(uuid), revision)
        evidence = None if view.detail is None else evidence_of(session, view.detail)
    if evidence is None:
        raise Refused(404, "no_evidence", "This point came without evidence.")
    return evidence


@router.get("/{uuid}/revisions", responses=refusals(401, 404, 422))
def get_revisions(uuid: UUID, database: TheDatabase, caller: KeyHolder) -> RevisionsAnswer:
    """Return every revision of a point, hidden ones too, with who, when and why."""
    del caller
    with database.reading() as session:
        return RevisionsAnswer(id=str(uuid), revisions=tuple(revisions_of(session, str(uuid))))


@router.delete("/{uuid}", responses=refusals(401, 403, 404, 409, 422))
def delete_point(
    uuid: UUID,
    reason: Reason,
    database: TheDatabase,
    caller: KeyHolder,
    revision: Revision = None,
) -> dict[str, Any]:
    """Withdraw a point: it is hidden with who, when and why, and nothing is erased."""
    row = database.change(
        lambda session: withdraw_point(session, str(uuid), reason, caller, revision)
    )
    return {"id": row.uuid, "revision": row.revision, "state": row.state}
