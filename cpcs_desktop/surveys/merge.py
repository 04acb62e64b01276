"""New stars among old ones: an older row of the same star gives way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.surveys.motion import unit_vectors
from cpcs_desktop.surveys.star_table import StarTable, concatenate

#: Rows closer than this are one star, whatever their ids (two exports of one survey may carry ids
#: of different kinds); real pairs this close are one star to every survey here.
SAME_PLACE_ARCSEC = 0.1


def merged(old: StarTable, new: StarTable) -> StarTable:
    """Return old and new rows without doubles; later rows win.

    Rows are the same star when they share an id or stand within 0.1 arcsec of each other.
    """
    new = new.rows(_last_of_each(new.source_id))
    new = new.rows(_last_of_each(new.healpix_29))
    if len(old) == 0:
        return new
    if len(new) == 0:
        return old
    replaced = np.isin(old.source_id, new.source_id)
    replaced |= _near(old, new)
    return concatenate([old.rows(~replaced), new])


def _last_of_each(keys: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return the places of the last row of each key, in the order of the rows."""
    _, first_from_behind = np.unique(keys[::-1], return_index=True)
    return np.sort(len(keys) - 1 - first_from_behind)


def _near(old: StarTable, new: StarTable) -> NDArray[np.bool_]:
    from scipy.spatial import cKDTree

    tree = cKDTree(unit_vectors(new.ra, new.dec).T)
    reach = np.radians(SAME_PLACE_ARCSEC / 3600.0)
    distance, _ = tree.query(unit_vectors(old.ra, old.dec).T, distance_upper_bound=reach)
    near: NDArray[np.bool_] = np.isfinite(distance)
    return near
