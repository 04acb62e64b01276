"""Access keys: made once, shown once, stored hashed, found by their public prefix.

A key is ``cpcs_<8 characters>_<43 characters>``; the last part is 32 random bytes, so that a fast
hash is enough and a stolen database opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from cpcs_desktop.datamodel.errors import CpcsError
from server_stub.database import Database
from server_stub.tables import AccessKeyRow, ObservatoryRow, now

_ALPHABET = string.ascii_lowercase + string.digits
_SHAPE = re.compile(r"cpcs_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
#: Anything that looks like a key, to be taken out of log lines.
KEY_PATTERN = re.compile(r"cpcs_[a-z0-9]{8}_[A-Za-z0-9_%-]{20,}")
#: ``last_used_at`` is written at most this often, so that reading stays reading.
USED_STEP = timedelta(minutes=1)
#: Asked for with every request, so it is built once and loads columns, not rows of the ORM.
_HOLDER = (
    select(
        AccessKeyRow.id,
        AccessKeyRow.prefix,
        AccessKeyRow.secret_hash,
        AccessKeyRow.observatory_id,
        AccessKeyRow.is_admin,
        AccessKeyRow.allow_upload,
        AccessKeyRow.revoked_at,
        AccessKeyRow.last_used_at,
        ObservatoryRow.name,
    )
    .join(ObservatoryRow, ObservatoryRow.id == AccessKeyRow.observatory_id)
    .where(AccessKeyRow.prefix == bindparam("prefix"))
)


@dataclass(frozen=True)
class Caller:
    """Who is asking: the observatory's account behind a valid key."""

    key_id: int
    prefix: str
    observatory_id: int
    observatory: str
    is_admin: bool
    allow_upload: bool


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def new_key(
    session: Session,
    observatory: ObservatoryRow,
    *,
    admin: bool = False,
    upload: bool = True,
    wish: str = "",
) -> str:
    """Make a key for an observatory and return it: this is the only time it can be seen.

    ``wish`` is how the public prefix should begin; the secret part is random in any case.
    """
    start = "".join(c for c in wish.lower() if c in _ALPHABET)[:5]
    prefix = start + "".join(secrets.choice(_ALPHABET) for _ in range(8 - len(start)))
    key = f"cpcs_{prefix}_{secrets.token_urlsafe(32)}"
    session.flush()
    session.add(
        AccessKeyRow(
            prefix=prefix,
            secret_hash=_hash(key),
            observatory_id=observatory.id,
            is_admin=admin,
            allow_upload=upload,
        )
    )
    session.flush()
    return key


def revoke(session: Session, prefix: str) -> AccessKeyRow:
    """Revoke a key by its prefix; told again, it is still revoked.

    Raises
    ------
    CpcsError
        Code ``no_such_key``.
    """
    row = session.scalar(select(AccessKeyRow).where(AccessKeyRow.prefix == prefix))
    if row is None:
        raise CpcsError(
            "no_such_key",
            f"There is no key with the prefix “{prefix[:20]}”.",
            "cpcs-server key list shows the prefixes.",
        )
    row.revoked_at = row.revoked_at or now()
    return row


def caller_of_key(database: Database, key: str) -> Caller | None:
    """Return who holds a key, None when it is malformed, unknown or revoked."""
    shape = _SHAPE.fullmatch(key.strip())
    if shape is None:
        return None
    with database.engine.connect() as connection:
        row = connection.execute(_HOLDER, {"prefix": shape[1]}).one_or_none()
    if row is None:
        return None
    if not hmac.compare_digest(row.secret_hash, _hash(key.strip())) or row.revoked_at:
        return None
    note_use(database, row.id, row.last_used_at)
    return Caller(
        key_id=row.id,
        prefix=row.prefix,
        observatory_id=row.observatory_id,
        observatory=row.name,
        is_admin=row.is_admin,
        allow_upload=row.allow_upload,
    )


def caller_of_id(session: Session, key_id: int) -> Caller | None:
    """Return who holds the key with this number, None when it was revoked."""
    row = session.get(AccessKeyRow, key_id)
    if row is None or row.revoked_at:
        return None
    observatory = session.get_one(ObservatoryRow, row.observatory_id)
    return Caller(
        key_id=row.id,
        prefix=row.prefix,
        observatory_id=row.observatory_id,
        observatory=observatory.name,
        is_admin=row.is_admin,
        allow_upload=row.allow_upload,
    )


def note_use(database: Database, key_id: int, last: datetime | None) -> None:
    """Write when a key was last used, at most once a minute."""
    moment = now()
    if last is not None and moment - last < USED_STEP:
        return
    with database.writing() as session:
        session.execute(
            update(AccessKeyRow).where(AccessKeyRow.id == key_id).values(last_used_at=moment)
        )


class FailureLimit:
    """Counts wrong keys per address: after too many, the answer is 429 instead of 401.

    Only failures are limited: a valid key behind the same address goes on working. Counts live in
    this process; several processes allow as many times more, which 256 random bits can afford.

    Parameters
    ----------
    allowed : int
        Failures per window.
    window_s : float
    """

    LARGEST = 10_000

    def __init__(self, allowed: int = 20, window_s: float = 60.0) -> None:
        self._allowed = allowed
        self._window_s = window_s
        self._lock = threading.Lock()
        self._failures: dict[str, tuple[float, int]] = {}

    def failed(self, address: str) -> float | None:
        """Count one failure; return the seconds to wait when there were too many."""
        moment = time.monotonic()
        with self._lock:
            if len(self._failures) >= self.LARGEST:
                self._forget(moment)
            start, count = self._failures.get(address, (moment, 0))
            if moment - start >= self._window_s:
                start, count = moment, 0
            self._failures[address] = (start, count + 1)
        return start + self._window_s - moment if count >= self._allowed else None

    def _forget(self, moment: float) -> None:
        fresh = {a: f for a, f in self._failures.items() if moment - f[0] < self._window_s}
        self._failures = fresh if len(fresh) < self.LARGEST else {}
