"""The JSON that crosses the network, its protocol version, and the rules a new point must keep.

Client and server use this one module, so that they cannot disagree.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cpcs_desktop.datamodel.band import passband_group
from cpcs_desktop.datamodel.point import ErrorBudget, PhotometricPoint

#: Header in which both ends name the protocol they speak.
PROTOCOL_HEADER = "CPCS-Protocol"
#: History: 1 (2026-11) first version.
PROTOCOL_VERSION = 1
OLDEST_PROTOCOL = 1

MAG_RANGE = (-5.0, 30.0)
ERR_RANGE = (0.0, 5.0)
MJD_OLDEST = 40000.0
MJD_AHEAD = 1.0
TEXT_LIMIT = 2000
NAME_LIMIT = 200
UNIX_EPOCH_MJD = 40587.0


class WireModel(BaseModel):
    """Base of everything on the wire: unknown keys are an error, not-a-number cannot pass."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BudgetBody(WireModel):
    """Parts of a magnitude's error, mag."""

    photon: float | None
    zero_point: float
    scatter: float
    colour: float | None
    survey: float


class PointBody(WireModel):
    """A PhotometricPoint on its way to the server; fields as in the vocabulary."""

    id: str
    revision: int = Field(ge=1, le=1_000_000)
    kind: Literal["DETECTION", "UPPER_LIMIT"]
    event: str
    mjd: float
    exposure_s: float | None
    band: str
    mag: float
    mag_err: float | None
    mag_err_total: float | None
    error_budget: BudgetBody
    calib_err: float
    limit_reason: Literal["too_faint", "blended", "bad_pixel"] | None
    limit_method: str | None
    magnitude_kind: Literal["AUTO", "APER"]
    match_radius_arcsec: float
    ra: float | None
    dec: float | None
    offset_arcsec: float | None
    zero_point: float
    zero_point_err: float
    outlier_fraction: float
    n_matched: int
    n_used: float
    observatory: str | None
    instrument: str | None
    observers: tuple[str, ...]
    file_name: str
    comment: str
    provenance: dict[str, Any]

    @classmethod
    def of(cls, point: PhotometricPoint) -> PointBody:
        """Put a point on the wire."""
        fields = {name: getattr(point, name) for name in cls.model_fields if name != "error_budget"}
        budget = BudgetBody(**vars(point.error_budget))
        return cls(**fields, error_budget=budget)

    def point(self) -> PhotometricPoint:
        """Take the point off the wire."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        fields["error_budget"] = ErrorBudget(**self.error_budget.model_dump())
        return PhotometricPoint(**fields)


class Evidence(WireModel):
    """How a point came about: the matched stars of the chosen fit and the settings.

    ``stars`` is an object of parallel arrays (ra, dec, mag_inst, mag_inst_err, mag_ref,
    mag_ref_err, membership, excluded); ``source_list`` the whole list as ECSV text, or None.
    """

    stars: dict[str, list[float | int | bool | str | None]]
    fits: list[dict[str, Any]]
    choice: dict[str, Any]
    checks: list[dict[str, Any]]
    settings: dict[str, Any]
    source_list: str | None = None


class PointSubmission(WireModel):
    """Body of ``PUT /api/v1/points/{uuid}``."""

    point: PointBody
    evidence: Evidence | None = None


class PointReceipt(WireModel):
    """The server's answer to a stored point: only a parsed receipt is success."""

    id: str
    revision: int
    state: Literal["stored", "unchanged"]
    stored_at: datetime


class EventBody(WireModel):
    """An event on the wire."""

    ivorn: str = Field(min_length=1, max_length=NAME_LIMIT)
    ra: float | None = Field(default=None, ge=0, lt=360)
    dec: float | None = Field(default=None, ge=-90, le=90)
    published: str | None = None
    url: str | None = Field(default=None, max_length=TEXT_LIMIT)
    priority: int | None = None
    wanted_bands: tuple[str, ...] = ()
    n_followup: int = 0


class EventPage(WireModel):
    """Answer of ``GET /api/v1/events``; ``next_cursor`` None on the last page."""

    events: tuple[EventBody, ...]
    next_cursor: str | None = None


class LightCurveRow(WireModel):
    """One point of a light curve; fields as in LightCurvePoint."""

    id: str
    revision: int
    kind: Literal["DETECTION", "UPPER_LIMIT"]
    mjd: float
    mag: float
    mag_err: float | None
    mag_err_total: float | None
    calib_err: float | None
    band: str
    observatory: str
    withdrawn: bool = False


