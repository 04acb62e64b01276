"""One row of the night: a frame (or list) looked at for one event."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.sources import Exposure

_LEVELS = ("green", "unavailable", "amber", "red")


class FrameState(StrEnum):
    """How far the work on a row has come."""

    QUEUED = "queued"
    EXTRACTING = "extracting"
    EXTRACTED = "extracted"
    CALIBRATED = "calibrated"
    FAILED = "failed"


class Verdict(StrEnum):
    """What the observer says of a frame for one event."""

    UNDECIDED = "undecided"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class RejectReason(StrEnum):
    """Why a frame was rejected; a short list, so that rejections can be counted."""

    CLOUD = "cloud"
    TRAIL = "trail"
    BLEND = "blend"
    FOCUS = "focus"
    MOON = "moon"
    OTHER = "other"


@dataclass(frozen=True)
class Decisions:
    """Everything the observer decided about one row; undo puts an older one back.

    Parameters
    ----------
    event : str or None
        ivorn; None for a bare position or when not yet known.
    target : (float, float) or None
        RA and Dec, degrees.
    request : str
        Band request as written, ``no`` for automatic.
    magnitude_kind : str
        ``AUTO`` or ``APER``.
    match_radius_arcsec : float or None
        None is automatic.
    excluded : frozenset of int
        Rows of the SourceCatalog taken out of the fits.
    verdict : Verdict
    reject_reason : RejectReason or None
    revision : int
        Revision of the point that was accepted last; 0 when none was.
    mjd, exposure_s : float or None
        Given by the observer where the input has none.
    comment : str
        Goes with the point.
    present : bool
        False when the row was taken off the board.
    psf : bool
        Whether the target is measured by a PSF fit together with its neighbours.
    average : str or None
        Id of the point in which this row was averaged with others.
    check_star : (float, float) or None
        RA and Dec, degrees, of the constant star the observer chose; None is automatic.
    """

    event: str | None = None
    target: tuple[float, float] | None = None
    request: str = "no"
    magnitude_kind: str = "AUTO"
    match_radius_arcsec: float | None = 2.0
    excluded: frozenset[int] = frozenset()
    verdict: Verdict = Verdict.UNDECIDED
    reject_reason: RejectReason | None = None
    revision: int = 0
    mjd: float | None = None
    exposure_s: float | None = None
    comment: str = ""
    present: bool = True
    psf: bool = False
    average: str | None = None
    check_star: tuple[float, float] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the decisions JSON-ready."""
        return asdict(self) | {"excluded": sorted(self.excluded)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Decisions:
        """Read what :meth:`as_json` wrote."""
        target, reason = stored["target"], stored["reject_reason"]
        check = stored.get("check_star")
        return cls(
            **stored
            | {
                "target": None if target is None else (float(target[0]), float(target[1])),
                "excluded": frozenset(stored["excluded"]),
                "verdict": Verdict(stored["verdict"]),
                "check_star": None if check is None else (float(check[0]), float(check[1])),
                "reject_reason": None if reason is None else RejectReason(reason),
            }
        )

    @property
    def changes_fit(self) -> tuple[Any, ...]:
        """The part on which the measured magnitude depends."""
        return (
            self.event,
            self.target,
            self.request,
            self.magnitude_kind,
            self.match_radius_arcsec,
            self.excluded,
            self.mjd,
            self.exposure_s,
            self.psf,
        )


@dataclass(frozen=True)
class FrameFacts:
    """What the board shows of a row; kept, so that a reopened night is there at once.

    Magnitudes in mag, FWHM in pixels, times in MJD and seconds; None where unknown. ``hjd`` is UTC,
    ``bjd`` TDB, both from the geocentre. ``stars`` are those around the target, each RA and Dec
    (degrees), magnitude, error and membership: the check star is one of them.
    """

    frame_id: str | None = None
    kind: str | None = None
    hdu: int = 0
    mjd: float | None = None
    exposure_s: float | None = None
    filter_header: str | None = None
    instrument: str | None = None
    airmass: float | None = None
    fwhm_pix: float | None = None
    n_sources: int | None = None
    band: str | None = None
    ambiguous: bool = False
    zero_point: float | None = None
    zero_point_err: float | None = None
    scatter: float | None = None
    n_used: float | None = None
    mag: float | None = None
    mag_err: float | None = None
    mag_err_total: float | None = None
    limit_reason: str | None = None
    worst_check: str | None = None
    hjd: float | None = None
    bjd: float | None = None
    stars: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> FrameFacts:
        """Read what was kept."""
        return cls(**stored | {"stars": tuple(tuple(s) for s in stored.get("stars", ()))})

    @classmethod
    def of_exposure(cls, exposure: Exposure, times: Decisions) -> FrameFacts:
        """Facts known before any calibration."""
        frame, sources = exposure.frame, exposure.sources()
        fwhm = sources.fwhm[np.isfinite(sources.fwhm) & (sources.fwhm > 0)]
        return cls(
            frame_id=frame.id,
            kind=frame.kind,
            hdu=frame.hdu,
            mjd=frame.mjd if times.mjd is None else times.mjd,
            exposure_s=frame.exposure_s if times.exposure_s is None else times.exposure_s,
            filter_header=frame.filter_header,
            instrument=frame.instrument,
            airmass=frame.airmass,
            fwhm_pix=float(np.median(fwhm)) if len(fwhm) else None,
            n_sources=len(sources),
        )

    def without_result(self) -> FrameFacts:
        """Return the facts of the exposure alone."""
        kept = (
            "frame_id kind hdu mjd exposure_s filter_header instrument airmass fwhm_pix n_sources"
        )
        return FrameFacts(**{name: getattr(self, name) for name in kept.split()})

    def with_result(self, calibration: Calibration) -> FrameFacts:
        """Add what the calibration found."""
        from cpcs_desktop.io.light_curve_table import sun_and_barycentre_dates
        from cpcs_desktop.session.check_star import stars_around

        mjd = calibration.exposure.frame.mjd
        hjd = bjd = None
        if mjd is not None:
            dates = sun_and_barycentre_dates(np.array([mjd]), *calibration.target)
            hjd, bjd = (float(date[0]) for date in dates)
        fit, measured = calibration.chosen, calibration.measurement
        levels = [check.level for check in calibration.checks]
        return replace(
            self,
            mjd=mjd,
            hjd=hjd,
            bjd=bjd,
            stars=stars_around(calibration),
            exposure_s=calibration.exposure.frame.exposure_s,
            band=calibration.choice.band,
            ambiguous=calibration.choice.ambiguous,
            zero_point=fit.zero_point,
            zero_point_err=fit.zero_point_err,
            scatter=fit.scatter,
            n_used=fit.n_used,
            mag=measured.mag,
            mag_err=measured.mag_err,
            mag_err_total=measured.mag_err_total,
            limit_reason=measured.limit_reason,
            worst_check=max(levels, key=_LEVELS.index) if levels else None,
        )


@dataclass(frozen=True)
class NightFrame:
    """One row of the night board.

    Parameters
    ----------
    key : int
        Number of the row, never used twice.
    path : str
        As the observer gave it.
    state : FrameState
    decisions : Decisions
    facts : FrameFacts
    error : CpcsError or None
        Why the work stopped; only for ``FAILED``.
    thumbnail : bytes
        PNG, empty where there is none.
    """

    key: int
    path: str
    state: FrameState = FrameState.QUEUED
    decisions: Decisions = field(default_factory=Decisions)
    facts: FrameFacts = field(default_factory=FrameFacts)
    error: CpcsError | None = None
    thumbnail: bytes = b""

    @property
    def is_limit(self) -> bool:
        """Whether the result is an upper limit."""
        return self.facts.limit_reason is not None
