"""Everything the server keeps: SQLAlchemy 2 typed tables for SQLite and PostgreSQL.

Nothing is ever overwritten or erased: a better reduction is a new row of ``points``, a withdrawn
one stays with who, when and why.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

#: Names of constraints, so that a migration can name what it changes on either database.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

CURRENT = "current"
SUPERSEDED = "superseded"
WITHDRAWN = "withdrawn"


def now() -> datetime:
    """Return the time of the server, UTC."""
    return datetime.now(UTC)


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC: aware in Python, also on SQLite, which forgets time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; a moment without a zone is a mistake of ours."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware moment."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(MappedAsDataclass, DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads it off the class
        datetime: UtcTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class ObservatoryRow(Base, kw_only=True):
    """An observatory's account; unknown is None, longitude is east positive."""

    __tablename__ = "observatories"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    longitude: Mapped[float | None] = mapped_column(default=None)
    latitude: Mapped[float | None] = mapped_column(default=None)
    altitude_m: Mapped[float | None] = mapped_column(default=None)
    aperture_m: Mapped[float | None] = mapped_column(default=None)
    cameras: Mapped[list[str]] = mapped_column(default_factory=list)
    filters: Mapped[list[str]] = mapped_column(default_factory=list)
    contact: Mapped[str | None] = mapped_column(Text, default=None)
    n_points: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class AccessKeyRow(Base, kw_only=True):
    """An access key: public prefix and SHA-256 of the whole key; the key itself is nowhere."""

    __tablename__ = "access_keys"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    prefix: Mapped[str] = mapped_column(String(8), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    observatory_id: Mapped[int] = mapped_column(ForeignKey("observatories.id"))
    is_admin: Mapped[bool] = mapped_column(default=False)
    allow_upload: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)


class LoginRow(Base, kw_only=True):
    """A browser's login; the cookie's token is stored hashed."""

    __tablename__ = "logins"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[int] = mapped_column(ForeignKey("access_keys.id"), index=True)
    form_token: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column()


class AccessRequestRow(Base, kw_only=True):
    """Somebody asks for a key; an admin answers."""

    __tablename__ = "access_requests"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    observatory_name: Mapped[str] = mapped_column(String(200))
    contact: Mapped[str] = mapped_column(String(200))
    longitude: Mapped[float | None] = mapped_column(default=None)
    latitude: Mapped[float | None] = mapped_column(default=None)
    message: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    answer: Mapped[str | None] = mapped_column(String(20), default=None)
    answered_at: Mapped[datetime | None] = mapped_column(default=None)
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("access_keys.id"), default=None)


class EventRow(Base, kw_only=True):
    """A transient. ``change`` counts the changes of its light curve.

    Whoever changes the light curve first raises ``change``, and so holds the row until the
    transaction ends: numbers become visible in their own order, on PostgreSQL too.
    """

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_published_id", "published", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=None, sort_order=-1)
    ivorn: Mapped[str] = mapped_column(String(200), unique=True)
    ra: Mapped[float | None] = mapped_column(default=None)
    dec: Mapped[float | None] = mapped_column(default=None, index=True)
    #: Unit vector of the position, for cone searches that know no poles and no wrap.
    x: Mapped[float | None] = mapped_column(default=None)
    y: Mapped[float | None] = mapped_column(default=None)
    z: Mapped[float | None] = mapped_column(default=None)
    published: Mapped[datetime | None] = mapped_column(default=None)
    url: Mapped[str | None] = mapped_column(Text, default=None)
    priority: Mapped[int | None] = mapped_column(default=None)
    wanted_bands: Mapped[list[str]] = mapped_column(default_factory=list)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("access_keys.id"), default=None)
    updated_at: Mapped[datetime] = mapped_column(default_factory=now, index=True)
    change: Mapped[int] = mapped_column(default=0)
    n_followup: Mapped[int] = mapped_column(default=0)
    #: Nameless event of the archive whose points went to an event that had the name already.
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("events.id"), default=None)


