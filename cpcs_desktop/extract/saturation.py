"""Where pixels saturate, concluded from the plateau on which the brightest stars end."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.extract.detection import Detections

#: Sources looked at, the highest first.
_MOST_SOURCES = 200
#: Pixels this near a source's peak make its top.
_TOP = 0.02
#: A top is flat when it has this many pixels, and so many times what a star of its width has.
_FLAT_PIXELS, _FLAT_TIMES = 5, 4.0
#: Flat tops this near each other are one level: a flat field moves them apart a little.
_SAME_LEVEL = 0.06
#: One source is enough where so many pixels agree to this share: clipped, never flat-fielded.
_CLIPPED_PIXELS, _CLIPPED = 8, 1e-3
#: Below the level no more than this share of the sources may have flat tops: else all do, by focus.
_FLAT_BELOW = 0.2


def plateau_level(
    found: Detections, pixels: NDArray[np.float32], sky_level: float, sky_rms: float
) -> float | None:
    """Return the level at which pixels are saturated, None where no plateau shows.

    Parameters
    ----------
    found : Detections
    pixels : ndarray of float32, shape (ny, nx)
        Background subtracted, ADU.
    sky_level, sky_rms : float
        ADU; the level returned is that of the frame's own pixels, sky included.

    Notes
    -----
    A star that is not saturated has a pixel or two within 2 % of its peak, and no two stars end at
    the same height. Saturated ones end on one plateau, which nothing but a cosmic ray exceeds.
    """
    peaks = np.asarray(found.shapes["peak"], dtype=np.float64)
    order = np.argsort(-peaks, kind="stable")[:_MOST_SOURCES]
    order = order[peaks[order] > 50 * sky_rms]
    tops = [_top(found, pixels, int(row), sky_level) for row in order]
    flat = np.array([is_flat for is_flat, _ in tops], dtype=bool)
    if not flat.any():
        return None
    levels = peaks[order] + sky_level
    highest = float(levels[flat].max())
    on_it = flat & (levels > (1 - _SAME_LEVEL) * highest)
    level = float(levels[on_it].min())
    clipped = any(is_clipped for (_, is_clipped), here in zip(tops, on_it, strict=True) if here)
    if on_it.sum() < 2 and not clipped:
        return None
    higher = [
        row
        for row in order[levels > 1.05 * highest]
        if _reaches(found, pixels, row, highest - sky_level)
    ]
    below = (levels < 0.9 * level) & (levels > 0.2 * level)
    if higher or (below.any() and flat[below].mean() > _FLAT_BELOW):
        return None
    return (1 - _TOP) * level


def _own_pixels(found: Detections, pixels: NDArray[np.float32], row: int) -> NDArray[np.float32]:
    s = found.shapes[row]
    box = slice(int(s["ymin"]), int(s["ymax"]) + 1), slice(int(s["xmin"]), int(s["xmax"]) + 1)
    own: NDArray[np.float32] = pixels[box][found.segments[box] == row + 1]
    return own


def _top(
    found: Detections, pixels: NDArray[np.float32], row: int, sky_level: float
) -> tuple[bool, bool]:
    """Say whether a source's top is flat, and whether its pixels are clipped at one value."""
    s = found.shapes[row]
    own = _own_pixels(found, pixels, row)
    peak = float(s["peak"])
    near = int((own > (1 - _TOP) * (peak + sky_level) - sky_level).sum())
    # a Gaussian is within this share of its peak on 2 pi sigma^2 times it
    ratio = peak / max(float(s["thresh"]), 1e-30)
    sigma2 = float(s["tnpix"]) / (2 * math.pi * math.log(ratio)) if ratio > 1 else 0.0
    expected = 2 * math.pi * sigma2 * _TOP * (peak + sky_level) / peak
    same = int((own > peak - _CLIPPED * (peak + sky_level)).sum())
    flat = near >= max(_FLAT_PIXELS, _FLAT_TIMES * expected)
    return flat, flat and same >= _CLIPPED_PIXELS


def _reaches(found: Detections, pixels: NDArray[np.float32], row: int, height: float) -> bool:
    """Say whether a source, more than a cosmic ray or a hot pixel, reaches beyond a height."""
    return bool((_own_pixels(found, pixels, int(row)) > 1.05 * height).sum() >= 3)
