"""The picture of a zero-point fit: what each star says, and what the fit makes of it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.fit import ZeroPointFit


@dataclass(frozen=True)
class ZeroPointStars:
    """What the picture of a fit shows; arrays have shape (n,), mag.

    Parameters
    ----------
    band : str
    zero_point, scatter : float
    mag_ref, mag_ref_err, mag_inst, mag_inst_err : ndarray of float64
    membership : ndarray of float64
        Probability of belonging to the good population.
    excluded : ndarray of bool
        Taken out by the observer.
    """

    band: str
    zero_point: float
    scatter: float
    mag_ref: NDArray[np.float64]
    mag_ref_err: NDArray[np.float64]
    mag_inst: NDArray[np.float64]
    mag_inst_err: NDArray[np.float64]
    membership: NDArray[np.float64]
    excluded: NDArray[np.bool_]

    @classmethod
    def of(cls, fit: ZeroPointFit) -> ZeroPointStars:
        """Take the stars of a fit."""
        return cls(**{name: getattr(fit, name) for name in cls.__dataclass_fields__})

    @classmethod
    def of_columns(
        cls, band: str, zero_point: float, scatter: float, stars: Mapping[str, Sequence[Any]]
    ) -> ZeroPointStars:
        """Take the columns of a point's evidence; a missing value is NaN.

        Raises
        ------
        KeyError
            When a column is missing.
        """
        names = ("mag_ref", "mag_ref_err", "mag_inst", "mag_inst_err", "membership")
        columns = {
            name: np.array([np.nan if v is None else v for v in stars[name]], dtype=np.float64)
            for name in names
        }
        excluded = np.array(stars["excluded"], dtype=bool)
        return cls(band=band, zero_point=zero_point, scatter=scatter, excluded=excluded, **columns)


def zero_point_picture(stars: ZeroPointStars, *, dpi: int = 90) -> bytes:
    """Return a PNG: reference against instrumental magnitude, and the residuals below it."""
    # A figure without pyplot: pyplot keeps state of the whole process and is not for threads.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 5.4), dpi=dpi)
    figure.subplots_adjust(left=0.13, right=0.97, top=0.94, bottom=0.1, hspace=0.06)
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    shown = np.isfinite(stars.mag_ref) & np.isfinite(stars.mag_inst)
    good = shown & ~stars.excluded & (stars.membership >= 0.5)
    poor = shown & ~stars.excluded & ~good
    out = shown & stars.excluded
    residual = stars.mag_ref - stars.mag_inst - stars.zero_point
    error = np.hypot(np.nan_to_num(stars.mag_ref_err), np.nan_to_num(stars.mag_inst_err))
    for rows, colour, marker, label in (
        (good, "#1f5fa8", "o", "fits"),
        (poor, "#c0622b", "o", "outlier"),
        (out, "#888888", "x", "taken out"),
    ):
        if not rows.any():
            continue
        words = f"{label} ({int(rows.sum())})"
        upper.plot(
            stars.mag_ref[rows], stars.mag_inst[rows], marker, ms=3, color=colour, label=words
        )
        lower.errorbar(
            stars.mag_ref[rows],
            residual[rows],
            error[rows],
            fmt=marker,
            ms=3,
            lw=0.6,
            color=colour,
        )
    if shown.any():
        ends = np.array([np.nanmin(stars.mag_ref[shown]), np.nanmax(stars.mag_ref[shown])])
        upper.plot(ends, ends - stars.zero_point, color="black", lw=1)
        upper.legend(fontsize=8, frameon=False)
    lower.axhline(0.0, color="black", lw=1)
    if np.isfinite(stars.scatter):
        lower.axhspan(-stars.scatter, stars.scatter, color="#1f5fa8", alpha=0.12, lw=0)
    if good.any():
        reach = max(0.1, 6.0 * float(np.std(residual[good])))
        lower.set_ylim(reach, -reach)
    upper.invert_yaxis()
    upper.set_ylabel("instrumental magnitude")
    lower.set_xlabel(f"{stars.band} magnitude of the survey")
    lower.set_ylabel("residual (mag)")
    upper.set_title(
        f"{stars.band}: ZP = {stars.zero_point:.3f} mag, scatter {stars.scatter:.3f} mag",
        fontsize=10,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": "cpcs-desktop"})
    return buffer.getvalue()
