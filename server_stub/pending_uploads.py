"""Lists after a dry run, kept for a day so that one click submits them for real."""

from __future__ import annotations

import gzip
import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from server_stub.access_keys import Caller
from server_stub.refusals import Refused
from server_stub.tables import PendingUploadRow, now

KEPT = timedelta(days=1)
#: Lists kept for one key; the oldest give way.
MOST_KEPT = 10


def keep_upload(session: Session, caller: Caller, content: bytes, file_name: str) -> str:
    """Keep a list for the caller and return the token that stands for it."""
    token = secrets.token_urlsafe(24)
    session.execute(delete(PendingUploadRow).where(PendingUploadRow.expires_at < now()))
    older = session.scalars(
        select(PendingUploadRow.token_hash)
        .where(PendingUploadRow.key_id == caller.key_id)
        .order_by(PendingUploadRow.expires_at.desc())
        .offset(MOST_KEPT - 1)
    ).all()
    session.execute(delete(PendingUploadRow).where(PendingUploadRow.token_hash.in_(older)))
    session.add(
        PendingUploadRow(
            token_hash=_hash(token),
            key_id=caller.key_id,
            file_name=file_name,
            packed=gzip.compress(content, 1, mtime=0),
            expires_at=now() + KEPT,
        )
    )
    return token


def kept_upload(session: Session, caller: Caller, token: str) -> tuple[bytes, str]:
    """Return the list and its name that a token stands for.

    Raises
    ------
    Refused
        404 when it is another's, unknown or too old.
    """
    row = session.get(PendingUploadRow, _hash(token))
    if row is None or row.key_id != caller.key_id or row.expires_at < now():
        raise Refused(404, "no_list", "The list of the dry run is gone; upload it again.")
    return gzip.decompress(row.packed), row.file_name


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
