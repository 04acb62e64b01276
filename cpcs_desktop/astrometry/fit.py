"""Fitting a WCS to matched stars: TAN, with SIP terms when the residuals ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cpcs_desktop.astrometry.tangent import ARCSEC, from_plane, to_plane

if TYPE_CHECKING:
    from astropy.wcs import WCS

Array = NDArray[np.float64]
#: A higher degree must shrink the held-out residual by this factor to be taken.
_WORTH = 0.85
_LARGEST_DEGREE = 4
_STARS_PER_TERM = 8


@dataclass(frozen=True)
class PlaneFit:
    """Polynomials from centred pixels to a tangent plane.

    Parameters
    ----------
    degree : int
    east, north : ndarray of float64
        Coefficients of the terms of :func:`terms`, arcsec.
    centre : (float, float)
        Tangent point, degrees.
    rms_pix : float
        Scatter of one coordinate, pixels.
    used : ndarray of bool
        Pairs kept.
    """

    degree: int
    east: Array
    north: Array
    centre: tuple[float, float]
    rms_pix: float
    used: NDArray[np.bool_]

    @property
    def scale(self) -> float:
        """Arcsec per pixel at the centre."""
        return float(np.sqrt(abs(self.east[1] * self.north[2] - self.east[2] * self.north[1])))

    def plane_of(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Map centred pixels to the tangent plane, arcsec."""
        grid = terms(x, y, self.degree)
        return grid @ self.east, grid @ self.north


def exponents(degree: int) -> list[tuple[int, int]]:
    """Return the powers (p, q) of x and y up to this degree: 1, x, y, x2, xy, y2 ..."""
    return [(n - q, q) for n in range(degree + 1) for q in range(n + 1)]


def terms(x: Array, y: Array, degree: int) -> Array:
    """Return the powers of centred pixels, shape (n, terms)."""
    return np.column_stack([x**p * y**q for p, q in exponents(degree)])


def fit_plane(
    x: Array, y: Array, ra: Array, dec: Array, centre: tuple[float, float], degree: int
) -> PlaneFit:
    """Fit polynomials by least squares, clipping pairs that do not belong (3.5 robust sigma)."""
    xi, eta = to_plane(ra, dec, centre)
    reach = max(float(np.abs(x).max()), float(np.abs(y).max()), 1.0)
    grid = terms(x / reach, y / reach, degree)
    used = np.ones(len(x), dtype=bool)
    powers = np.array([reach ** -(p + q) for p, q in exponents(degree)])
    for _ in range(8):
        east = np.linalg.lstsq(grid[used], xi[used], rcond=None)[0]
        north = np.linalg.lstsq(grid[used], eta[used], rcond=None)[0]
        residual = np.hypot(xi - grid @ east, eta - grid @ north)
        sigma = 1.4826 * float(np.median(residual[used])) / 1.1774 + 1e-9
        kept = residual < 3.5 * sigma
        if kept.sum() < 2 * grid.shape[1] or (kept == used).all():
            break
        used = kept
    fit = PlaneFit(degree, east * powers, north * powers, centre, 0.0, used)
    rms = float(np.sqrt(np.mean(residual[used] ** 2) / 2)) / max(fit.scale, 1e-12)
    return PlaneFit(degree, fit.east, fit.north, centre, rms, used)


def match_and_fit(
    start: PlaneFit,
    x: Array,
    y: Array,
    ra: Array,
    dec: Array,
    degree: int,
    radius_pix: float,
) -> tuple[PlaneFit, NDArray[np.int64], NDArray[np.int64]]:
    """Match sources and stars under a fit (mutual nearest neighbours), and fit again.

    Returns
    -------
    fit, source_row, star_row
        Rows of the pairs that entered the fit.
    """
    xi, eta = to_plane(ra, dec, start.centre)
    sky = np.column_stack([xi, eta])
    image = np.column_stack(start.plane_of(x, y))
    known = np.isfinite(sky).all(axis=1)
    stars = np.flatnonzero(known)
    distance, nearest = cKDTree(sky[known]).query(image)
    _, back = cKDTree(image).query(sky[known])
    mutual = back[nearest] == np.arange(len(image))
    source = np.flatnonzero(mutual & (distance < radius_pix * start.scale))
    star = stars[nearest[source]]
    if len(source) < 2 * len(exponents(degree)):
        return start, source, star
    return fit_plane(x[source], y[source], ra[star], dec[star], start.centre, degree), source, star


