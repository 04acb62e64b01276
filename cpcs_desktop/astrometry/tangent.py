"""The gnomonic projection (Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ARCSEC = 3600.0


def to_plane(ra: Array, dec: Array, centre: tuple[float, float]) -> tuple[Array, Array]:
    """Project positions (degrees) to the tangent plane at ``centre``.

    Returns
    -------
    xi, eta : ndarray
        Arcsec, east and north; NaN for the far half of the sphere.
    """
    a, d = np.radians(ra - centre[0]), np.radians(dec)
    d0 = np.radians(centre[1])
    cosine = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.where(cosine > 0.01, cosine, np.nan)
        xi = np.cos(d) * np.sin(a) / near
        eta = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a)) / near
    return np.degrees(xi) * ARCSEC, np.degrees(eta) * ARCSEC


def from_plane(xi: Array, eta: Array, centre: tuple[float, float]) -> tuple[Array, Array]:
    """Return RA (0..360) and Dec, degrees, of points on the tangent plane (arcsec)."""
    x, y = np.radians(xi / ARCSEC), np.radians(eta / ARCSEC)
    d0 = np.radians(centre[1])
    below = np.cos(d0) - y * np.sin(d0)
    ra = centre[0] + np.degrees(np.arctan2(x, below))
    dec = np.degrees(np.arctan2(np.sin(d0) + y * np.cos(d0), np.hypot(x, below)))
    return np.mod(ra, 360.0), dec
