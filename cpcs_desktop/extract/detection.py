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


@dataclass(frozen=True)
class Detections:
    """Sources found, before photometry; arrays have shape (n,).

    Parameters
    ----------
    shapes : structured ndarray
        sep's columns: x, y, a, b, theta, npix, tnpix, peak, flag ...
    segments : ndarray of int32, shape (ny, nx)
        Which source each pixel belongs to: row + 1, 0 for sky.
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
    stack = max(_SMALLEST_STACK, pixels.size // 20)
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
        # sep's angles are float32: the last digit may lie outside what its apertures accept
        shapes["theta"] = np.clip(shapes["theta"], -math.pi / 2, math.pi / 2)
        return Detections(shapes, segments)
