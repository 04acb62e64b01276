"""The calibrated point: what calibration makes, the observer accepts, and the server keeps."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

PointKind = Literal["DETECTION", "UPPER_LIMIT"]
LimitReason = Literal["too_faint", "blended", "bad_pixel"]


@dataclass(frozen=True)
class ErrorBudget:
    """1-sigma parts of a magnitude's error, mag; None where a part does not apply."""

    photon: float | None
    zero_point: float
    scatter: float
    colour: float | None
    survey: float

    @property
    def total(self) -> float:
        """Sum in quadrature."""
        parts = (self.photon, self.zero_point, self.scatter, self.colour, self.survey)
        return float(sum(p * p for p in parts if p is not None) ** 0.5)


@dataclass(frozen=True)
class Measurement:
    """The target on one exposure: a magnitude or an upper limit with its reason.

    Parameters
    ----------
    kind : {"DETECTION", "UPPER_LIMIT"}
    mag : float
        Calibrated magnitude, or the 5-sigma limit.
    mag_err : float or None
        Instrumental error; None for a limit.
    mag_err_total : float or None
        Sum of the budget in quadrature; None for a limit.
    source_row : int or None
        Row of the target in the SourceCatalog.
    ra, dec : float or None
        Measured position, degrees.
    offset_arcsec : float or None
        From the event's position.
    limit_reason, limit_method : str or None
    """

    kind: PointKind
    mag: float
    mag_err: float | None
    error_budget: ErrorBudget
    source_row: int | None = None
    ra: float | None = None
    dec: float | None = None
    offset_arcsec: float | None = None
    limit_reason: LimitReason | None = None
    limit_method: str | None = None

    @property
    def mag_err_total(self) -> float | None:
        """Total error of a detection, mag."""
        return self.error_budget.total if self.kind == "DETECTION" else None


@dataclass(frozen=True)
class PhotometricPoint:
    """One calibrated point of an event's light curve (vocabulary: PhotometricPoint).

    ``id`` is :func:`point_id` of event and frame: the same frame accepted twice is one point, and a
    better reduction is ``revision`` + 1.

    Parameters
    ----------
    mjd : float
        Mid-exposure, UTC.
    mag : float
        Magnitude, or the limit for ``UPPER_LIMIT``.
    mag_err, mag_err_total : float or None
        Instrumental and total error; None for limits.
    calib_err : float
        The fit's scatter with its floor of 0.01 mag (the old wire's ``caliberr``).
    provenance : dict
        Software, settings digest, survey releases, frame hash; JSON-ready.
    """

    id: str
    revision: int
    kind: PointKind
    event: str
    mjd: float
    exposure_s: float | None
    band: str
    mag: float
    mag_err: float | None
    mag_err_total: float | None
    error_budget: ErrorBudget
    calib_err: float
    limit_reason: LimitReason | None
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


@dataclass(frozen=True)
class LightCurvePoint:
    """A point as the shared light curve shows it; parts unknown to old archives are None."""

    id: str
    revision: int
    kind: PointKind
    mjd: float
    mag: float
    mag_err: float | None
    mag_err_total: float | None
    calib_err: float | None
    band: str
    observatory: str
    withdrawn: bool = False


@dataclass(frozen=True)
class LightCurve:
    """Points of one event, by MJD."""

    event: str
    points: tuple[LightCurvePoint, ...]


def point_id(ivorn: str, sha256: str, hdu: int) -> str:
    """Return the UUIDv5 of a point: event, content of the file, HDU.

    The same frame for the same event has the same id on every machine, so that sending twice is
    harmless.
    """
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, ivorn), f"{sha256}:{hdu}"))


def average_id(ivorn: str, frames: Iterable[tuple[str, int]]) -> str:
    """Return the UUIDv5 of the average of several frames: event, and the frames as a set.

    The same frames for the same event are the same point on every machine and in any order; it is
    another point than that of any single frame.

    Parameters
    ----------
    ivorn : str
    frames : iterable of (str, int)
        SHA-256 and HDU.
    """
    words = "\n".join(sorted(f"{sha256}:{hdu}" for sha256, hdu in frames))
    digest = hashlib.sha256(words.encode()).hexdigest()
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, ivorn), f"average:{digest}"))
