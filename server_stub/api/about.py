"""``/api/v1``: who am I, which observatories, is all well, which version."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select

from cpcs_desktop import __version__
from cpcs_desktop.wire import OLDEST_PROTOCOL, PROTOCOL_VERSION
from server_stub.api.documents import refusals
from server_stub.dependencies import KeyHolder, TheDatabase
from server_stub.tables import ObservatoryRow, now

router = APIRouter(tags=["about"])


class Me(BaseModel):
    """Whose key this is."""

    observatory: str
    prefix: str
    is_admin: bool
    allow_upload: bool


class ObservatoryBody(BaseModel):
    """An observatory; unknown is null, longitude is east positive, degrees and metres."""

    id: int
    name: str
    longitude: float | None
    latitude: float | None
    altitude_m: float | None
    aperture_m: float | None
    cameras: list[str]
    filters: list[str]
    n_points: int


class Health(BaseModel):
    """All is well; the server's clock tells clients how wrong theirs is."""

    status: Literal["ok"]
    time: datetime


class Version(BaseModel):
    """Versions of the program and of the wire."""

    software: str
    protocol: int
    oldest_protocol: int


@router.get("/me", responses=refusals(401))
def me(caller: KeyHolder) -> Me:
    """Return whose key this is."""
    return Me(
        observatory=caller.observatory,
        prefix=caller.prefix,
        is_admin=caller.is_admin,
        allow_upload=caller.allow_upload,
    )


@router.get("/observatories", responses=refusals(401))
def observatories(database: TheDatabase, caller: KeyHolder) -> list[ObservatoryBody]:
    """Return all observatories; contacts stay with the admins."""
    del caller
    with database.reading() as session:
        rows = session.scalars(select(ObservatoryRow).order_by(ObservatoryRow.id)).all()
    names = ObservatoryBody.model_fields
    return [ObservatoryBody(**{name: getattr(row, name) for name in names}) for row in rows]


@router.get("/health")
def health(database: TheDatabase) -> Health:
    """Say that the server and its database answer; public."""
    database.check()
    return Health(status="ok", time=now())


@router.get("/version")
def version() -> Version:
    """Return the versions; public, and answered to any protocol."""
    return Version(
        software=f"cpcs-server {__version__}",
        protocol=PROTOCOL_VERSION,
        oldest_protocol=OLDEST_PROTOCOL,
    )
