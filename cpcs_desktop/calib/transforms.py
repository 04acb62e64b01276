r"""Published transformations between photometric systems: one table, one function.

SDSS to Johnson-Cousins: Jordi, Grebel & Ammon 2006, A&A 460, 339, Table 3 (all stars)::

    B - g = 0.313 (g-r) + 0.219       V - g = -0.565 (g-r) - 0.016      I - i = -0.386 (i-z) - 0.397

For R the paper's own inverse is solved, because the direct relation R - r = -0.153 (r-i) - 0.117
gives R 0.03 to 0.09 mag fainter than it::

    r - R = 0.267 (V-R) + 0.088   for V - R <= 0.93,      0.77 (V-R) - 0.37   beyond,

with V from g - r. From r - R = a (V - R) + b follows R = (r - b - a V) / (1 - a). The 0.05 mag
doubt that remains is common to all stars: it stands in the error budget's survey line
(``COMMON_DOUBT``), not in every star's error, where it would hide R frames from R.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.survey import ReferenceCatalog

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Transformation:
    """``target = base + slope * (blue - red) + intercept`` inside a colour range.

    Parameters
    ----------
    survey, target, base, blue, red : str
        Survey key and band letters.
    slope, slope_err, intercept, intercept_err : float
    colour_range : (float, float)
        Range of blue - red, mag, outside which nothing is yielded.
    source : str
    """

    survey: str
    target: str
    base: str
    blue: str
    red: str
    slope: float
    slope_err: float
    intercept: float
    intercept_err: float
    colour_range: tuple[float, float]
    source: str


_JORDI = "Jordi, Grebel & Ammon 2006, A&A 460, 339"

#: In the order in which they are applied: a later one may use what an earlier one made.
TRANSFORMATIONS: tuple[Transformation, ...] = (
    Transformation("SDSS", "B", "g", "g", "r", 0.313, 0.003, 0.219, 0.002, (-0.5, 1.6), _JORDI),
    Transformation("SDSS", "V", "g", "g", "r", -0.565, 0.001, -0.016, 0.001, (-0.5, 1.6), _JORDI),
    Transformation("SDSS", "I", "i", "i", "z", -0.386, 0.004, -0.397, 0.001, (-0.5, 1.2), _JORDI),
)

#: r - R = a (V-R) + b, for V - R up to the limit; a, a_err, b, b_err, limit. Jordi et al. 2006.
_R_PIECES = ((0.267, 0.005, 0.088, 0.003, 0.93), (0.77, 0.04, -0.37, 0.04, np.inf))
_R_COLOUR_RANGE = (-0.5, 1.6)  # g - r

#: Systematic doubt of derived bands, mag, common to all stars; goes into the survey line.
COMMON_DOUBT: Mapping[str, float] = {"SDSS/R": 0.05}


def add_derived_bands(stars: ReferenceCatalog) -> ReferenceCatalog:
    """Return the catalogue with the bands its survey gets by transformation.

    Errors of the magnitudes, of their correlation through the shared base band, and of the
    coefficients are carried into ``mag_err``. A catalogue without such bands comes back as it is.
    """
    mags = dict(zip(stars.letters, stars.mag.T, strict=True))
    errs = dict(zip(stars.letters, stars.mag_err.T, strict=True))
    for rule in TRANSFORMATIONS:
        if rule.survey == stars.survey and {rule.base, rule.blue, rule.red} <= set(mags):
            mags[rule.target], errs[rule.target] = _apply(rule, mags, errs)
    if stars.survey == "SDSS" and {"V", "g", "r"} <= set(mags):
        mags["R"], errs["R"] = _cousins_r(mags, errs)
    if len(mags) == len(stars.letters):
        return stars
    return replace(
        stars,
        letters=tuple(mags),
        mag=np.stack(list(mags.values()), axis=1),
        mag_err=np.stack(list(errs.values()), axis=1),
    )


def _apply(
    rule: Transformation, mags: Mapping[str, Array], errs: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Return magnitudes and errors of one transformation; NaN outside its colour range."""
    colour = mags[rule.blue] - mags[rule.red]
    mag = mags[rule.base] + rule.slope * colour + rule.intercept
    # the base band is also the blue one in every relation of the table
    weight_blue = 1.0 + rule.slope if rule.base == rule.blue else rule.slope
    variance = (
        (weight_blue * errs[rule.blue]) ** 2
        + (rule.slope * errs[rule.red]) ** 2
        + (0.0 if rule.base == rule.blue else 1.0) * errs[rule.base] ** 2
        + (colour * rule.slope_err) ** 2
        + rule.intercept_err**2
    )
    with np.errstate(invalid="ignore"):
        inside = (colour >= rule.colour_range[0]) & (colour <= rule.colour_range[1])
    return np.where(inside, mag, np.nan), np.where(inside, np.sqrt(variance), np.nan)


def _cousins_r(mags: Mapping[str, Array], errs: Mapping[str, Array]) -> tuple[Array, Array]:
    """Solve r - R = a (V - R) + b for R, in the piece of V - R that is consistent."""
    r, v, colour = mags["r"], mags["V"], mags["g"] - mags["r"]
    mag = np.full_like(r, np.nan)
    err = np.full_like(r, np.nan)
    for a, a_err, b, b_err, limit in _R_PIECES:
        value = (r - b - a * v) / (1.0 - a)
        with np.errstate(invalid="ignore"):
            fits = np.isnan(mag) & (v - value <= limit)
        # dR/da = (R - V) / (1 - a); V leans on g and r: V = 0.435 g + 0.565 r - 0.016
        variance = (
            ((1.0 - 0.565 * a) * errs["r"]) ** 2
            + (0.435 * a * errs["g"]) ** 2
            + (a_err * (v - value)) ** 2
            + b_err**2
        ) / (1.0 - a) ** 2
        mag, err = np.where(fits, value, mag), np.where(fits, np.sqrt(variance), err)
    with np.errstate(invalid="ignore"):
        inside = (colour >= _R_COLOUR_RANGE[0]) & (colour <= _R_COLOUR_RANGE[1])
    return np.where(inside, mag, np.nan), np.where(inside, err, np.nan)
