"""Which sources are which reference stars."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class WhyRejected(IntEnum):
    """Why a matched pair takes no part in the fits; 0 takes part."""

    NOT_REJECTED = 0
    SEPARATION = 1
    OUTSIDE_RADIUS = 2


@dataclass(frozen=True)
class MatchTable:
    """Pairs of a source and a reference star of one survey; arrays have shape (n,).

    Parameters
    ----------
    survey : str
    source_row : ndarray of int64
        Row in the SourceCatalog.
    star_row : ndarray of int64
        Row in the ReferenceCatalog.
    separation_arcsec : ndarray of float64
        After the frame's astrometric offset was taken out.
    dra_arcsec, ddec_arcsec : ndarray of float64
        Source minus star, RA already multiplied by cos(dec), before the offset was taken out.
    ambiguous : ndarray of bool
        A second reference star lies closer than the radius.
    why_rejected : ndarray of int8
        :class:`WhyRejected`.
    offset_arcsec : (float, float)
        Mean offset source minus star in RA*cos(dec) and Dec.
    sigma_radec_arcsec : float
        Scatter of one coordinate; NaN with too few pairs.
    radius_arcsec : float
        Radius that pairs had to keep.
    correlation : float
        Rank correlation between instrumental and reference magnitudes; NaN with too few pairs.
    p_shuffled : float
        Chance that shuffled pairs correlate as well; NaN with too few pairs.
    """

    survey: str
    source_row: NDArray[np.int64]
    star_row: NDArray[np.int64]
    separation_arcsec: NDArray[np.float64]
    dra_arcsec: NDArray[np.float64]
    ddec_arcsec: NDArray[np.float64]
    ambiguous: NDArray[np.bool_]
    why_rejected: NDArray[np.int8]
    offset_arcsec: tuple[float, float]
    sigma_radec_arcsec: float
    radius_arcsec: float
    correlation: float
    p_shuffled: float

    def __len__(self) -> int:
        return len(self.source_row)
