"""Finding sources with SExtractor's algorithm (Bertin & Arnouts 1996, A&AS 117, 393) in sep."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.settings import ExtractionSettings

#: SExtractor's default.conv, an all-ground convolution mask with FWHM = 2 pixels.
DEFAULT_CONV = ((1.0, 2.0, 1.0), (2.0, 4.0, 2.0), (1.0, 2.0, 1.0))
#: Pixels above threshold held at once: SExtractor's MEMORY_PIXSTACK, and what crowded frames need.
_SMALLEST_STACK = 300_000
_SUB_SOURCES = 4096
_BAND_ROWS = 32  # rows that fit the fast cache


@dataclass(frozen=True)
class Detections:
    """Sources found, before photometry; arrays have shape (n,).

    Parameters
    ----------
    shapes : structured ndarray
        sep's columns: x, y, a, b, theta, npix, tnpix, peak, flag ...
    segments : ndarray of int32, shape (ny, nx)
        Which source each pixel belongs to: row + 1, 0 for sky; one number more for specks above
        the threshold that are too small to be sources.
    """

    shapes: NDArray[Any]
    segments: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.shapes)

    @property
    def ids(self) -> NDArray[np.int32]:
        """Numbers of the sources in ``segments``."""
        return np.arange(1, len(self.shapes) + 1, dtype=np.int32)


def detect(
    pixels: NDArray[np.float32],
    rms: float,
    bad: NDArray[np.bool_] | None,
    settings: ExtractionSettings,
) -> Detections:
    """Find sources on a background-subtracted image.

    Parameters
    ----------
    pixels : ndarray of float32, shape (ny, nx)
        ADU, background subtracted.
    rms : float
        Noise of one pixel, ADU; the threshold is ``settings.threshold * rms``.
    bad : ndarray of bool or None
    settings : ExtractionSettings

    Raises
    ------
    CpcsError
        ``too_crowded`` when more pixels lie above the threshold than can be sources.
    """
    import sep

    sep.set_sub_object_limit(_SUB_SOURCES)
    stack = max(_SMALLEST_STACK, pixels.size // 40)
    while True:
        sep.set_extract_pixstack(min(stack, max(pixels.size, _SMALLEST_STACK)))
        try:
            shapes, segments = sep.extract(
                pixels,
                settings.threshold * rms,
                mask=bad,
                minarea=settings.min_area,
                filter_kernel=np.array(DEFAULT_CONV, dtype=np.float32),
                filter_type="conv",
                deblend_nthresh=settings.deblend_levels,
                deblend_cont=settings.deblend_contrast,
                clean=settings.clean > 0,
                clean_param=settings.clean,
                segmentation_map=True,
            )
        except Exception as error:  # sep raises bare Exception
            if "pixel buffer" in str(error) and stack < pixels.size:
                stack *= 4
                continue
            raise CpcsError(
                "too_crowded",
                "Too much of the frame lies above the detection threshold to tell sources apart.",
                "Raise the threshold, or check that the frame is flat-fielded.",
            ) from error
        _make_usable(shapes)
        return Detections(shapes, segments)


def _make_usable(shapes: NDArray[Any]) -> None:
    """Keep ellipses within what sep's apertures accept, in place.

    Its angles are float32, the last digit of which may lie outside; moments of absurd pixels
    overflow.
    """
    shapes["theta"] = np.clip(shapes["theta"], -math.pi / 2, math.pi / 2)
    numbers = np.stack([shapes[name] for name in ("x", "y", "a", "b", "theta")])
    wrong = ~np.isfinite(numbers).all(axis=0) | (shapes["b"] <= 0) | (shapes["a"] < shapes["b"])
    if wrong.any():
        shapes["x"][wrong] = (shapes["xmin"] + shapes["xmax"])[wrong] / 2
        shapes["y"][wrong] = (shapes["ymin"] + shapes["ymax"])[wrong] / 2
        shapes["a"][wrong] = shapes["b"][wrong] = 0.5
        shapes["theta"][wrong] = 0.0


def mark_specks(
    found: Detections, pixels: NDArray[np.float32], threshold: float, min_area: int
) -> NDArray[np.int64]:
    """Mark pixels above the threshold that belong to no source.

    SExtractor masks them in the photometry of their neighbours as it masks sources, and the last
    row of each detection that cleaning took away: the rest of it has been pasted back. They get the
    number ``len(found) + 1`` in ``found.segments``, in place; blank sky must be measured before, or
    its noise would lose its upper tail.

    Parameters
    ----------
    found : Detections
    pixels : ndarray of float32, shape (ny, nx)
        Background subtracted, ADU.
    threshold : float
        Of the filtered image, ADU.
    min_area : int
        Pixels that make a source.

    Returns
    -------
    ndarray of int64, shape (k,)
        Rows of the sources that swallowed a detection which touched the edge: SExtractor hands
        that flag on.
    """
    ny, nx = pixels.shape
    places = [
        _high_places(pixels, found.segments, threshold, start) for start in range(0, ny, _BAND_ROWS)
    ]
    left = np.concatenate(places)
    if len(left) == 0 or len(found) == 0:
        return np.empty(0, dtype=np.int64)
    x, y = left % nx, left // nx
    group = _touching(left, nx)
    size = np.bincount(group)
    last_row = np.zeros(len(size), dtype=np.int64)
    np.maximum.at(last_row, group, y)
    masked = (size[group] < min_area) | (y == last_row[group])
    found.segments.reshape(-1)[left[masked]] = len(found) + 1
    at_edge = (x == 0) | (x == nx - 1) | (y == 0) | (y == ny - 1)
    cut = np.unique(group[at_edge & (size[group] >= min_area)])
    centres = [(np.bincount(group, axis) / size)[cut] for axis in (x, y)]
    return _nearest(found, *centres)


def _nearest(
    found: Detections, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the rows of the sources nearest to these (few) places."""
    s = found.shapes
    return np.array(
        [np.argmin((s["x"] - x0) ** 2 + (s["y"] - y0) ** 2) for x0, y0 in zip(x, y, strict=True)],
        dtype=np.int64,
    )


