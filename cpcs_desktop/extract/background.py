"""The sky under the stars: mesh background as SExtractor makes it, subtracted in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.settings import ExtractionSettings

#: A frame with a larger share of equal pixels is blanked or too coarsely digitised to have noise.
SAME_VALUE_SHARE = 0.9


@dataclass(frozen=True)
class SkyLevel:
    """Global numbers of the subtracted background, ADU.

    Parameters
    ----------
    level : float
        Median of the mesh.
    rms : float
        Median noise of one pixel; sets the detection threshold and the errors.
    """

    level: float
    rms: float


def _one_value(pixels: NDArray[np.float32]) -> bool:
    """Say whether nearly all pixels have the same value; 100,000 of them are asked."""
    sample = pixels.ravel()[:: max(1, pixels.size // 100_003)]
    return bool(np.mean(sample == np.median(sample)) > SAME_VALUE_SHARE)


def subtract_background(
    pixels: NDArray[np.float32], bad: NDArray[np.bool_] | None, settings: ExtractionSettings
) -> SkyLevel:
    """Subtract the background from ``pixels`` in place; bad pixels become 0.

    Parameters
    ----------
    pixels : ndarray of float32, shape (ny, nx)
        ADU, changed in place.
    bad : ndarray of bool, shape (ny, nx), or None
        Pixels that mean nothing.
    settings : ExtractionSettings
        ``back_size`` and ``back_filter_size``.

    Returns
    -------
    SkyLevel

    Raises
    ------
    CpcsError
        ``no_noise`` when nearly all pixels have the same value, so that no threshold can be set;
        ``unreadable`` when all pixels are bad.
    """
    import sep

    if bad is not None:
        if bad.all():
            raise CpcsError(
                "unreadable", "Every pixel of the frame is undefined.", "Check the file."
            )
        pixels[bad] = 0.0
    size, width = settings.back_size, settings.back_filter_size
    mesh = sep.Background(pixels, mask=bad, bw=size, bh=size, fw=width, fh=width)
    level, rms = float(mesh.globalback), float(mesh.globalrms)
    if not (np.isfinite(rms) and rms > 0) or _one_value(pixels):
        raise CpcsError(
            "no_noise",
            "The frame's background has no noise: nearly all pixels have the same value.",
            "Give the calibrated frame itself, not a mask, a cut-out or a scaled copy.",
        )
    mesh.subfrom(pixels)
    if bad is not None:
        pixels[bad] = 0.0
    return SkyLevel(level, rms)
