"""The audit trail: who did what, when."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from server_stub.access_keys import Caller
from server_stub.tables import AuditRow


def audit(
    session: Session, caller: Caller | None, action: str, subject: str, **detail: Any
) -> None:
    """Note an action in the same transaction as the action; no caller means the command line."""
    key_id = None if caller is None else caller.key_id
    session.add(AuditRow(key_id=key_id, action=action, subject=subject, detail=detail))
