"""Which band the frame is in, with the reason.

Every band is asked one question: do its held-out stars look like those of the instrument's own
passband, or like those of a neighbour? The score is the log ratio of the two predictions, nats:

* in one's own passband the stars scatter as little, and stray as rarely, as in the best behaved
  band of this frame (the camera's doing), in a neighbour's their colours add 0.035 to 0.2 mag;
* both predictions carry the band's own formal errors, so that a precise survey of the wrong
  passband does not beat a noisy one of the right passband, and a noisy one cannot win by chance;
* a slope of the residuals with colour is judged in the same way;
* the filter named in the header is a prior worth a few nats, not an order.

The lowest scatter over the square root of the number, the old server's rule, is none of this. Twins
(one passband in several surveys) are told apart by the error of the zero point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.calib.mixture import star_log_density
from cpcs_desktop.calib.zero_point import formal_variance
from cpcs_desktop.datamodel.band import Band, BandRequest, passband_group
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.fit import BandChoice, ZeroPointFit
from cpcs_desktop.datamodel.survey import ReferenceSurvey

Array = NDArray[np.float64]

HEADER_NATS = 6.0  # what the header's word weighs against the stars
AMBIGUOUS_NATS = 3.0  # margin below which two different passbands are both named
DOUBTED_NATS = 4.5  # three sigma of colour slope against a band
DOUBTED_SCATTER = 0.15  # mag: no passband of one's own scatters like this
OWN_SLOPE = 0.03  # usual slope of a filter with its namesake, mag per mag of g - i
OTHER_SLOPE = 0.2  # usual slope with another passband
OWN_EXTRA = (0.0, 0.012)  # mag, scatter of a namesake beyond that of the best band
OTHER_EXTRA = (0.035, 0.08, 0.2)  # mag, what colours add in other passbands
SMALLEST_SCATTER = 0.005  # mag
_LARGEST_SLOPE_NATS = 60.0


@dataclass(frozen=True)
class _Candidate:
    """A fit with what the comparison needs."""

    fit: ZeroPointFit
    band: Band
    plate: bool
    slope_nats: float
    nats: float


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
    ccd = [f for f in good if not surveys[bands[f.band].survey].photographic]
    camera = _best_behaved(ccd or good)
    candidates = []
    for fit in good:
        slope = _slope_nats(fit)
        header = HEADER_NATS if bands[fit.band].letter in header_letters else 0.0
        candidates.append(
            _Candidate(
                fit=fit,
                band=bands[fit.band],
                plate=surveys[bands[fit.band].survey].photographic,
                slope_nats=slope,
                nats=_star_nats(fit, camera) + slope + header,
            )
        )
    ranked = _order(candidates)
    choice = _choice(ranked, request, header_letters, header_text)
    ranks = {c.fit.band: n for n, c in enumerate(ranked, start=1)}
    ordered = [replace(c.fit, rank=ranks[c.fit.band]) for c in ranked]
    rest = sorted(
        (replace(f, rank=None) for f in fits if f.band not in ranks),
        key=lambda f: (f.status != "ok", f.band),
    )
    return (*ordered, *rest), choice


def _best_behaved(fits: Sequence[ZeroPointFit]) -> Array:
    """Return the mixture's parameters of the band whose stars agree best: the camera's own.

    Agreement is the median absolute residual of all stars, outliers too: a wrong passband can hide
    behind a small scatter by calling most of its stars outliers. Bands with fewer than half of the
    most stars cannot tell.
    """
    most = max(f.n_matched for f in fits)
    able = [f for f in fits if f.n_matched >= 0.5 * most]

    def disagreement(fit: ZeroPointFit) -> float:
        d = (fit.mag_ref - fit.mag_inst)[~fit.excluded]
        return float(np.median(np.abs(d - np.median(d))))

    theta = np.array(min(able, key=disagreement).state.mean_theta)
    theta[1] = max(theta[1], np.log(SMALLEST_SCATTER))
    return theta


def _slope_nats(fit: ZeroPointFit) -> float:
    """Return the log ratio of the colour slope in one's own passband to that in another's."""
    if not np.isfinite(fit.colour_slope):
        return 0.0
    own, other = (float(np.hypot(fit.colour_slope_err, w)) for w in (OWN_SLOPE, OTHER_SLOPE))
    ratio = np.log(other / own) - 0.5 * fit.colour_slope**2 * (own**-2 - other**-2)
    return float(max(ratio, -_LARGEST_SLOPE_NATS))


def _star_nats(fit: ZeroPointFit, camera: Array) -> float:
    """Return the held-out log ratio of "this is the passband" to "this is another", nats.

    Parameters
    ----------
    fit : ZeroPointFit
    camera : ndarray, shape (5,)
        Mixture of the best behaved band: scatter and outliers that are not the passband's fault.
    """
    rows = np.flatnonzero(~fit.excluded)
    d = fit.mag_ref[rows] - fit.mag_inst[rows]
    formal = formal_variance(fit)[rows]
    # every star is judged by the zero point of the others
    weight = fit.membership[rows] / (formal + fit.scatter**2)
    others = weight.sum() - weight
    pull = np.where(others > 0, weight / np.maximum(others, 1e-300), 0.0)
    away = d - (fit.zero_point - pull * (d - fit.zero_point))

    def evidence(extra: Sequence[float]) -> float:
        theta = np.tile(camera, (len(extra), 1))
        theta[:, 0] = 0.0
        theta[:, 1] = np.log(np.hypot(np.exp(camera[1]), extra))
        scores = star_log_density(theta, away, formal).sum(axis=1)
        return float(np.logaddexp.reduce(scores) - np.log(len(scores)))

    return evidence(OWN_EXTRA) - evidence(OTHER_EXTRA)


def _credible(candidate: _Candidate) -> bool:
    """Say whether nothing speaks against a CCD band: then plates stay out of the contest."""
    return (
        not candidate.plate
        and candidate.slope_nats > -DOUBTED_NATS
        and candidate.fit.scatter < DOUBTED_SCATTER
    )


def _as_tight(fit: ZeroPointFit, champion: ZeroPointFit) -> bool:
    """Say whether two twins tie: scatters that differ by less than 3 mmag or two sigma."""
    doubt = 2.0 * float(np.hypot(fit.scatter_err, champion.scatter_err))
    return fit.scatter - champion.scatter < max(0.003, doubt)


def _order(candidates: list[_Candidate]) -> list[_Candidate]:
    """Order candidates by score, the best measured of the winner's twins first.

    Plates are a last resort: where a CCD survey is credible they follow after all CCD surveys.
    """
    if any(_credible(c) for c in candidates) and any(c.plate for c in candidates):
        plates = [c for c in candidates if c.plate]
        return [*_order([c for c in candidates if not c.plate]), *_order(plates)]
    champion = max(candidates, key=lambda c: (c.nats, c.fit.band))
    twins = [c for c in candidates if c.band.letter == champion.band.letter]
    ties = [c for c in twins if _as_tight(c.fit, champion.fit)]
    best = min(ties, key=lambda c: (c.band.survey != "GAIASP", c.fit.zero_point_err))
    rest = [c for c in candidates if c is not best]
    return [best, *sorted(rest, key=lambda c: (-c.nats, c.fit.band))]


def _best_of_letter(ranked: list[_Candidate], letter: str) -> float:
    """Return the score of a passband: that of the best of its twins."""
    return max(c.nats for c in ranked if c.band.letter == letter)


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
    rival = max(others, key=lambda c: c.nats) if others else None
    margin = (
        _best_of_letter(ranked, best.band.letter) - rival.nats
        if rival is not None
        else float("inf")
    )
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
