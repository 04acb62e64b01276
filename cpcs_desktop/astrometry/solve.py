"""Solving a frame's plate against reference stars around a roughly known position."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cpcs_desktop.astrometry.fit import (
    PlaneFit,
    best_degree,
    fit_plane,
    match_and_fit,
    wcs_of,
)
from cpcs_desktop.astrometry.search import FoundMap, find_map
from cpcs_desktop.astrometry.tangent import Array, from_plane, to_plane
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.sources import Exposure, SourceFlag
from cpcs_desktop.datamodel.survey import ReferenceCatalog

if TYPE_CHECKING:
    from astropy.wcs import WCS

#: Scales searched when nothing is known, arcsec per pixel.
SCALE_RANGE = (0.2, 60.0)
#: A known scale may be wrong by this factor; hypotheses are this wide each way.
SCALE_DOUBT, SCALE_STEP = 2.0, 1.45
_FEWEST_STARS = 6
_MATCH_STEPS = ((1, 6.0), (1, 4.0), (2, 3.0), (3, 2.5))


@dataclass(frozen=True)
class Solution:
    """A solved plate.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
    matched : int or None
        Stars in the fit; None where another program does not say.
    rms_pix, rms_arcsec : float or None
        Scatter of one coordinate about the fit.
    scale_arcsec : float
        Arcsec per pixel.
    mirrored : bool
        Whether the image is mirrored (north up, east to the right).
    degree : int
        1 for a plain TAN, more with SIP.
    """

    wcs: WCS
    matched: int | None
    rms_pix: float | None
    rms_arcsec: float | None
    scale_arcsec: float
    mirrored: bool
    degree: int


def solve_frame(
    frame: Frame,
    exposure: Exposure,
    stars: ReferenceCatalog,
    center: tuple[float, float],
    radius: float | None = None,
    scale: float | None = None,
) -> WCS:
    """Return the WCS of a frame; see :func:`solve`."""
    return solve(frame, exposure, stars, center, radius, scale).wcs


def solve(
    frame: Frame,
    exposure: Exposure,
    stars: ReferenceCatalog,
    center: tuple[float, float],
    radius: float | None = None,
    scale: float | None = None,
) -> Solution:
    """Solve a frame's plate: any rotation and parity, scale known within a factor of two or not.

    Parameters
    ----------
    frame : Frame
        Its ``shape`` and ``pixel_scale_arcsec`` are used, not its WCS.
    exposure : Exposure
        Sources with pixels and fluxes.
    stars : ReferenceCatalog
        Stars around ``center``, of any survey.
    center : (float, float)
        RA and Dec, degrees, of a position not farther than ``radius`` from the frame's centre.
    radius : float, optional
        Degrees; default what the reference stars cover.
    scale : float, optional
        Arcsec per pixel; default the header's, else 0.2 to 60 are searched.

    Raises
    ------
    CpcsError
        ``no_solution``, naming what was tried; ``too_few_stars``.
    """
    shape = frame.shape
    if shape is None:
        raise CpcsError("no_solution", "A list has no plate to solve.", "Give the frame.")
    x, y = _image_stars(exposure, shape)
    ra, dec = _sky_stars(stars)
    if min(len(x), len(ra)) < _FEWEST_STARS:
        raise CpcsError(
            "too_few_stars",
            f"The plate cannot be solved with {len(x)} sources and {len(ra)} reference stars.",
            "Import a deeper survey for this field, or lower the threshold.",
            {"n_sources": len(x), "n_reference": len(ra)},
        )
    image = x + 1j * y
    hypotheses = scale_hypotheses(scale if scale is not None else frame.pixel_scale_arcsec)
    xi, eta = to_plane(ra, dec, center)
    sky = -xi + 1j * eta
    for scales in hypotheses:
        half = 0.5 * math.hypot(*shape) * scales[1]
        doubt = radius * 3600 if radius is not None else np.inf
        near = np.abs(sky) < half + doubt
        found = find_map(image, sky[near], shape, scales) if near.sum() >= _FEWEST_STARS else None
        if found is not None:
            solution = _refined(found, x, y, ra, dec, center, shape)
            if solution is not None:
                return solution
    low = min(s[0] for s in hypotheses)
    high = max(s[1] for s in hypotheses)
    raise CpcsError(
        "no_solution",
        f"No place around {center[0]:.4f} {center[1]:+.4f} looks like this frame.",
        f"Tried {len(x)} sources against {len(ra)} {stars.survey} stars at {low:.2g} to {high:.2g} "
        "arcsec per pixel, both parities. Check the position and the scale, or widen the radius.",
        {"n_sources": len(x), "n_reference": len(ra)},
    )


def scale_hypotheses(scale: float | None) -> list[tuple[float, float]]:
    """Return ranges of arcsec per pixel to try, the likeliest first."""
    if scale is not None:
        factors = (1.0, SCALE_STEP, 1 / SCALE_STEP)
        ranges = [(scale * f / 1.25, scale * f * 1.25) for f in factors]
        edges = [(scale * 1.6, scale * SCALE_DOUBT * 1.1), (scale / SCALE_DOUBT / 1.1, scale / 1.6)]
        return ranges + edges
    steps = math.ceil(math.log(SCALE_RANGE[1] / SCALE_RANGE[0]) / math.log(SCALE_STEP))
    edges_at = np.geomspace(*SCALE_RANGE, steps + 1)
    ranges = [(float(a) / 1.1, float(b) * 1.1) for a, b in pairwise(edges_at)]
    return sorted(ranges, key=lambda r: abs(math.log(math.sqrt(r[0] * r[1]) / 1.5)))


def with_wcs(exposure: Exposure, wcs: WCS, scale_arcsec: float) -> Exposure:
    """Return the exposure with positions, frame and scale of a new WCS."""
    catalogs = {}
    for kind, catalog in exposure.catalogs.items():
        ra, dec = wcs.all_pix2world(catalog.x, catalog.y, 0)
        catalogs[kind] = replace(catalog, ra=np.mod(ra, 360.0), dec=np.asarray(dec))
    guessed = exposure.frame.guessed - {"pixel_scale_arcsec"}
    frame = replace(exposure.frame, wcs=wcs, pixel_scale_arcsec=scale_arcsec, guessed=guessed)
    return replace(exposure, frame=frame, catalogs=catalogs)


def _image_stars(exposure: Exposure, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Return centred pixels, brightest first; specks and cut stars left out."""
    stars = exposure.sources("AUTO")
    good = np.isfinite(stars.flux) & (stars.flux > 0) & np.isfinite(stars.x)
    good &= stars.flags & int(SourceFlag.TRUNCATED) == 0
    width = float(np.nanmedian(stars.fwhm)) if np.isfinite(stars.fwhm).any() else math.nan
    if math.isfinite(width):
        good &= ~(stars.fwhm < 0.4 * width)
    order = np.flatnonzero(good)
    order = order[np.argsort(-stars.flux[order], kind="stable")]
    x, y = stars.x[order] - (shape[1] - 1) / 2, stars.y[order] - (shape[0] - 1) / 2
    return x, y


