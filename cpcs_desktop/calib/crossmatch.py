"""Which sources are which reference stars: matching in two stages.

First generously, mutual nearest neighbours on the sphere; then the residuals of all pairs give the
frame's astrometric offset and scatter, and pairs that do not belong are marked. The list of pairs
never depends on which band was asked for, nor on the order of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cpcs_desktop.calib.mixture import N_PARAMETERS, membership
from cpcs_desktop.calib.neighbours import Pairs, close_pairs, mutual_nearest
from cpcs_desktop.calib.posterior import highest_maxima
from cpcs_desktop.datamodel.matches import MatchTable, WhyRejected
from cpcs_desktop.datamodel.settings import CalibrationSettings
from cpcs_desktop.datamodel.sources import SourceCatalog, SourceFlag
from cpcs_desktop.datamodel.survey import ReferenceCatalog, StarFlag

Array = NDArray[np.float64]

UNUSABLE = SourceFlag.SATURATED | SourceFlag.TRUNCATED | SourceFlag.APERTURE_INCOMPLETE
_ARCSEC = np.pi / (180.0 * 3600.0)
_MOST_PAIRS_IN_FIT = 250  # their offset is known to hundredths of an arcsec, sigma to 3 %
_ROUNDING_ARCSEC = 0.02  # no position is better than its last digit
_BELONGS = 0.05  # joint membership below which a pair is taken for a wrong match


def unit_vectors(ra: Array, dec: Array) -> Array:
    """Return unit vectors, shape (n, 3), of positions in degrees."""
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def tangent_plane(ra: Array, dec: Array, centre: tuple[float, float]) -> tuple[Array, Array]:
    """Return gnomonic coordinates (east, north) in arcsec about a centre in degrees.

    Safe across RA 0/360 and at the poles.
    """
    a, a0, d, d0 = (np.radians(t) for t in (ra, centre[0], dec, centre[1]))
    depth = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a - a0)
    depth = np.where(depth > 1e-3, depth, np.nan)  # beyond the horizon of the plane
    east = np.cos(d) * np.sin(a - a0) / depth
    north = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a - a0)) / depth
    return east / _ARCSEC, north / _ARCSEC


def usable_sources(sources: SourceCatalog, settings: CalibrationSettings) -> NDArray[np.bool_]:
    """Say which sources may be compared with reference stars, shape (n,)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.isfinite(sources.ra)
            & np.isfinite(sources.dec)
            & (sources.mag_inst < settings.max_instrumental_mag)
            & (sources.mag_inst_err >= 0)
            & (sources.mag_inst_err <= settings.max_mag_err)
            & ((sources.flags & int(UNUSABLE)) == 0)
        )


def usable_stars(stars: ReferenceCatalog, settings: CalibrationSettings) -> NDArray[np.bool_]:
    """Say which reference stars have at least one usable magnitude, shape (n,)."""
    with np.errstate(invalid="ignore"):
        good = np.isfinite(stars.mag) & (stars.mag_err <= settings.max_reference_err)
    bad_flags = int(StarFlag.POOR_QUALITY | StarFlag.VARIABLE | StarFlag.BLENDED)
    return np.asarray(good.any(axis=1) & ((stars.flags & bad_flags) == 0))


@dataclass(frozen=True)
class _Pairs:
    """Mutual nearest neighbours; residuals in arcsec."""

    source_row: NDArray[np.int64]
    star_row: NDArray[np.int64]
    dx: Array
    dy: Array
    near: Pairs
    chosen: NDArray[np.int64]
    generous: float

    def brightest(self, sources: SourceCatalog) -> NDArray[np.int64]:
        """Return the places of those that tell the frame's offset and scatter."""
        order = np.argsort(sources.mag_inst_err[self.source_row], kind="stable")
        return np.sort(order[:_MOST_PAIRS_IN_FIT])


@dataclass(frozen=True)
class _Residuals:
    """Frame offset and scatter from pair residuals; arcsec."""

    offset: tuple[float, float]
    sigma: float
    belongs: NDArray[np.bool_]


