"""The zero point of every band, from scratch or following the observer's clicks.

``ZP = m_ref - m_inst``. The model, its priors and its formulae stand in
:mod:`cpcs_desktop.calib.mixture`, the integration in :mod:`cpcs_desktop.calib.posterior`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.calib.mixture import membership
from cpcs_desktop.calib.posterior import Posterior, follow, posteriors
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.datamodel.settings import CalibrationSettings

Array = NDArray[np.float64]

_MOST_OUTLIERS_CERTAINTY = 0.95
_SMALLEST_ERR = 0.001  # mag; nobody measures better
_SAFE_TO_FOLLOW = 100  # stars from which a warm fit is within 0.01 sigma of the cold one


@dataclass(frozen=True)
class BandStars:
    """Stars of one band that may enter its fit; arrays of shape (n,), magnitudes."""

    band: str
    source_row: NDArray[np.int64]
    star_row: NDArray[np.int64]
    mag_inst: Array
    mag_inst_err: Array
    mag_ref: Array
    mag_ref_err: Array
    colour: Array
    excluded: NDArray[np.bool_]


def fit_zero_points(
    bands: Sequence[BandStars],
    settings: CalibrationSettings,
    previous: Mapping[str, ZeroPointFit] | None = None,
) -> list[ZeroPointFit]:
    """Fit every band.

    Parameters
    ----------
    bands : sequence of BandStars
    settings : CalibrationSettings
    previous : mapping from band id to ZeroPointFit, optional
        Fits of nearly the same stars: a warm start, for the eye (within 0.01 of the error of the
        cold fit). Whatever is stored comes from a fit without it.
    """
    answer: dict[str, ZeroPointFit] = {}
    cold: list[tuple[BandStars, Array, Array]] = []
    warm: list[tuple[BandStars, Array, Array]] = []
    known: list[Posterior] = []
    for stars in bands:
        used = ~stars.excluded
        d = (stars.mag_ref - stars.mag_inst)[used]
        v = formal_variance(stars)[used]
        if len(d) < settings.min_stars:
            answer[stars.band] = _failed(
                stars, f"{len(d)} stars, at least {settings.min_stars} are needed"
            )
            continue
        before = previous.get(stars.band) if previous else None
        if before is not None and before.state is not None and len(d) >= _SAFE_TO_FOLLOW:
            warm.append((stars, d, v))
            known.append(before.state)
        else:
            cold.append((stars, d, v))
    found = posteriors([(d, v) for _, d, v in cold], settings.max_outlier_fraction)
    moved = follow(known, [(d, v) for _, d, v in warm])
    fitted = [s for s, _, _ in (*cold, *warm)]
    for stars, posterior, start in zip(
        fitted, (*found, *moved), ["cold"] * len(found) + ["warm"] * len(moved), strict=True
    ):
        answer[stars.band] = _result(stars, posterior, settings, start)
    return [answer[stars.band] for stars in bands]


def formal_variance(stars: BandStars | ZeroPointFit) -> Array:
    """Return the formal variances; lists round the errors of bright stars to zero."""
    variance = stars.mag_inst_err**2 + stars.mag_ref_err**2
    return np.maximum(variance, _SMALLEST_ERR**2)


def _result(
    stars: BandStars,
    posterior: Posterior,
    settings: CalibrationSettings,
    start: str,
) -> ZeroPointFit:
    d = stars.mag_ref - stars.mag_inst
    v = formal_variance(stars)
    used = ~stars.excluded
    belongs = membership(posterior.mean_theta[None], d, v)[0]
    weight = np.where(used, belongs / (v + posterior.scatter**2), 0.0)
    slope, slope_err = _slope(stars.colour, d - posterior.zero_point, weight)
    reason = None
    if posterior.p_mostly_outliers > _MOST_OUTLIERS_CERTAINTY:
        most = settings.max_outlier_fraction
        reason = (
            f"more than {most:.0%} of the stars are outliers ({posterior.outlier_fraction:.0%})"
        )
    elif posterior.scatter >= settings.max_scatter:
        reason = f"the scatter of {posterior.scatter:.2f} mag is too large"
    return ZeroPointFit(
        band=stars.band,
        status="ok" if reason is None else "failed",
        reason=reason,
        zero_point=posterior.zero_point,
        zero_point_err=posterior.zero_point_err,
        scatter=posterior.scatter,
        scatter_err=posterior.scatter_err,
        outlier_fraction=posterior.outlier_fraction,
        n_matched=int(used.sum()),
        n_used=float(belongs[used].sum()),
        colour_slope=slope,
        colour_slope_err=slope_err,
        largest_weight=float(weight.max() / weight.sum()),
        converged=f"{start}, {posterior.steps} steps, {posterior.n_modes} modes, "
        f"{posterior.effective_points:.0f} effective points",
        source_row=stars.source_row,
        star_row=stars.star_row,
        mag_inst=stars.mag_inst,
        mag_inst_err=stars.mag_inst_err,
        mag_ref=stars.mag_ref,
        mag_ref_err=stars.mag_ref_err,
        colour=stars.colour,
        membership=belongs,
        excluded=stars.excluded,
        state=posterior,
    )


def _failed(stars: BandStars, reason: str) -> ZeroPointFit:
    n, nan = len(stars.mag_ref), float("nan")
    return ZeroPointFit(
        band=stars.band,
        status="failed",
        reason=reason,
        zero_point=nan,
        zero_point_err=nan,
        scatter=nan,
        scatter_err=nan,
        outlier_fraction=nan,
        n_matched=int((~stars.excluded).sum()),
        n_used=0.0,
        colour_slope=nan,
        colour_slope_err=nan,
        largest_weight=nan,
        converged="not fitted",
        source_row=stars.source_row,
        star_row=stars.star_row,
        mag_inst=stars.mag_inst,
        mag_inst_err=stars.mag_inst_err,
        mag_ref=stars.mag_ref,
        mag_ref_err=stars.mag_ref_err,
        colour=stars.colour,
        membership=np.full(n, np.nan),
        excluded=stars.excluded,
    )


def _slope(colour: Array, residual: Array, weight: Array) -> tuple[float, float]:
    """Return slope and error of residuals with colour, by weighted least squares.

    The weights hold the memberships and the fitted scatter, so that the error is that of a fit
    with reduced chi^2 of one.
    """
    known = np.isfinite(colour) & (weight > 0)
    if known.sum() < 5:
        return float("nan"), float("nan")
    w, c, r = weight[known], colour[known], residual[known]
    c = c - w @ c / w.sum()
    r = r - w @ r / w.sum()
    strength = float(w @ (c * c))
    if strength <= 0:
        return float("nan"), float("nan")
    return float(w @ (c * r) / strength), float(1.0 / np.sqrt(strength))