class LightCurveAnswer(WireModel):
    """Answer of ``GET /api/v1/light-curve?ivorn=&since=``: rows changed since the cursor.

    ``complete`` says that these are all the rows there are: whatever else a cache holds is gone
    (the first fetch, or a server restored from a backup older than the cursor).
    """

    event: str
    cursor: int
    rows: tuple[LightCurveRow, ...]
    complete: bool = False


class RevisionBody(WireModel):
    """One revision of a point: what it says, and who stored or withdrew it, when and why."""

    revision: int
    state: Literal["current", "superseded", "withdrawn"]
    observatory: str
    kind: Literal["DETECTION", "UPPER_LIMIT"]
    mjd: float
    band: str
    mag: float
    mag_err_total: float | None
    stored_at: datetime
    withdrawn_at: datetime | None = None
    withdraw_reason: str | None = None


class RevisionsAnswer(WireModel):
    """Answer of ``GET /api/v1/points/{uuid}/revisions``, oldest first."""

    id: str
    revisions: tuple[RevisionBody, ...]


class ErrorBody(WireModel):
    """The one shape of every error answer of ``/api/v1``.

    ``revision`` is the one the server holds, where a point was refused with 409.
    """

    code: str
    message: str
    reasons: tuple[str, ...] = ()
    revision: int | None = None


def content_digest(body: PointBody) -> str:
    """Return the SHA-256 of a point's content: everything but the revision's number."""
    text = json.dumps(body.model_dump(mode="json", exclude={"revision"}), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def mjd_now() -> float:
    """Return the computer's clock as MJD, UTC."""
    return UNIX_EPOCH_MJD + time.time() / 86400.0


def _outside(value: float | None, low: float, high: float) -> bool:
    return value is not None and not (math.isfinite(value) and low <= value <= high)


def point_reasons(point: PointBody, now_mjd: float | None = None) -> list[str]:
    """Return every reason why a new point cannot be stored; an empty list is a pass.

    Parameters
    ----------
    point : PointBody
    now_mjd : float, optional
        Clock of the judging end; default the computer's.
    """
    newest = (mjd_now() if now_mjd is None else now_mjd) + MJD_AHEAD
    reasons = []
    if _outside(point.mag, *MAG_RANGE):
        reasons.append(f"magnitude {point.mag} is outside {MAG_RANGE[0]:g}..{MAG_RANGE[1]:g}")
    for name in ("mag_err", "mag_err_total", "calib_err", "zero_point_err"):
        if _outside(getattr(point, name), *ERR_RANGE):
            reasons.append(
                f"{name} {getattr(point, name)} is outside {ERR_RANGE[0]:g}..{ERR_RANGE[1]:g}"
            )
    if _outside(point.mjd, MJD_OLDEST, newest):
        reasons.append(f"MJD {point.mjd} is not between {MJD_OLDEST:g} and {newest:.3f}")
    survey, _, letter = point.band.partition("/")
    if not survey or passband_group(letter) is None:
        reasons.append(f"band {point.band[:NAME_LIMIT]} is unknown")
    if point.kind == "DETECTION" and point.mag_err is None:
        reasons.append("a detection needs mag_err")
    if point.kind == "UPPER_LIMIT" and (point.mag_err is not None or point.limit_reason is None):
        reasons.append("an upper limit has a reason and no mag_err")
    if not point.event or len(point.event) > NAME_LIMIT:
        reasons.append(f"the event's name must have 1 to {NAME_LIMIT} characters")
    for name in ("comment", "file_name"):
        if len(getattr(point, name)) > TEXT_LIMIT:
            reasons.append(f"{name} is longer than {TEXT_LIMIT} characters")
    if any(len(name) > NAME_LIMIT for name in point.observers) or len(point.observers) > 20:
        reasons.append(f"at most 20 observers of {NAME_LIMIT} characters each")
    return reasons


def protocol_refusal(theirs: str | None) -> str | None:
    """Return a sentence when the other end's protocol is too far away, None when all is well."""
    if theirs is None:
        return None
    try:
        version = int(theirs)
    except ValueError:
        return f"The protocol version “{theirs[:20]}” is not a number."
    if version < OLDEST_PROTOCOL:
        return f"Protocol {version} is too old (this end speaks {PROTOCOL_VERSION}): please update."
    if version > PROTOCOL_VERSION:
        return f"Protocol {version} is newer than this end's {PROTOCOL_VERSION}: please update."
    return None


def validation_reasons(error: ValidationError) -> list[str]:
    """Return pydantic's complaints as short sentences."""
    return [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
