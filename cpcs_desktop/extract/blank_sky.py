"""Apertures on blank sky: what noise an aperture really has, the ground of upper limits."""

from __future__ import annotations

import math

import numpy as np

from cpcs_desktop.datamodel.sources import BlankSky
from cpcs_desktop.extract.detection import Detections
from cpcs_desktop.extract.mirrored import OVERSAMPLING, Plane

#: Apertures laid out over the frame, before those on sources are taken away.
LATTICE = 4096
#: Sky must be free of sources in a circle this much wider than the aperture.
CLEARANCE = 1.5


def blank_sky(plane: Plane, found: Detections, diameter_pix: float) -> BlankSky:
    """Sum apertures on a lattice of places without sources and bad pixels.

    Parameters
    ----------
    plane : Plane
        Background already subtracted.
    found : Detections
    diameter_pix : float
        As of the sources' APER aperture.

    Returns
    -------
    BlankSky
        Empty when no place is free. The lattice is fixed by the frame's shape and the diameter, so
        that the same frame always gives the same limit.
    """
    import sep

    ny, nx = plane.pixels.shape
    radius = diameter_pix / 2
    margin = CLEARANCE * radius
    step = max(diameter_pix, math.sqrt(nx * ny / LATTICE))
    x_axis = np.arange(margin, nx - 1 - margin, step)
    y_axis = np.arange(margin, ny - 1 - margin, step)
    x, y = (grid.ravel() for grid in np.meshgrid(x_axis, y_axis))
    if len(x):
        sources, _, _ = sep.sum_circle(found.segments, x, y, margin, subpix=1)
        free = sources == 0
        if plane.bad is not None:
            holes, _, _ = sep.sum_circle(plane.bad.astype(np.int32), x, y, margin, subpix=1)
            free &= holes == 0
        x, y = x[free], y[free]
    flux = np.empty(0)
    if len(x):
        flux, _, _ = sep.sum_circle(plane.pixels, x, y, radius, subpix=OVERSAMPLING)
    return BlankSky(x=x, y=y, flux=np.asarray(flux, np.float64), aperture_diameter_pix=diameter_pix)
