"""The circle on the sky that holds all sources of a frame or list."""

from __future__ import annotations

import numpy as np

from cpcs_desktop.calib.crossmatch import tangent_plane, unit_vectors
from cpcs_desktop.datamodel.sources import SourceCatalog

_MARGIN_DEG = 0.01


def footprint(sources: SourceCatalog) -> tuple[tuple[float, float], float]:
    """Return the centre (RA, Dec) and radius, degrees, of a circle around all sources.

    The centre is the direction of the mean of the extremes along x, y and z, so that it does not
    depend on how the sources are spread; safe at RA 0/360 and at the poles.
    """
    known = np.isfinite(sources.ra) & np.isfinite(sources.dec)
    xyz = unit_vectors(sources.ra[known], sources.dec[known])
    middle = 0.5 * (xyz.min(axis=0) + xyz.max(axis=0))
    middle /= np.linalg.norm(middle)
    chord = np.linalg.norm(xyz - middle, axis=1).max()
    radius = float(np.degrees(2.0 * np.arcsin(min(0.5 * chord, 1.0))))
    ra = float(np.degrees(np.arctan2(middle[1], middle[0])) % 360.0)
    dec = float(np.degrees(np.arcsin(np.clip(middle[2], -1.0, 1.0))))
    return (ra, dec), radius + _MARGIN_DEG


def outline(sources: SourceCatalog) -> list[tuple[float, float]]:
    """Return the corners (RA, Dec), degrees, of the convex outline of all sources.

    All sources themselves where they are too few or lie on a line.
    """
    from scipy.spatial import ConvexHull, QhullError

    known = np.flatnonzero(np.isfinite(sources.ra) & np.isfinite(sources.dec))
    if not len(known):
        return []
    centre, _ = footprint(sources)
    east, north = tangent_plane(sources.ra[known], sources.dec[known], centre)
    try:
        rows = known[ConvexHull(np.stack([east, north], axis=1)).vertices]
    except (QhullError, ValueError):
        rows = known
    return [(float(sources.ra[k]), float(sources.dec[k])) for k in rows]
