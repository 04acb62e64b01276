"""Which band the frame is in, with the reason.

Bands are compared two by two on the stars they share, by held-out predictive score, with three
corrections that make the comparison one of passbands, not of surveys:

* both bands are judged at the same noise: the better measured one is degraded to the formal errors
  of the other, so that a precise survey in the wrong passband does not beat a noisy one in the
  right passband;
* a residual slope with colour counts against a band even when the scatter hides it;
* the filter named in the header is a prior worth a few nats, not an order.

Twins (one passband in several surveys) are then told apart by the error of the zero point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.calib.mixture import star_log_density
from cpcs_desktop.datamodel.band import Band, BandRequest, passband_group
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.fit import BandChoice, ZeroPointFit
from cpcs_desktop.datamodel.survey import ReferenceSurvey

Array = NDArray[np.float64]

HEADER_NATS = 6.0  # what the header's word weighs against the stars
AMBIGUOUS_NATS = 3.0  # margin below which two different passbands are both named
PLATE_NATS = 4.5  # three sigma: a plate must beat every CCD survey by this much
COLOUR_TERM_OF_OWN_FILTERS = 0.03  # usual slope of a filter with its namesake, mag/mag
WRONG_BAND_SCATTER = 0.08  # mag, what colours do to a neighbouring band
_LARGEST_SLOPE_NATS = 60.0


@dataclass(frozen=True)
class _Candidate:
    """A fit with what the comparison needs."""

    fit: ZeroPointFit
    band: Band
    plate: bool
    slope_nats: float
    header_nats: float


def rank_bands(
    fits: Sequence[ZeroPointFit],
    bands: Mapping[str, Band],
    surveys: Mapping[str, ReferenceSurvey],
    request: BandRequest,
    header_letters: Sequence[str],
    header_text: str | None,
) -> tuple[tuple[ZeroPointFit, ...], BandChoice]:
    """Rank the fits and choose the band.

    Parameters
    ----------
    fits : sequence of ZeroPointFit
    bands : mapping from band id to Band
    surveys : mapping from survey key to ReferenceSurvey
    request : BandRequest
    header_letters : sequence of str
        Band letters the header's filter stands for; empty when it says nothing.
    header_text : str or None
        The filter as written, for the sentence.

    Returns
    -------
    fits : tuple of ZeroPointFit
        Best first with their ranks; fits that failed or were not asked for follow, without rank.
    choice : BandChoice

    Raises
    ------
    CpcsError
        ``too_few_stars`` when no admitted band has a fit; ``no_survey_coverage`` when no cached
        survey has the requested band here.
    """
    admitted = [f for f in fits if request.admits(bands[f.band])]
    good = [f for f in admitted if f.status == "ok"]
    if not admitted:
        raise CpcsError(
            "no_survey_coverage",
            f"No cached survey answers the request {request} in this field.",
            "Prepare the field with cpcs survey fetch or import, or ask for another band.",
        )
    if not good:
        worst = max(admitted, key=lambda f: f.n_matched)
        raise CpcsError(
            "too_few_stars",
            f"No band could be fitted; the best, {worst.band}, failed: {worst.reason}.",
            "Check position and match radius, or take deeper or wider frames.",
            {"n_matched": worst.n_matched},
        )
    candidates = [
        _Candidate(
            fit=f,
            band=bands[f.band],
            plate=surveys[bands[f.band].survey].photographic,
            slope_nats=_slope_nats(f),
            header_nats=HEADER_NATS if bands[f.band].letter in header_letters else 0.0,
        )
        for f in good
    ]
    ranked = _order(candidates)
    choice = _choice(ranked, request, header_letters, header_text)
    ranks = {c.fit.band: n for n, c in enumerate(ranked, start=1)}
    ordered = [replace(c.fit, rank=ranks[c.fit.band]) for c in ranked]
    rest = sorted(
        (replace(f, rank=None) for f in fits if f.band not in ranks),
        key=lambda f: (f.status != "ok", f.band),
    )
    return (*ordered, *rest), choice


def _slope_nats(fit: ZeroPointFit) -> float:
    """Return the log evidence of the colour slope for the band being the instrument's own."""
    if not np.isfinite(fit.colour_slope):
        return 0.0
    width2 = fit.colour_slope_err**2 + COLOUR_TERM_OF_OWN_FILTERS**2
    return -min(0.5 * fit.colour_slope**2 / width2, _LARGEST_SLOPE_NATS)


def _star_nats(a: ZeroPointFit, b: ZeroPointFit) -> float:
    """Return how much better band a predicts the stars than band b, nats.

    Common stars are compared directly. Stars that only one band has are compared with what a
    typical wrong band would make of them (``WRONG_BAND_SCATTER``): a band that explains two hundred
    stars is not in doubt because another has but five of them.
    """
    rows_a, rows_b = np.flatnonzero(~a.excluded), np.flatnonzero(~b.excluded)
    _, ia, ib = np.intersect1d(a.source_row[rows_a], b.source_row[rows_b], return_indices=True)
    common_a, common_b = rows_a[ia], rows_b[ib]
    noise = np.maximum(_formal(a)[common_a], _formal(b)[common_b])
    nats = np.sum(_scores_at(a, common_a, noise) - _scores_at(b, common_b, noise))
    only_a, only_b = np.setdiff1d(rows_a, common_a), np.setdiff1d(rows_b, common_b)
    return float(nats + _over_wrong_band(a, only_a) - _over_wrong_band(b, only_b))


