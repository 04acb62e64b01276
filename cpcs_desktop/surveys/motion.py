"""Proper motion: where stars stood, or will stand, at another epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MAS = np.pi / 180.0 / 3.6e6  # radians


def unit_vectors(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors of positions in degrees, shape (3, n)."""
    a, d = np.radians(ra), np.radians(dec)
    cos_d = np.cos(d)
    return np.stack((cos_d * np.cos(a), cos_d * np.sin(a), np.sin(d)))


def move(
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    pmra: NDArray[np.floating],
    pmdec: NDArray[np.floating],
    years: float | NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Move stars along straight lines in space for a number of Julian years.

    The standard model without parallax and radial velocity (ESA 1997, The Hipparcos Catalogue,
    vol. 1, section 1.5.5): the unit vector grows by the tangential motion and is normalised, which
    holds at the poles and over RA 0/360, where adding to the angles does not.

    Parameters
    ----------
    ra, dec : ndarray, shape (n,)
        Degrees.
    pmra, pmdec : ndarray, shape (n,)
        mas/yr, RA already multiplied by cos(dec); NaN stays where it is.
    years : float or ndarray, shape (n,)
        Julian years, target epoch minus epoch of the positions.

    Returns
    -------
    ra, dec : ndarray of float64, shape (n,)
        Degrees, RA in [0, 360).
    """
    a, d = np.radians(ra), np.radians(dec)
    sin_a, cos_a, sin_d, cos_d = np.sin(a), np.cos(a), np.sin(d), np.cos(d)
    east = np.nan_to_num(pmra.astype(np.float64), nan=0.0) * years * _MAS
    north = np.nan_to_num(pmdec.astype(np.float64), nan=0.0) * years * _MAS
    x = cos_d * cos_a - east * sin_a - north * sin_d * cos_a
    y = cos_d * sin_a + east * cos_a - north * sin_d * sin_a
    z = sin_d + north * cos_d
    new_ra = np.degrees(np.arctan2(y, x)) % 360.0
    new_ra[new_ra >= 360.0] = 0.0  # the remainder of a tiny negative angle rounds up to 360
    new_dec = np.degrees(np.arctan2(z, np.hypot(x, y)))
    still = (east == 0.0) & (north == 0.0)
    # a star without motion keeps its digits
    return np.where(still, ra, new_ra), np.where(still, dec, new_dec)