def crossmatch(
    sources: SourceCatalog,
    references: Mapping[str, ReferenceCatalog],
    settings: CalibrationSettings,
    centre: tuple[float, float],
    pixel_scale_arcsec: float | None = None,
) -> dict[str, MatchTable]:
    """Match sources with the stars of every survey; each for itself.

    Parameters
    ----------
    sources : SourceCatalog
    references : mapping from survey key to ReferenceCatalog
        At the frame's epoch.
    settings : CalibrationSettings
    centre : (float, float)
        RA and Dec of the tangent plane's centre, degrees.
    pixel_scale_arcsec : float, optional
        Makes the generous radius at least 1.5 pixels.
    """
    source_row = np.flatnonzero(usable_sources(sources, settings))
    generous = max(
        settings.generous_radius_arcsec,
        1.5 * (pixel_scale_arcsec or 0.0),
        settings.match_radius_arcsec or 0.0,
    )
    xyz = unit_vectors(sources.ra[source_row], sources.dec[source_row])
    pairs: dict[str, _Pairs] = {}
    for key, stars in references.items():
        star_row = np.flatnonzero(usable_stars(stars, settings))
        if len(source_row) and len(star_row):
            pairs[key] = _pairs(sources, source_row, xyz, stars, star_row, centre, generous)
    residuals = _clean(pairs, sources, settings)
    return {
        key: _table(sources, references[key], pairs[key], residuals[key], settings)
        if key in pairs
        else _empty_table(key, float(settings.match_radius_arcsec or generous))
        for key in references
    }


def _chord(arcsec: float) -> float:
    """Return the straight line between two points that far apart on the unit sphere."""
    return float(2.0 * np.sin(0.5 * arcsec * _ARCSEC))


def _pairs(
    sources: SourceCatalog,
    source_row: NDArray[np.int64],
    source_xyz: Array,
    stars: ReferenceCatalog,
    star_row: NDArray[np.int64],
    centre: tuple[float, float],
    generous: float,
) -> _Pairs:
    """Find mutual nearest neighbours within the generous radius."""
    star_xyz = unit_vectors(stars.ra[star_row], stars.dec[star_row])
    near = close_pairs(source_xyz, star_xyz, _chord(generous))
    chosen, of_stars = mutual_nearest(near, len(source_xyz), len(star_xyz))
    source_row, star_row = source_row[chosen], star_row[of_stars]
    # the rows' order in a file must not matter, not even in the last bit of a sum
    order = np.lexsort((sources.dec[source_row], sources.ra[source_row]))
    source_row, star_row, chosen = source_row[order], star_row[order], chosen[order]
    x, y = tangent_plane(sources.ra[source_row], sources.dec[source_row], centre)
    x0, y0 = tangent_plane(stars.ra[star_row], stars.dec[star_row], centre)
    return _Pairs(source_row, star_row, x - x0, y - y0, near, chosen, generous)


def _table(
    sources: SourceCatalog,
    stars: ReferenceCatalog,
    pairs: _Pairs,
    residuals: _Residuals,
    settings: CalibrationSettings,
) -> MatchTable:
    """Mark the pairs that do not belong, and judge the rest."""
    radius = settings.match_radius_arcsec
    limit = radius if radius is not None else max(1.0, 2.0 * residuals.sigma)
    limit = min(limit, pairs.generous)
    separation = np.hypot(pairs.dx - residuals.offset[0], pairs.dy - residuals.offset[1])
    why = np.full(len(separation), WhyRejected.NOT_REJECTED, dtype=np.int8)
    why[~residuals.belongs] = WhyRejected.SEPARATION
    if radius is not None:
        why[separation > radius] = WhyRejected.OUTSIDE_RADIUS
    within = pairs.near.one[pairs.near.chord2 <= _chord(limit) ** 2]
    stars_near = np.bincount(within, minlength=pairs.chosen.max(initial=-1) + 1)[pairs.chosen]
    correlation, p_shuffled = _correlation(
        sources, stars, pairs.source_row, pairs.star_row, why == 0
    )
    return MatchTable(
        survey=stars.survey,
        source_row=pairs.source_row,
        star_row=pairs.star_row,
        separation_arcsec=separation,
        dra_arcsec=pairs.dx,
        ddec_arcsec=pairs.dy,
        ambiguous=np.asarray(stars_near > 1),
        why_rejected=why,
        offset_arcsec=residuals.offset,
        sigma_radec_arcsec=residuals.sigma,
        radius_arcsec=float(limit),
        correlation=correlation,
        p_shuffled=p_shuffled,
    )


def _empty_table(survey: str, radius: float) -> MatchTable:
    """Return a table without pairs."""
    rows, numbers = np.zeros(0, dtype=np.int64), np.zeros(0)
    nan = float("nan")
    return MatchTable(
        survey=survey,
        source_row=rows,
        star_row=rows,
        separation_arcsec=numbers,
        dra_arcsec=numbers,
        ddec_arcsec=numbers,
        ambiguous=np.zeros(0, dtype=bool),
        why_rejected=np.zeros(0, dtype=np.int8),
        offset_arcsec=(0.0, 0.0),
        sigma_radec_arcsec=nan,
        radius_arcsec=radius,
        correlation=nan,
        p_shuffled=nan,
    )


