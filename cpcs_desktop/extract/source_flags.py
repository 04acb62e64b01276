"""SExtractor's FLAGS from what detection and photometry found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.sources import SourceFlag
from cpcs_desktop.extract.detection import Detections
from cpcs_desktop.extract.photometry import Fluxes, KronFluxes


def source_flags(
    found: Detections,
    kron: KronFluxes,
    apertures: tuple[Fluxes, ...],
    saturated: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Translate sep's bits and our findings to SExtractor's values, shape (n,).

    Parameters
    ----------
    found : Detections
    kron : KronFluxes
    apertures : tuple of Fluxes
        A source is incomplete when any of its apertures is.
    saturated : ndarray of bool
        Sources that hold a saturated pixel.
    """
    import sep

    own = found.shapes["flag"]
    incomplete = kron.fluxes.incomplete.copy()
    for aperture in apertures:
        incomplete |= aperture.incomplete
    flags = np.zeros(len(found), dtype=np.int32)
    for value, holds in (
        (SourceFlag.NEIGHBOURS, kron.crowded),
        (SourceFlag.BLENDED, own & sep.OBJ_MERGED != 0),
        (SourceFlag.SATURATED, saturated),
        (SourceFlag.TRUNCATED, own & sep.OBJ_TRUNC != 0),
        (SourceFlag.APERTURE_INCOMPLETE, incomplete),
        (SourceFlag.DEBLEND_OVERFLOW, own & sep.OBJ_DOVERFLOW != 0),
    ):
        flags[holds] |= int(value)
    return flags


def saturated_sources(found: Detections, saturated_pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which sources hold one of these pixels (flat indices), shape (n,)."""
    owners = np.unique(found.segments.ravel()[saturated_pixels])
    hit = np.zeros(len(found) + 1, dtype=bool)
    hit[owners] = True
    return hit[1:]


def touches_others(found: Detections) -> NDArray[np.bool_]:
    """Say which sources were blended with others or cut by the edge, shape (n,)."""
    import sep

    touching: NDArray[np.bool_] = found.shapes["flag"] & (sep.OBJ_MERGED | sep.OBJ_TRUNC) != 0
    return touching