def _formal(fit: ZeroPointFit) -> Array:
    return np.asarray(fit.mag_inst_err**2 + fit.mag_ref_err**2)


def _over_wrong_band(fit: ZeroPointFit, rows: NDArray[np.int64]) -> float:
    """Return the score of some stars above that of a band with the scatter of a wrong one."""
    if not len(rows):
        return 0.0
    theta = fit.state.mean_theta.copy()
    theta[1] = np.log(WRONG_BAND_SCATTER)
    noise = _formal(fit)[rows]
    wrong = star_log_density(theta, fit.mag_ref[rows] - fit.mag_inst[rows], noise)
    return float(np.sum(_scores_at(fit, rows, noise) - wrong))


def _scores_at(fit: ZeroPointFit, rows: NDArray[np.int64], noise: Array) -> Array:
    """Return the expected held-out scores of some stars had they been measured with this noise.

    Added noise of variance w lowers the expected log of a normal of variance V by w / (2 V).
    """
    theta = fit.state.mean_theta
    d = fit.mag_ref[rows] - fit.mag_inst[rows]
    own = _formal(fit)[rows]
    degraded = star_log_density(theta, d, noise)
    degraded -= 0.5 * fit.membership[rows] * (noise - own) / (noise + fit.scatter**2)
    held_out = fit.log_score[rows]
    optimism = np.where(np.isfinite(held_out), star_log_density(theta, d, own) - held_out, 0.0)
    return np.asarray(degraded - optimism)


def _margin(a: _Candidate, b: _Candidate) -> float:
    """Return by how many nats a is the better band, header included."""
    plate = PLATE_NATS * (float(b.plate) - float(a.plate)) if a.plate != b.plate else 0.0
    return (
        _star_nats(a.fit, b.fit)
        + (a.slope_nats - b.slope_nats)
        + (a.header_nats - b.header_nats)
        + plate
    )


def _order(candidates: list[_Candidate]) -> list[_Candidate]:
    """Order candidates: a champion nobody beats, then by the margin against it, twins together."""
    champion = max(
        candidates, key=lambda c: (c.slope_nats + c.header_nats - 100.0 * c.plate, c.fit.n_matched)
    )
    seen = {champion.fit.band}
    while True:
        margins = {c.fit.band: _margin(champion, c) for c in candidates if c is not champion}
        better = [c for c in candidates if margins.get(c.fit.band, 0.0) < 0.0]
        better = [c for c in better if c.fit.band not in seen]
        if not better:
            break
        champion = min(better, key=lambda c: margins[c.fit.band])
        seen.add(champion.fit.band)
    twins = [
        c
        for c in candidates
        if c.band.letter == champion.band.letter
        and c.plate == champion.plate
        and margins.get(c.fit.band, 0.0) < AMBIGUOUS_NATS
    ]
    best = min(twins, key=lambda c: (c.band.survey != "GAIASP", c.fit.zero_point_err))
    rest = sorted(
        (c for c in candidates if c is not best),
        key=lambda c: (margins.get(c.fit.band, 0.0), c.fit.band),
    )
    return [best, *rest]


def _choice(
    ranked: list[_Candidate],
    request: BandRequest,
    header_letters: Sequence[str],
    header_text: str | None,
) -> BandChoice:
    """Say who won, by how much, and why."""
    best = ranked[0]
    fit = best.fit
    says = f"{fit.band}: {fit.n_matched} stars, scatter {fit.scatter:.3f}"
    # a plate is named as the next best only where there is nothing better
    rivals = [c for c in ranked[1:] if best.plate or not c.plate] or ranked[1:]
    others = [c for c in rivals if c.band.letter != best.band.letter]
    runner = rivals[0] if rivals else None
    rival = min(others, key=lambda c: _margin(best, c)) if others else None
    margin = _margin(best, rival) if rival is not None else float("inf")
    ambiguous = rival is not None and margin < AMBIGUOUS_NATS
    parts = [says]
    if runner is not None:
        same = passband_group(runner.band.letter) == passband_group(best.band.letter)
        parts.append(
            f"next {runner.fit.band} {runner.fit.scatter - fit.scatter:+.3f}"
            + (" (same passband)" if same else "")
        )
    if rival is not None and rival is not runner:
        parts.append(f"next other band {rival.fit.band}, {margin:.1f} nats behind")
    if header_text:
        if not header_letters:
            parts.append(f"header says {header_text}, which names no band")
        elif best.band.letter in header_letters:
            parts.append(f"header says {header_text}")
        else:
            parts.append(f"the stars contradict the header, which says {header_text}")
    if request.letter is not None and request.survey is not None:
        parts.append("asked for by the observer")
        ambiguous = False
    elif request.letter is not None:
        parts.append(f"{request} asked for by the observer")
        ambiguous = False
    if ambiguous and rival is not None:
        letters = f"{best.band.letter} or {rival.band.letter}"
        parts.insert(0, f"ambiguous: {letters}, {fit.n_matched} stars")
    return BandChoice(
        band=fit.band,
        runner_up=rival.fit.band if ambiguous and rival else (runner.fit.band if runner else None),
        margin=margin if np.isfinite(margin) else float("nan"),
        ambiguous=ambiguous,
        reason="; ".join(parts),
    )
