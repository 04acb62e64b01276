"""The target on one exposure: a magnitude with its error budget, or a limit with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.calib.crossmatch import tangent_plane
from cpcs_desktop.calib.limits import (
    BLANK_SKY,
    ERROR_MODEL,
    aperture_correction,
    blank_sky_limit,
    list_limit,
)
from cpcs_desktop.calib.transforms import COMMON_DOUBT
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.datamodel.matches import MatchTable
from cpcs_desktop.datamodel.point import ErrorBudget, LimitReason, Measurement
from cpcs_desktop.datamodel.sources import Exposure, SourceCatalog
from cpcs_desktop.datamodel.survey import ReferenceSurvey

Array = NDArray[np.float64]

_NEAR_HULL = 0.05  # of the field's extent: a list's hull lies a little inside its frame
_PLAUSIBLE_ARCSEC = 5.0


@dataclass(frozen=True)
class TargetPlace:
    """Where the target is among the sources.

    Parameters
    ----------
    separation_arcsec : ndarray of float64, shape (n,)
        Of every source from the target, the frame's offset taken out.
    source_row : int or None
        The target's own row, None when it was not found.
    radius_arcsec : float
        Acceptance radius.
    """

    separation_arcsec: Array
    source_row: int | None
    radius_arcsec: float


def locate_target(
    sources: SourceCatalog,
    target: tuple[float, float],
    offset_arcsec: tuple[float, float],
    radius_arcsec: float,
) -> TargetPlace:
    """Find the nearest measured source inside the acceptance radius.

    Parameters
    ----------
    sources : SourceCatalog
    target : (float, float)
        RA and Dec, degrees.
    offset_arcsec : (float, float)
        The frame's mean offset (source minus reference star), taken out first.
    radius_arcsec : float
    """
    east, north = tangent_plane(sources.ra, sources.dec, target)
    separation = np.hypot(east - offset_arcsec[0], north - offset_arcsec[1])
    measured = np.isfinite(separation) & np.isfinite(sources.mag_inst)
    separation = np.where(measured, separation, np.inf)
    nearest = int(np.argmin(separation)) if len(separation) else -1
    found = nearest >= 0 and separation[nearest] <= radius_arcsec
    return TargetPlace(separation, nearest if found else None, radius_arcsec)


def require_inside(exposure: Exposure, sources: SourceCatalog, target: tuple[float, float]) -> None:
    """Make sure that the target lies on the frame.

    Raises
    ------
    CpcsError
        Code ``target_outside``.
    """
    frame = exposure.frame
    if frame.wcs is not None and frame.shape is not None:
        x, y = (float(t) for t in frame.wcs.all_world2pix(*target, 0, quiet=True))
        ny, nx = frame.shape
        inside = -0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5
        east, north = tangent_plane(np.array([target[0]]), np.array([target[1]]), _centre(sources))
        inside = inside and bool(np.isfinite(east[0]) and np.isfinite(north[0]))
    else:
        inside = _in_hull(sources, target)
    if not inside:
        raise CpcsError(
            "target_outside",
            f"The target at {target[0]:.5f}, {target[1]:+.5f} is not on this frame.",
            "Check the position of the event and the frame's coordinates.",
            {"n_sources": len(sources)},
        )


def _centre(sources: SourceCatalog) -> tuple[float, float]:
    """Return the direction of the mean of all sources, degrees."""
    ra, dec = np.radians(sources.ra), np.radians(sources.dec)
    known = np.isfinite(ra) & np.isfinite(dec)
    x = np.mean(np.cos(dec[known]) * np.cos(ra[known]))
    y = np.mean(np.cos(dec[known]) * np.sin(ra[known]))
    z = np.mean(np.sin(dec[known]))
    return float(np.degrees(np.arctan2(y, x)) % 360.0), float(
        np.degrees(np.arctan2(z, np.hypot(x, y)))
    )


def _in_hull(sources: SourceCatalog, target: tuple[float, float]) -> bool:
    """Say whether the target lies inside the outline of a list, with a small margin."""
    from scipy.spatial import ConvexHull, QhullError  # slow to import; frames need it not

    east, north = tangent_plane(sources.ra, sources.dec, target)
    known = np.isfinite(east) & np.isfinite(north)
    points = np.stack([east[known], north[known]], axis=1)
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):
        # fewer than three sources or all on a line: nothing can be said against the target
        return bool(len(points))
    margin = _NEAR_HULL * float(np.ptp(points, axis=0).max())
    return bool(np.all(hull.equations[:, 2] <= margin))


def measure(
    exposure: Exposure,
    sources: SourceCatalog,
    fit: ZeroPointFit,
    place: TargetPlace,
    target: tuple[float, float],
    *,
    survey: ReferenceSurvey,
    matches: Mapping[str, MatchTable],
    limit_snr: float,
    bad_pixel: bool = False,
) -> Measurement:
    """Measure the target with one band's zero point.

    Raises
    ------
    CpcsError
        ``astrometry_wrong`` when the target was not found but a source that is no reference star
        lies just outside the radius; ``no_limit`` when neither frame nor list tells the depth.
    """
    budget = _budget(fit, survey, photon=None)
    if place.source_row is not None:
        row = place.source_row
        err = float(sources.mag_inst_err[row])
        photon = err if np.isfinite(err) else None
        return Measurement(
            kind="DETECTION",
            mag=float(sources.mag_inst[row]) + fit.zero_point,
            mag_err=photon,
            error_budget=_budget(fit, survey, photon),
            source_row=row,
            ra=float(sources.ra[row]),
            dec=float(sources.dec[row]),
            offset_arcsec=float(place.separation_arcsec[row]),
        )
    depth, method = _depth(exposure, sources, target, limit_snr)
    if depth is None:
        raise CpcsError(
            "no_limit",
            "The target was not found and the depth of this list cannot be told: too few sources"
            " with errors.",
            "Use the frame itself or a list with magnitude errors.",
        )
    _require_no_near_miss(sources, place, matches, depth)
    reason = _why(exposure, sources, place, bad_pixel)
    return Measurement(
        kind="UPPER_LIMIT",
        mag=depth + fit.zero_point,
        mag_err=None,
        error_budget=budget,
        limit_reason=reason,
        limit_method=method,
    )


def _budget(fit: ZeroPointFit, survey: ReferenceSurvey, photon: float | None) -> ErrorBudget:
    """Add up what is known of the errors.

    The colour part is the band's residual slope times the spread of colours: a target of unknown
    colour may lie anywhere among its references.
    """
    known = fit.colour[np.isfinite(fit.colour)]
    colour = None
    if len(known) >= 5 and np.isfinite(fit.colour_slope):
        colour = float(abs(fit.colour_slope) * np.std(known))
    doubt = COMMON_DOUBT.get(fit.band, 0.0)
    return ErrorBudget(
        photon=photon,
        zero_point=fit.zero_point_err,
        scatter=fit.scatter,
        colour=colour,
        survey=float(np.hypot(survey.systematic_err, doubt)),
    )


def _depth(
    exposure: Exposure, sources: SourceCatalog, target: tuple[float, float], snr: float
) -> tuple[float | None, str]:
    """Return the instrumental limit in the calibrated kind of magnitude, and how it was found."""
    frame = exposure.frame
    if exposure.blank_sky is not None and frame.wcs is not None:
        x, y = (float(t) for t in frame.wcs.all_world2pix(*target, 0, quiet=True))
        limit = blank_sky_limit(exposure.blank_sky, x, y, snr)
        if limit is not None:
            diameter = exposure.blank_sky.aperture_diameter_pix
            return (
                limit + aperture_correction(exposure, sources),
                f"{snr:g} sigma in {BLANK_SKY}, diameter {diameter:.1f} pixels",
            )
    return list_limit(sources, snr), f"{snr:g} sigma by the {ERROR_MODEL}"


def _require_no_near_miss(
    sources: SourceCatalog,
    place: TargetPlace,
    matches: Mapping[str, MatchTable],
    depth: float,
) -> None:
    """Refuse a limit where a bright unidentified source lies just outside the radius."""
    matched = np.unique(np.concatenate([table.source_row for table in matches.values()]))
    # a source is plausible when the surveys would have known it had it been a star
    known = sources.mag_inst[matched]
    known = known[np.isfinite(known)]
    reach = float(np.quantile(known, 0.9)) if len(known) else -np.inf
    outer = max(_PLAUSIBLE_ARCSEC, 3.0 * place.radius_arcsec)
    for row in np.flatnonzero(place.separation_arcsec <= outer):
        if int(row) not in matched and sources.mag_inst[row] < min(reach, depth - 1.0):
            away = float(place.separation_arcsec[row])
            raise CpcsError(
                "astrometry_wrong",
                f"No source lies within {place.radius_arcsec:.1f} arcsec of the target, but a"
                f" bright one that no survey knows lies at {away:.1f} arcsec.",
                "Check the frame's astrometry, or use a larger match radius.",
                {"nearest_arcsec": round(away, 2)},
            )


def _why(
    exposure: Exposure, sources: SourceCatalog, place: TargetPlace, bad_pixel: bool
) -> LimitReason:
    """Return the reason of a limit."""
    if bad_pixel:
        return "bad_pixel"
    scale = exposure.frame.pixel_scale_arcsec
    fwhm = sources.fwhm[np.isfinite(sources.fwhm) & (sources.fwhm > 0)]
    seeing = float(np.median(fwhm)) * scale if len(fwhm) and scale else place.radius_arcsec
    reach = max(1.5 * seeing, place.radius_arcsec)
    return "blended" if bool(np.any(place.separation_arcsec <= reach)) else "too_faint"
