"""Widths of star images, and the aperture that suits them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.extract.detection import Detections
from cpcs_desktop.extract.mirrored import Plane

#: FWHM of a Gaussian in units of its sigma.
FWHM_OF_SIGMA = 2 * math.sqrt(2 * math.log(2))
#: Diameter of the default aperture in units of the seeing: near the best signal to noise for faint
#: stars, and wide enough that changes of seeing over the frame stay below a few per cent.
APERTURE_PER_FWHM = 2.0
SMALLEST_APERTURE_PIX = 4.0
_CLEAN_ENOUGH = 20


def widths(found: Detections) -> NDArray[np.float64]:
    """Return each source's FWHM in pixels, NaN where its peak is no higher than the threshold.

    Notes
    -----
    A Gaussian of peak P stands above a threshold T on an area of ``2 pi sigma^2 ln(P / T)``;
    area, peak and threshold are measured on the unfiltered image.
    """
    s = found.shapes
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma2 = s["tnpix"] / (2 * math.pi * np.log(s["peak"] / s["thresh"]))
    good = np.isfinite(sigma2) & (sigma2 > 0) & (s["tnpix"] > 0)
    return np.where(good, FWHM_OF_SIGMA * np.sqrt(np.where(good, sigma2, 1.0)), np.nan)


def isophotal_snr(found: Detections, plane: Plane) -> NDArray[np.float64]:
    """Return flux over error inside the isophotes, shape (n,)."""
    s = found.shapes
    variance = s["npix"] * plane.rms**2
    if plane.gain is not None:
        variance = variance + np.maximum(s["flux"], 0) / plane.gain
    return np.asarray(s["flux"] / np.sqrt(variance), dtype=np.float64)


def seeing_pix(
    fwhm: NDArray[np.float64], snr: NDArray[np.float64], spoilt: NDArray[np.bool_]
) -> float:
    """Return the frame's seeing: the median FWHM of its clean, bright sources.

    Parameters
    ----------
    fwhm : ndarray
        Pixels.
    snr : ndarray
        Flux over its error.
    spoilt : ndarray of bool
        Saturated, blended or truncated sources: they tell nothing.

    Returns
    -------
    float
        Pixels; NaN when there is no usable source.
    """
    usable = np.isfinite(fwhm) & (snr > 0) & ~spoilt
    for floor in (30.0, 10.0, 5.0, 0.0):
        chosen = usable & (snr > floor)
        if chosen.sum() >= _CLEAN_ENOUGH or (floor == 0.0 and chosen.any()):
            return float(np.median(fwhm[chosen]))
    return math.nan


def suited_aperture(seeing: float, shape: tuple[int, int]) -> float:
    """Return an aperture diameter in pixels that suits the seeing, on a grid of half pixels.

    It stays under an eighth of the frame, whatever the widths of a few large galaxies say.
    """
    if not math.isfinite(seeing):
        return SMALLEST_APERTURE_PIX
    wanted = min(round(2 * APERTURE_PER_FWHM * seeing) / 2, min(shape) // 8)
    return max(SMALLEST_APERTURE_PIX, wanted)
