"""One colour for every source of a frame, on the scale of g - i, from whichever survey knows it.

The slope of residuals with colour is the sign that a band is not the instrument's. To compare
bands of different surveys the colour must be the same, so colours of other systems are put on the
g - i scale by straight lines good to about 0.1 mag along the stellar locus (drawn through an F0, a
G2 and an M0 dwarf: Pecaut & Mamajek 2013; Covey et al. 2007).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.matches import MatchTable
from cpcs_desktop.datamodel.survey import ReferenceCatalog

Array = NDArray[np.float64]

#: (blue, red, slope, intercept) of g - i = slope * (blue - red) + intercept, best colour first.
COLOUR_SCALES: tuple[tuple[str, str, float, float], ...] = (
    ("g", "i", 1.0, 0.0),
    ("GBP", "GRP", 1.37, -0.56),
    ("g", "r", 1.45, -0.07),
    ("V", "I", 1.15, -0.26),
    ("B", "V", 1.65, -0.52),
    ("BT", "VT", 1.47, -0.50),
    ("J", "K", 2.75, -0.44),
    ("B1pg", "R1pg", 0.9, -0.4),
)
#: Surveys in the order in which their colours are trusted.
_TRUST = (
    "GAIASP", "PS1", "REFCAT2", "SDSS", "GAIA", "SKYMAPPER", "VSTATLAS", "APASS", "OGLE3",
    "TYCHO2", "2MASS", "USER", "USNO",
)  # fmt: skip
_LARGEST_ERR = 0.15


def star_colour(stars: ReferenceCatalog) -> Array:
    """Return g - i, or what stands for it, of every star of a survey; NaN where unknown."""
    colour = np.full(len(stars), np.nan)
    for blue, red, slope, intercept in COLOUR_SCALES:
        if blue in stars.letters and red in stars.letters:
            b, r = stars.letters.index(blue), stars.letters.index(red)
            value = slope * (stars.mag[:, b] - stars.mag[:, r]) + intercept
            with np.errstate(invalid="ignore"):
                noisy = np.hypot(stars.mag_err[:, b], stars.mag_err[:, r]) > _LARGEST_ERR
            value[noisy] = np.nan
            colour = np.where(np.isnan(colour), value, colour)
    return colour


def source_colours(
    n_sources: int,
    references: Mapping[str, ReferenceCatalog],
    matches: Mapping[str, MatchTable],
) -> Array:
    """Return the colour of every source, shape (n_sources,), NaN where no survey knows it.

    Parameters
    ----------
    n_sources : int
    references, matches : mapping by survey key
    """
    colour = np.full(n_sources, np.nan)
    for key in _TRUST:
        if key not in matches:
            continue
        table = matches[key]
        kept = table.why_rejected == 0
        rows = table.source_row[kept]
        value = star_colour(references[key])[table.star_row[kept]]
        unknown = np.isnan(colour[rows])
        colour[rows[unknown]] = value[unknown]
    return colour
