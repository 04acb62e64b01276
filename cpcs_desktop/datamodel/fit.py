"""The zero-point fit of one band, and the choice among bands."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FitStatus = Literal["ok", "failed"]
CheckLevel = Literal["green", "amber", "red", "unavailable"]


@dataclass(frozen=True)
class ZeroPointFit:
    """Zero point of one band: ``ZP = m_ref - m_inst``; magnitudes throughout.

    Parameters
    ----------
    band : str
        ``APASS/V``.
    status : {"ok", "failed"}
    reason : str or None
        Why the fit failed, a sentence.
    zero_point, zero_point_err : float
        Posterior mean and standard deviation; NaN when there is no fit at all.
    scatter, scatter_err : float
        Intrinsic scatter s beyond the formal errors.
    outlier_fraction : float
        Posterior mean of f.
    n_matched : int
        Stars that entered the fit.
    n_used : float
        Sum of memberships.
    colour_slope, colour_slope_err : float
        Slope of the residuals with reference colour (bluer minus redder band); NaN without colours.
    largest_weight : float
        Largest share of one star in the zero point, 0..1.
    converged : str
        How the fit converged, for provenance.
    source_row, star_row : ndarray of int64, shape (n,)
        Rows of the stars in SourceCatalog and ReferenceCatalog, excluded ones included.
    mag_inst, mag_inst_err, mag_ref, mag_ref_err, colour : ndarray of float64, shape (n,)
        What entered the fit; colour is NaN where unknown.
    membership : ndarray of float64, shape (n,)
        Probability of belonging to the good population: the model's opinion, of excluded stars
        too.
    excluded : ndarray of bool, shape (n,)
        Taken out by the observer.
    rank : int or None
        1 is best; None before the bands were compared or when the fit failed.
    state : object
        What a warm start needs; opaque, None after storage.
    """

    band: str
    status: FitStatus
    reason: str | None
    zero_point: float
    zero_point_err: float
    scatter: float
    scatter_err: float
    outlier_fraction: float
    n_matched: int
    n_used: float
    colour_slope: float
    colour_slope_err: float
    largest_weight: float
    converged: str
    source_row: NDArray[np.int64]
    star_row: NDArray[np.int64]
    mag_inst: NDArray[np.float64]
    mag_inst_err: NDArray[np.float64]
    mag_ref: NDArray[np.float64]
    mag_ref_err: NDArray[np.float64]
    colour: NDArray[np.float64]
    membership: NDArray[np.float64]
    excluded: NDArray[np.bool_]
    rank: int | None = None
    state: Any = None

    @property
    def residual(self) -> NDArray[np.float64]:
        """Reference minus instrumental minus zero point, mag, shape (n,)."""
        return self.mag_ref - self.mag_inst - self.zero_point


@dataclass(frozen=True)
class BandChoice:
    """Which band the frame is in, and why.

    Parameters
    ----------
    band : str
        Best band; the best guess when ambiguous.
    runner_up : str or None
    margin : float
        Difference of the held-out log scores on the stars both share, nats.
    ambiguous : bool
    reason : str
        One sentence.
    """

    band: str
    runner_up: str | None
    margin: float
    ambiguous: bool
    reason: str


@dataclass(frozen=True)
class Check:
    """One quality check: a traffic light, a number, and what to do.

    Parameters
    ----------
    code : str
        One of the command line's words, such as ``few_stars``.
    level : {"green", "amber", "red", "unavailable"}
    value : float or None
    message : str
        A sentence: what was found and what to do.
    """

    code: str
    level: CheckLevel
    value: float | None
    message: str
