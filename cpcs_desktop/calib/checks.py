"""Quality checks in sentences: a traffic light, a number, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.fit import Check, CheckLevel, ZeroPointFit
from cpcs_desktop.datamodel.matches import MatchTable
from cpcs_desktop.datamodel.point import Measurement
from cpcs_desktop.datamodel.sources import Exposure, SourceCatalog
from cpcs_desktop.datamodel.survey import ReferenceCatalog

Array = NDArray[np.float64]

MJD_PLAUSIBLE_FROM = 48000.0  # 1990: digital frames of transients are not older
_PLAUSIBLE_EXPOSURE_S = (0.001, 20_000.0)


@dataclass(frozen=True)
class CheckInput:
    """What the checks look at.

    Parameters
    ----------
    exposure : Exposure
    sources : SourceCatalog
    fit : ZeroPointFit
        Of the chosen band.
    match : MatchTable
    reference : ReferenceCatalog
        Of the chosen band's survey.
    measurement : Measurement
    target_star_arcsec : float
        Distance of the nearest usable reference star from the target.
    radius_arcsec : float
        Acceptance radius.
    now_mjd : float
    """

    exposure: Exposure
    sources: SourceCatalog
    fit: ZeroPointFit
    match: MatchTable
    reference: ReferenceCatalog
    measurement: Measurement
    target_star_arcsec: float
    radius_arcsec: float
    now_mjd: float


def run_checks(given: CheckInput) -> tuple[Check, ...]:
    """Make every check that the input allows; the others are listed as unavailable."""
    return (*(check(given) for check in _CHECKS), _TARGET_COLOUR)


def _light(value: float, amber: float, red: float) -> CheckLevel:
    """Return the light of a number that is the worse the larger it is."""
    if value >= red:
        return "red"
    return "amber" if value >= amber else "green"


def _clean(given: CheckInput) -> NDArray[np.bool_]:
    """Return the stars of the fit that count: not excluded, more likely good than bad."""
    return np.asarray(~given.fit.excluded & (given.fit.membership > 0.5))


def _few_stars(given: CheckInput) -> Check:
    n = given.fit.n_used
    level: CheckLevel = "green" if n >= 20 else "amber" if n >= 8 else "red"
    advice = "" if level == "green" else " Use a wider field or a deeper survey."
    return Check("few_stars", level, n, f"{n:.1f} stars carry the zero point.{advice}")


def _dominant_star(given: CheckInput) -> Check:
    share = given.fit.largest_weight
    level = _light(share, 0.3, 0.5)
    advice = "" if level == "green" else " Take it out and see whether the zero point moves."
    return Check(
        "dominant_star", level, share, f"The heaviest star carries {share:.0%} of the fit.{advice}"
    )


def _colour_term(given: CheckInput) -> Check:
    fit = given.fit
    if not np.isfinite(fit.colour_slope):
        return Check("colour_term", "unavailable", None, "No colours of the stars are known.")
    slope, err = fit.colour_slope, fit.colour_slope_err
    significant = abs(slope) > 3.0 * err
    size = abs(slope)
    level: CheckLevel = "green"
    if significant and size > 0.05:
        level = "red" if size > 0.2 else "amber"
    elif size > 0.2 and abs(slope) > 2.0 * err:
        level = "amber"
    advice = (
        ""
        if level == "green"
        else f" The frame is not quite in {fit.band}: a target of other colour than its"
        " references is off by this slope times the difference."
    )
    return Check(
        "colour_term",
        level,
        slope,
        f"Residuals change by {slope:+.3f} +- {err:.3f} mag per mag of g-i.{advice}",
    )


def _bright_end(given: CheckInput) -> Check:
    fit, good = given.fit, _clean(given)
    if good.sum() < 20:
        return Check("bright_end", "unavailable", None, "Fewer than 20 stars: no bright end.")
    mag, residual = fit.mag_inst[good], fit.residual[good]
    weight = 1.0 / (fit.mag_inst_err[good] ** 2 + fit.mag_ref_err[good] ** 2 + fit.scatter**2)
    edge = np.quantile(mag, 0.15)
    bright = mag <= edge
    difference = np.average(residual[bright], weights=weight[bright]) - np.average(
        residual[~bright], weights=weight[~bright]
    )
    err = float(np.sqrt(1.0 / weight[bright].sum() + 1.0 / weight[~bright].sum()))
    bend = float(difference)
    level: CheckLevel = "green"
    if abs(bend) > 4.0 * err and abs(bend) > 0.03:
        level = "red" if abs(bend) > 0.15 else "amber"
    advice = (
        ""
        if level == "green"
        else f" Saturation or non-linearity: take out stars brighter than {edge:.1f} instrumental."
    )
    return Check(
        "bright_end", level, bend, f"The brightest 15 % lie {bend:+.3f} mag off the rest.{advice}"
    )


def _gradient(given: CheckInput) -> Check:
    fit, good = given.fit, _clean(given)
    x, y = given.sources.x[fit.source_row], given.sources.y[fit.source_row]
    east = (given.sources.ra[fit.source_row] + 180.0) % 360.0
    if not np.isfinite(x).all():
        x = east * np.cos(np.radians(given.sources.dec[fit.source_row]))
        y = given.sources.dec[fit.source_row]
    good = good & np.isfinite(x) & np.isfinite(y)
    if good.sum() < 20:
        return Check("gradient", "unavailable", None, "Fewer than 20 stars: no gradient.")
    weight = 1.0 / (fit.mag_inst_err[good] ** 2 + fit.mag_ref_err[good] ** 2 + fit.scatter**2)
    columns = [np.ones(good.sum())]
    for place in (x[good], y[good]):
        span = max(float(np.ptp(place)), 1e-12)
        columns.append((place - place.min()) / span - 0.5)
    design = np.stack(columns, axis=1)
    normal = design.T @ (weight[:, None] * design)
    if np.linalg.cond(normal) > 1e10:
        return Check("gradient", "unavailable", None, "The stars lie on a line.")
    inverse = np.linalg.inv(normal)
    solution = inverse @ (design.T @ (weight * fit.residual[good]))
    size = float(np.hypot(solution[1], solution[2]))
    err = float(np.sqrt(inverse[1, 1] + inverse[2, 2]))
    level: CheckLevel = "green"
    if size > 4.0 * err and size > 0.03:
        level = "red" if size > 0.2 else "amber"
    advice = (
        "" if level == "green" else " Check flat field and clouds; stars near the target count."
    )
    return Check(
        "gradient",
        level,
        size,
        f"The zero point changes by {size:.3f} +- {err:.3f} mag across the frame.{advice}",
    )


def _formal_errors(given: CheckInput) -> Check:
    fit, good = given.fit, _clean(given)
    if good.sum() < 10:
        return Check("formal_errors", "unavailable", None, "Fewer than 10 stars.")
    v = fit.mag_inst_err[good] ** 2 + fit.mag_ref_err[good] ** 2
    k = float(np.sqrt(np.median(fit.residual[good] ** 2 / np.maximum(v, 1e-8)) / 0.4549))
    level = _light(k, 3.0, 10.0) if fit.scatter > 0.03 else "green"
    advice = "" if level == "green" else f" The fit adds {fit.scatter:.3f} mag of scatter for it."
    return Check(
        "formal_errors", level, k, f"Residuals are {k:.1f} times their formal errors.{advice}"
    )


def _astrometric_offset(given: CheckInput) -> Check:
    offset = float(np.hypot(*given.match.offset_arcsec))
    level = _light(offset, max(1.0, 0.5 * given.radius_arcsec), max(3.0, given.radius_arcsec))
    if level == "red":
        level = "amber"  # it was taken out; a wrong solution fails elsewhere
    advice = "" if level == "green" else " It was taken out; solving the frame anew is better."
    return Check(
        "astrometric_offset",
        level,
        offset,
        f"Sources lie {offset:.2f} arcsec off the reference stars on average.{advice}",
    )


def _wrong_match(given: CheckInput) -> Check:
    p = given.match.p_shuffled
    if not np.isfinite(p):
        return Check("wrong_match", "unavailable", None, "Too few pairs to test by shuffling.")
    level: CheckLevel = "green" if p < 1e-4 else "amber" if p < 1e-2 else "red"
    advice = "" if level == "green" else " Many pairs may be chance: check the astrometry."
    return Check(
        "wrong_match",
        level,
        given.match.correlation,
        f"Magnitudes of pairs correlate by {given.match.correlation:.2f}; shuffled pairs reach"
        f" that with a chance of {p:.1g}.{advice}",
    )


def _outliers(given: CheckInput) -> Check:
    f = given.fit.outlier_fraction
    state = given.fit.state
    hidden = state is not None and state.n_modes > 1
    level = _light(f, 0.25, 0.5)
    message = f"{f:.0%} of the stars are outliers."
    if hidden:
        level = "amber" if level == "green" else level
        message += " The differences have more than one peak: see the histogram."
    elif level != "green":
        message += " Crowding, a wrong match or clouds: look at the image."
    return Check("outliers", level, f, message)


def _target_magnitude(given: CheckInput) -> Check:
    good = _clean(given)
    mag = given.measurement.mag
    if not good.any():
        return Check("target_magnitude", "unavailable", None, "No good reference star.")
    bright, faint = (float(q) for q in np.quantile(given.fit.mag_ref[good], (0.0, 1.0)))
    beyond = max(bright - mag, mag - faint, 0.0)
    limit = given.measurement.kind == "UPPER_LIMIT"
    level: CheckLevel = "green" if limit and mag > faint else _light(beyond, 0.5, 3.0)
    advice = "" if level == "green" else " The magnitude is extrapolated: check linearity."
    return Check(
        "target_magnitude",
        level,
        beyond,
        f"The references span {bright:.1f} to {faint:.1f} mag.{advice}",
    )


def _target_is_reference(given: CheckInput) -> Check:
    distance = given.target_star_arcsec
    if not np.isfinite(distance) or distance > given.radius_arcsec:
        value = distance if np.isfinite(distance) else None
        return Check(
            "target_is_reference", "green", value, "No survey star stands at the target's place."
        )
    return Check(
        "target_is_reference",
        "amber",
        distance,
        f"A survey star lies {distance:.1f} arcsec from the target: its light is in the"
        " measurement, or it is the target. It takes no part in the fit.",
    )


def _exposure(given: CheckInput) -> Check:
    seconds = given.exposure.frame.exposure_s
    if seconds is None:
        return Check("exposure", "unavailable", None, "The exposure time is unknown: give it.")
    low, high = _PLAUSIBLE_EXPOSURE_S
    if low <= seconds <= high:
        return Check("exposure", "green", seconds, f"Exposure {seconds:g} s.")
    return Check("exposure", "red", seconds, f"An exposure of {seconds:g} s is implausible.")


def _mjd(given: CheckInput) -> Check:
    mjd = given.exposure.frame.mjd
    if mjd is None:
        return Check("mjd", "unavailable", None, "The time is unknown: give the MJD.")
    if MJD_PLAUSIBLE_FROM <= mjd <= given.now_mjd + 1.0:
        return Check("mjd", "green", mjd, f"Mid-exposure at MJD {mjd:.5f}.")
    return Check("mjd", "red", mjd, f"MJD {mjd:.5f} is implausible: check date and time zone.")


def _clock(given: CheckInput) -> Check:
    mjd = given.exposure.frame.mjd
    if mjd is None:
        return Check("clock", "unavailable", None, "The frame carries no time.")
    ahead_h = (mjd - given.now_mjd) * 24.0
    if ahead_h > 0.05:
        return Check(
            "clock",
            "amber" if ahead_h <= 24.0 else "red",
            ahead_h,
            f"The frame is {ahead_h:.1f} h ahead of this computer's clock: local time instead of"
            " UTC, or a wrong clock.",
        )
    return Check("clock", "green", 0.0, "The frame is not ahead of this computer's clock.")


#: One frame cannot tell it; it is listed so that nobody takes it for checked.
_TARGET_COLOUR = Check(
    "target_colour",
    "unavailable",
    None,
    "One frame does not tell the target's colour; the error budget holds the references' spread of"
    " colour times the slope.",
)

_CHECKS: tuple[Callable[[CheckInput], Check], ...] = (
    _few_stars,
    _dominant_star,
    _colour_term,
    _bright_end,
    _gradient,
    _formal_errors,
    _astrometric_offset,
    _wrong_match,
    _outliers,
    _target_magnitude,
    _target_is_reference,
    _exposure,
    _mjd,
    _clock,
)