def _sky_stars(stars: ReferenceCatalog) -> tuple[Array, Array]:
    """Return positions, brightest first in the band that most stars have."""
    if len(stars) == 0:
        return np.empty(0), np.empty(0)
    known = np.isfinite(stars.mag).sum(axis=0)
    mag = stars.mag[:, int(np.argmax(known))] if stars.mag.shape[1] else np.zeros(len(stars))
    order = np.argsort(np.where(np.isfinite(mag), mag, 99.0), kind="stable")
    return stars.ra[order], stars.dec[order]


def _refined(
    found: FoundMap,
    x: Array,
    y: Array,
    ra: Array,
    dec: Array,
    center: tuple[float, float],
    shape: tuple[int, int],
) -> Solution | None:
    """Turn a rough map into a fit of all stars, about a tangent point at the image's centre."""
    middle = found.sky_of(np.zeros(1, dtype=np.complex128))
    ra0, dec0 = from_plane(-middle.real, middle.imag, center)
    tangent = (float(ra0[0]), float(dec0[0]))
    corners = np.array([0, 1, 1j, 1 + 1j], dtype=np.complex128) * 0.3 * min(shape)
    plane = found.sky_of(corners)
    sky = from_plane(-plane.real, plane.imag, center)
    fit = fit_plane(corners.real, corners.imag, *sky, tangent, 1)
    source = star = np.empty(0, dtype=np.int64)
    for degree, radius in _MATCH_STEPS:
        if degree > 1 and len(source) < 30 * degree:
            break
        fit, source, star = match_and_fit(fit, x, y, ra, dec, degree, radius)
    if len(source) < _FEWEST_STARS:
        return None
    degree = best_degree(x[source], y[source], ra[star], dec[star], tangent)
    fit, source, star = match_and_fit(fit, x, y, ra, dec, degree, max(1.0, 4 * fit.rms_pix))
    fit, source, star = match_and_fit(fit, x, y, ra, dec, degree, max(1.0, 4 * fit.rms_pix))
    used = int(fit.used.sum())
    if used < _FEWEST_STARS:
        return None
    return _solution(fit, found, used, shape)


def _solution(fit: PlaneFit, found: FoundMap, used: int, shape: tuple[int, int]) -> Solution:
    return Solution(
        wcs=wcs_of(fit, shape),
        matched=used,
        rms_pix=fit.rms_pix,
        rms_arcsec=fit.rms_pix * fit.scale,
        scale_arcsec=fit.scale,
        mirrored=found.mirrored,
        degree=fit.degree,
    )