def best_degree(x: Array, y: Array, ra: Array, dec: Array, centre: tuple[float, float]) -> int:
    """Choose the degree that predicts left-out stars best, the lower one when in doubt."""
    best, best_score = 1, np.inf
    fold = np.arange(len(x)) % 5
    for degree in range(1, _LARGEST_DEGREE + 1):
        if len(x) < _STARS_PER_TERM * len(exponents(degree)):
            break
        errors = []
        for part in range(5):
            kept = fold != part
            fit = fit_plane(x[kept], y[kept], ra[kept], dec[kept], centre, degree)
            xi, eta = to_plane(ra[~kept], dec[~kept], centre)
            east, north = fit.plane_of(x[~kept], y[~kept])
            errors.append(np.hypot(xi - east, eta - north))
        score = float(np.median(np.concatenate(errors)))
        if score < _WORTH * best_score:
            best, best_score = degree, score
    return best


def wcs_of(fit: PlaneFit, shape: tuple[int, int]) -> WCS:
    """Write a fit as a FITS WCS with the reference pixel at the image's centre.

    Degree 1 gives TAN; higher degrees TAN-SIP (Shupe et al. 2005): the linear terms are the CD
    matrix, the others, turned back by it, the SIP polynomials A and B.
    """
    from astropy.wcs import WCS, Sip

    ny, nx = shape
    constant = np.array([fit.east[0], fit.north[0]])
    ra, dec = from_plane(constant[:1], constant[1:], fit.centre)
    centre = (float(ra[0]), float(dec[0]))
    if float(np.hypot(*constant)) > 1e-6:
        # the tangent point moves to the image's centre: fit the same map about it
        axis_x, axis_y = np.linspace(-nx / 2, nx / 2, 25), np.linspace(-ny / 2, ny / 2, 25)
        x, y = (grid.ravel() for grid in np.meshgrid(axis_x, axis_y))
        sky = from_plane(*fit.plane_of(x, y), fit.centre)
        fit = _unclipped(x, y, *sky, centre, fit.degree)
    linear = np.array([[fit.east[1], fit.east[2]], [fit.north[1], fit.north[2]]])
    wcs = WCS(naxis=2)
    reference = [(nx + 1) / 2, (ny + 1) / 2]
    kind = "-SIP" if fit.degree > 1 else ""
    wcs.wcs.ctype = [f"RA---TAN{kind}", f"DEC--TAN{kind}"]
    wcs.wcs.crval = list(centre)
    wcs.wcs.crpix = reference
    wcs.wcs.cd = linear / ARCSEC
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.radesys = "ICRS"
    if fit.degree > 1:
        a, b = (np.zeros((fit.degree + 1,) * 2) for _ in range(2))
        turned = np.linalg.solve(linear, np.vstack([fit.east, fit.north]))
        for (p, q), along_x, along_y in zip(exponents(fit.degree), *turned, strict=True):
            if p + q > 1:
                a[p, q], b[p, q] = along_x, along_y
        wcs.sip = Sip(a, b, None, None, reference)
    wcs.wcs.set()
    return wcs


def _unclipped(
    x: Array, y: Array, ra: Array, dec: Array, centre: tuple[float, float], degree: int
) -> PlaneFit:
    xi, eta = to_plane(ra, dec, centre)
    reach = float(np.abs(np.concatenate([x, y])).max())
    grid = terms(x / reach, y / reach, degree)
    powers = np.array([reach ** -(p + q) for p, q in exponents(degree)])
    east = np.linalg.lstsq(grid, xi, rcond=None)[0] * powers
    north = np.linalg.lstsq(grid, eta, rcond=None)[0] * powers
    return PlaneFit(degree, east, north, centre, 0.0, np.ones(len(x), dtype=bool))
