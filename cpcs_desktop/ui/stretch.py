"""From pixels to the 256 grey levels of a screen; numpy only, made for a background thread."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

_STEPS = 4096
_ROWS_AT_ONCE = 256
_SAMPLE = 60_000


class Stretch(StrEnum):
    """How grey follows from intensity between the two levels."""

    LINEAR = "linear"
    LOG = "log"
    SQRT = "sqrt"
    ASINH = "asinh"
    HISTEQ = "histeq"


def sample(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return finite pixels spread evenly over the image, at most about 60,000, sorted."""
    stride = max(1, int(np.sqrt(pixels.size / _SAMPLE)))
    taken = pixels[::stride, ::stride].ravel()
    return np.sort(taken[np.isfinite(taken)]).astype(np.float64)


def zscale(ordered: NDArray[np.float64], contrast: float = 0.25) -> tuple[float, float]:
    """Return the two levels of IRAF's zscale.

    Parameters
    ----------
    ordered : ndarray of float64, shape (n,)
        Sorted sample of pixels.
    contrast : float
        Slope of the displayed range against the slope of the sorted sample.

    Notes
    -----
    A line is fitted to the sorted sample against its rank, rejecting points beyond 2.5 sigma for
    five rounds; the levels are ``median -+ slope / contrast * distance to the ends``, inside the
    sample's range (IRAF ``display``, task documentation).
    """
    n = len(ordered)
    if n == 0:
        return 0.0, 1.0
    low, high = float(ordered[0]), float(ordered[-1])
    median = float(np.median(ordered))
    rank = np.arange(n, dtype=np.float64)
    keep = np.ones(n, dtype=bool)
    slope = 0.0
    for _ in range(5):
        if keep.sum() < max(5, n // 2):
            break
        slope, start = np.polyfit(rank[keep], ordered[keep], 1)
        off = ordered - (start + slope * rank)
        sigma = float(off[keep].std())
        fresh = np.abs(off) <= 2.5 * sigma
        # The neighbours of a rejected point go with it.
        fresh &= np.roll(fresh, 1) & np.roll(fresh, -1)
        if (fresh == keep).all():
            break
        keep = fresh
    if keep.sum() >= max(5, n // 2) and contrast > 0:
        slope = float(slope) / contrast
        low = max(low, median - (n - 1) / 2 * slope)
        high = min(high, median + (n - 1) / 2 * slope)
    return (low, high) if high > low else (low, low + 1.0)


def percentile(ordered: NDArray[np.float64], percent: float) -> tuple[float, float]:
    """Return the levels that hold the middle ``percent`` of a sorted sample."""
    if len(ordered) == 0:
        return 0.0, 1.0
    cut = (100.0 - percent) / 2.0
    low, high = (float(v) for v in np.percentile(ordered, [cut, 100.0 - cut]))
    return (low, high) if high > low else (low, low + 1.0)


def curve(
    stretch: Stretch, ordered: NDArray[np.float64], low: float, high: float
) -> NDArray[np.uint8]:
    """Return the grey level of each of 4096 equal steps between the levels."""
    t = np.linspace(0.0, 1.0, _STEPS)
    match stretch:
        case Stretch.LINEAR:
            grey = t
        case Stretch.LOG:
            grey = np.log1p(1000.0 * t) / np.log1p(1000.0)
        case Stretch.SQRT:
            grey = np.sqrt(t)
        case Stretch.ASINH:
            grey = np.arcsinh(10.0 * t) / np.arcsinh(10.0)
        case Stretch.HISTEQ:
            inside = ordered[(ordered >= low) & (ordered <= high)]
            at = low + t * (high - low)
            grey = np.searchsorted(inside, at) / max(1, len(inside))
    return np.round(grey * 255.0).astype(np.uint8)


def to_grey(
    pixels: NDArray[np.float32],
    levels: tuple[float, float],
    stretch: Stretch,
    ordered: NDArray[np.float64],
    cancelled: Callable[[], bool] = lambda: False,
) -> NDArray[np.uint8]:
    """Return the image as grey bytes, shape (ny, nx); bad pixels are 0.

    Works in strips, so that a 4096 x 4096 image needs no second copy in floats.
    """
    low, high = levels
    table = curve(stretch, ordered, low, high)
    grey = np.zeros(pixels.shape, dtype=np.uint8)
    scale = np.float32((_STEPS - 1) / (high - low))
    for top in range(0, len(pixels), _ROWS_AT_ONCE):
        if cancelled():
            break
        strip = pixels[top : top + _ROWS_AT_ONCE]
        step = np.nan_to_num((strip - np.float32(low)) * scale, nan=0.0)
        np.clip(step, 0, _STEPS - 1, out=step)
        grey[top : top + _ROWS_AT_ONCE] = table[step.astype(np.uint16)]
    return grey
