"""Which events lie on an exposure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.sources import Exposure


def events_on(exposure: Exposure, outbox_file: Path) -> tuple[Event, ...]:
    """Return the known events on an exposure, nearest to its centre first.

    A list without a frame reaches as far as its outermost sources.
    """
    from cpcs_desktop.sync.events import EventList

    events = EventList(outbox_file)
    try:
        return tuple(events.in_footprint(exposure.frame, _corners(exposure)))
    finally:
        events.database.close()


def _corners(exposure: Exposure) -> list[tuple[float, float]]:
    frame = exposure.frame
    if frame.wcs is not None and frame.shape is not None:
        rows, columns = frame.shape
        x = np.array([-0.5, columns - 0.5, columns - 0.5, -0.5])
        y = np.array([-0.5, -0.5, rows - 0.5, rows - 0.5])
        ra, dec = frame.wcs.pixel_to_world_values(x, y)
    else:
        sources = exposure.sources()
        known = np.isfinite(sources.ra) & np.isfinite(sources.dec)
        ra, dec = _outermost(sources.ra[known], sources.dec[known])
    return [(float(a), float(d)) for a, d in zip(ra, dec, strict=True)]


def _outermost(
    ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sources farthest out in 16 directions: enough of the hull, quickly."""
    if len(ra) == 0:
        return ra, dec
    dx = ((ra - ra[0] + 180.0) % 360.0 - 180.0) * np.cos(np.radians(np.median(dec)))
    angle = np.arange(16) * (2 * np.pi / 16)
    reach = np.outer(np.cos(angle), dx) + np.outer(np.sin(angle), dec)
    rows = np.unique(reach.argmax(axis=1))
    return ra[rows], dec[rows]
