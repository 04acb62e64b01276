"""How deep a frame is at the target: the depth of an upper limit, each way with its name.

The faintest source of a list is not a limit: it once stored 27.66.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.sources import BlankSky, Exposure, SourceCatalog

Array = NDArray[np.float64]

BLANK_SKY = "blank-sky apertures around the target"
ERROR_MODEL = "error model of the source list"

_NEAREST_APERTURES = 200
_FEWEST_APERTURES = 30
_FEWEST_SOURCES = 10
_BRIGHT_SNR = 20.0
_POGSON = 2.5 / np.log(10.0)


def blank_sky_limit(blank: BlankSky, x: float, y: float, snr: float) -> float | None:
    """Return the instrumental aperture magnitude at which a star reaches ``snr`` at a place.

    The noise is the robust scatter (1.4826 MAD) of the sums in the nearest blank apertures, so it
    contains the sky's structure and the neighbours' light, not only photon noise.

    Parameters
    ----------
    blank : BlankSky
    x, y : float
        Pixels, 0-based.
    snr : float

    Returns
    -------
    float or None
        None with fewer than 30 apertures.
    """
    distance = np.hypot(blank.x - x, blank.y - y)
    nearest = np.argsort(distance, kind="stable")[:_NEAREST_APERTURES]
    flux = blank.flux[nearest]
    flux = flux[np.isfinite(flux)]
    if len(flux) < _FEWEST_APERTURES:
        return None
    sigma = 1.4826 * float(np.median(np.abs(flux - np.median(flux))))
    return float(-2.5 * np.log10(snr * sigma)) if sigma > 0 else None


def aperture_correction(exposure: Exposure, total: SourceCatalog) -> float:
    """Return the median of total minus aperture magnitude of bright clean stars, mag.

    Zero where the catalogue of apertures is the one that is calibrated.
    """
    aper = exposure.catalogs.get("APER")
    if aper is None or total.kind == "APER":
        return 0.0
    with np.errstate(invalid="ignore"):
        bright = (aper.mag_inst_err < 1.0 / _BRIGHT_SNR) & (aper.flags == 0)
        difference = (total.mag_inst - aper.mag_inst)[bright & np.isfinite(total.mag_inst)]
    return float(np.median(difference)) if len(difference) >= 3 else 0.0


def list_limit(sources: SourceCatalog, snr: float) -> float | None:
    """Return the instrumental magnitude at which the list's own errors reach ``snr``.

    Errors are modelled as ``err^2 = a + b 10^(0.4 m) + c 10^(0.8 m)`` (systematic floor, photon
    noise of the source, noise of the sky), fitted with non-negative coefficients to medians in
    bins of magnitude; S/N = 2.5 / ln 10 / err. Works with four columns.

    Returns
    -------
    float or None
        None with fewer than ten usable sources.
    """
    from scipy.optimize import nnls  # slow to import, and most frames need no limit

    with np.errstate(invalid="ignore"):
        known = (sources.mag_inst < 50) & (sources.mag_inst_err > 0) & (sources.mag_inst_err < 1)
    mag, err = sources.mag_inst[known], sources.mag_inst_err[known]
    if len(mag) < _FEWEST_SOURCES:
        return None
    order = np.lexsort((err, mag))
    groups = np.array_split(order, min(20, len(mag) // 5))
    m = np.array([np.median(mag[g]) for g in groups])
    v = np.array([np.median(err[g]) for g in groups]) ** 2
    zero = float(m[-1])
    x = 10.0 ** (0.4 * (m - zero))
    design = np.stack([np.ones_like(x), x, x * x], axis=1)
    (a, b, c), _ = nnls(design / v[:, None], np.ones_like(v))
    wanted = (_POGSON / snr) ** 2
    if a >= wanted or (b == 0 and c == 0):
        return None
    # smallest positive root of c x^2 + b x + a = wanted
    root = (wanted - a) / b if c == 0 else (-b + np.sqrt(b * b + 4 * c * (wanted - a))) / (2 * c)
    return float(zero + 2.5 * np.log10(root))