class PointRow(Base, kw_only=True):
    """One revision of one point; ``id`` is the old wire's ``followup_id``."""

    __tablename__ = "points"
    __table_args__ = (
        UniqueConstraint("uuid", "revision"),
        Index("ix_points_event_id_change", "event_id", "change"),
        Index("ix_points_stored_at", "stored_at"),
        CheckConstraint("kind in ('DETECTION', 'UPPER_LIMIT')", name="kind"),
        CheckConstraint("state in ('current', 'superseded', 'withdrawn')", name="state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True, default=None, sort_order=-1)
    uuid: Mapped[str] = mapped_column(String(36))
    revision: Mapped[int] = mapped_column(default=1)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    observatory_id: Mapped[int] = mapped_column(ForeignKey("observatories.id"), index=True)
    key_id: Mapped[int | None] = mapped_column(ForeignKey("access_keys.id"), default=None)
    state: Mapped[str] = mapped_column(String(10), default=CURRENT)
    change: Mapped[int] = mapped_column()
    content_digest: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(11))
    mjd: Mapped[float] = mapped_column()
    exposure_s: Mapped[float | None] = mapped_column(default=None)
    band: Mapped[str] = mapped_column(String(60))
    mag: Mapped[float] = mapped_column()
    mag_err: Mapped[float | None] = mapped_column(default=None)
    mag_err_total: Mapped[float | None] = mapped_column(default=None)
    calib_err: Mapped[float | None] = mapped_column(default=None)
    magnitude_kind: Mapped[str | None] = mapped_column(String(4), default=None)
    n_matched: Mapped[int | None] = mapped_column(default=None)
    implausible: Mapped[bool] = mapped_column(default=False)
    stored_at: Mapped[datetime] = mapped_column(default_factory=now)
    withdrawn_at: Mapped[datetime | None] = mapped_column(default=None)
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("access_keys.id"), default=None)
    withdraw_reason: Mapped[str | None] = mapped_column(Text, default=None)


class SourceFileRow(Base, kw_only=True):
    """A source list as it was uploaded, once for all points made from it; gzip."""

    __tablename__ = "source_files"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column()
    packed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    stored_at: Mapped[datetime] = mapped_column(default_factory=now)


class PointDetailRow(Base, kw_only=True):
    """The wide part of a point, apart from the narrow rows that light curves are read from."""

    __tablename__ = "point_details"

    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"), primary_key=True)
    #: The point as it came over the wire; for the archive what stood in the file.
    body: Mapped[dict[str, Any]] = mapped_column()
    file_name: Mapped[str] = mapped_column(Text, default="")
    #: Evidence without its source list, JSON, gzip.
    evidence: Mapped[bytes | None] = mapped_column(LargeBinary, default=None, deferred=True)
    source_file: Mapped[str | None] = mapped_column(
        ForeignKey("source_files.sha256"), default=None, index=True
    )
    #: The file itself where it was uploaded on the old wire.
    uploaded_file: Mapped[str | None] = mapped_column(
        ForeignKey("source_files.sha256"), default=None
    )


class PlotRow(Base, kw_only=True):
    """A calibration plot made when a list was uploaded, PNG."""

    __tablename__ = "plots"

    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"), primary_key=True)
    band: Mapped[str] = mapped_column(String(60), primary_key=True)
    png: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class PendingUploadRow(Base, kw_only=True):
    """A list after a dry run, kept for a day so that one click submits it for real."""

    __tablename__ = "pending_uploads"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[int] = mapped_column(ForeignKey("access_keys.id"), index=True)
    file_name: Mapped[str] = mapped_column(Text)
    packed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    expires_at: Mapped[datetime] = mapped_column()


class AuditRow(Base, kw_only=True):
    """Who did what, when; never a key or its hash."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    at: Mapped[datetime] = mapped_column(default_factory=now)
    key_id: Mapped[int | None] = mapped_column(ForeignKey("access_keys.id"), default=None)
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