def _clean(
    pairs: Mapping[str, _Pairs], sources: SourceCatalog, settings: CalibrationSettings
) -> dict[str, _Residuals]:
    """Find each survey's common offset and scatter, and the pairs that share them."""
    many = [k for k, p in pairs.items() if len(p.dx) >= settings.min_pairs_for_cleaning]
    samples = []
    for key in many:
        chosen = pairs[key].brightest(sources)
        for axis in _scaled(pairs[key]):
            samples.append((axis[chosen], _rounding(pairs[key], len(chosen))))
    modes = highest_maxima(samples).reshape(len(many), 2, N_PARAMETERS)
    answer = {key: _cleaned(pairs[key], theta) for key, theta in zip(many, modes, strict=True)}
    return answer | {k: _cleaned_few(p) for k, p in pairs.items() if k not in answer}


def _scaled(pairs: _Pairs) -> Array:
    """Return the residuals (2, n) in units of twice the generous radius.

    The mixture's priors are in magnitudes: this plays the part of one.
    """
    return np.stack([pairs.dx, pairs.dy]) / (2.0 * pairs.generous)


def _rounding(pairs: _Pairs, n: int) -> Array:
    """Return the variance of n rounded positions in the same units."""
    return np.full(n, (_ROUNDING_ARCSEC / (2.0 * pairs.generous)) ** 2)


def _cleaned(pairs: _Pairs, modes: Array) -> _Residuals:
    unit = 2.0 * pairs.generous
    joint = np.ones(len(pairs.dx))
    for residual, theta in zip(_scaled(pairs), modes, strict=True):
        joint *= membership(theta, residual, _rounding(pairs, len(residual)))
    sigma_x, sigma_y = np.exp(modes[:, 1]) * unit
    return _Residuals(
        (float(modes[0, 0]) * unit, float(modes[1, 0]) * unit),
        float(np.sqrt(0.5 * (sigma_x**2 + sigma_y**2))),
        np.asarray(joint >= _BELONGS),
    )


def _cleaned_few(pairs: _Pairs) -> _Residuals:
    """Judge a handful of pairs by medians."""
    dx, dy, n = pairs.dx, pairs.dy, len(pairs.dx)
    if n == 0:
        return _Residuals((0.0, 0.0), float("nan"), np.zeros(0, dtype=bool))
    offset = float(np.median(dx)), float(np.median(dy))
    mad_x = 1.4826 * float(np.median(np.abs(dx - offset[0])))
    mad_y = 1.4826 * float(np.median(np.abs(dy - offset[1])))
    sigma = float(np.sqrt(0.5 * (mad_x**2 + mad_y**2))) if n >= 3 else float("nan")
    away = np.hypot(dx - offset[0], dy - offset[1])
    floor = max(5.0 * sigma, 0.2 * pairs.generous) if n >= 3 else pairs.generous
    return _Residuals(offset, sigma, np.asarray(away <= floor))


def _correlation(
    sources: SourceCatalog,
    stars: ReferenceCatalog,
    source_row: NDArray[np.int64],
    star_row: NDArray[np.int64],
    kept: NDArray[np.bool_],
) -> tuple[float, float]:
    """Return the rank correlation of the magnitudes and the chance of it after shuffling.

    The band with most values is used. Under shuffling Spearman's rho times sqrt(n - 1) is normal
    to the accuracy needed (Kendall & Stuart, section 31.19); no random numbers.
    """
    source_row, star_row = source_row[kept], star_row[kept]
    if len(star_row) < 3:
        return float("nan"), float("nan")
    band = int(np.argmax(np.isfinite(stars.mag[star_row]).sum(axis=0)))
    mag_ref, mag_inst = stars.mag[star_row, band], sources.mag_inst[source_row]
    both = np.isfinite(mag_ref)
    if both.sum() < 3:
        return float("nan"), float("nan")
    a, b = _ranks(mag_inst[both]), _ranks(mag_ref[both])
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan"), float("nan")
    rho = float(np.corrcoef(a, b)[0, 1])
    return rho, float(ndtr(-rho * np.sqrt(both.sum() - 1.0)))


def _ranks(values: Array) -> Array:
    """Return ranks from 1, equal values sharing the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - 0.5 * (count - 1))[place])