def _touching(places: NDArray[np.int64], nx: int) -> NDArray[np.int64]:
    """Return the group of each pixel (corners touch); pixels come as sorted flat indices."""
    ones, others = [], []
    for step in (1, nx - 1, nx, nx + 1):
        at = np.minimum(np.searchsorted(places, places + step), len(places) - 1)
        # an index that runs over the end of a row joins pixels of opposite edges: not touching
        near = np.abs(places[at] % nx - places % nx) <= 1
        hit = np.flatnonzero((places[at] == places + step) & near)
        ones.append(hit)
        others.append(at[hit])
    one, other = np.concatenate(ones), np.concatenate(others)
    group = np.arange(len(places))
    while True:  # groups are a few pixels across: the smallest number spreads in as many rounds
        smallest = np.minimum(group[one], group[other])
        before = group.copy()
        np.minimum.at(group, one, smallest)
        np.minimum.at(group, other, smallest)
        if (group == before).all():
            return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _high_places(
    pixels: NDArray[np.float32], segments: NDArray[np.int32], threshold: float, start: int
) -> NDArray[np.int64]:
    """Return flat indices of filtered pixels above the threshold that are sky in ``segments``.

    default.conv is [1 2 1] along rows and columns, over 16; beyond the edge there is nothing.
    """
    ny, nx = pixels.shape
    stop = min(start + _BAND_ROWS, ny)
    first, last = max(start - 1, 0), min(stop + 1, ny)
    framed = np.zeros((stop - start + 2, nx + 2), dtype=np.float32)
    framed[first - start + 1 : last - start + 1, 1:-1] = pixels[first:last]
    along = framed[:, :-2] + framed[:, 2:]
    for _ in range(2):
        along += framed[:, 1:-1]
    filtered = along[:-2] + along[2:]
    for _ in range(2):
        filtered += along[1:-1]
    high = filtered > np.float32(16 * threshold)
    high &= segments[start:stop] == 0
    return np.asarray(np.flatnonzero(high) + start * nx, dtype=np.int64)
