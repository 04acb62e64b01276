"""Which marks lie over the image: sources, references, matched, excluded and saturated stars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.datamodel.sources import Exposure, SourceFlag
from cpcs_desktop.ui.theme import Rgb, Theme

if TYPE_CHECKING:
    from astropy.wcs import WCS


class Overlay(StrEnum):
    """Kinds of marks, each with a key to turn it on and off."""

    DETECTIONS = "detections"
    REFERENCES = "references"
    MATCHED = "matched"
    EXCLUDED = "excluded"
    SATURATED = "saturated"
    TARGET = "target"


#: symbol, size in screen pixels, what it means
LOOKS: Mapping[Overlay, tuple[str, int, str]] = {
    Overlay.DETECTIONS: ("o", 9, "every source measured on the frame"),
    Overlay.REFERENCES: ("d", 11, "reference stars of the shown survey"),
    Overlay.MATCHED: ("o", 15, "stars of the shown fit, coloured by membership"),
    Overlay.EXCLUDED: ("x", 13, "stars you took out"),
    Overlay.SATURATED: ("s", 15, "saturated sources, never used"),
    Overlay.TARGET: ("+", 30, "the event, with aperture and match radius at true size"),
}


@dataclass(frozen=True)
class Marks:
    """Marks of one kind; x, y in pixels, shape (n,)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    colours: tuple[Rgb, ...]


def positions(exposure: Exposure) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where to draw sources, pixels; a list without pixels is laid out on the sky.

    The layout has the mean position at (0, 0), east to the left, one arcsec a pixel.
    """
    sources = exposure.sources()
    if np.isfinite(sources.x).any():
        return sources.x, sources.y
    return sky_layout(sources.ra, sources.dec, *_centre(exposure))


def _centre(exposure: Exposure) -> tuple[float, float]:
    sources = exposure.sources()
    angle = np.radians(sources.ra[np.isfinite(sources.ra)])
    if len(angle) == 0:
        return 0.0, 0.0
    ra = np.degrees(np.arctan2(np.sin(angle).mean(), np.cos(angle).mean())) % 360.0
    return float(ra), float(np.nanmean(sources.dec))


def sky_layout(
    ra: NDArray[np.float64], dec: NDArray[np.float64], ra0: float, dec0: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return tangent-plane places in arcsec, east to the left."""
    d, d0, da = np.radians(dec), np.radians(dec0), np.radians(ra - ra0)
    cosine = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(da)
    x = np.cos(d) * np.sin(da) / cosine
    y = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(da)) / cosine
    return -np.degrees(x) * 3600.0, np.degrees(y) * 3600.0


def place(
    exposure: Exposure, wcs: WCS | None, ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where positions of the sky are drawn."""
    if wcs is not None:
        x, y = wcs.world_to_pixel_values(ra, dec)
        return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if np.isfinite(exposure.sources().x).any():
        # Pixels without a WCS: nothing ties the sky to them.
        nowhere = np.full(len(ra), np.nan)
        return nowhere, nowhere
    return sky_layout(ra, dec, *_centre(exposure))


def marks(
    exposure: Exposure,
    calibration: Calibration | None,
    fit: ZeroPointFit | None,
    wanted: frozenset[Overlay],
    theme: Theme,
) -> dict[Overlay, Marks]:
    """Return the marks of every wanted kind but the target."""
    x, y = positions(exposure)
    made: dict[Overlay, Marks] = {}

    def one_colour(kind: Overlay, rows: NDArray[np.intp], rgb: Rgb) -> None:
        if kind in wanted and len(rows):
            made[kind] = Marks(x[rows], y[rows], (rgb,) * len(rows))

    flags = exposure.sources().flags
    one_colour(Overlay.DETECTIONS, np.arange(len(x)), theme.detection)
    one_colour(Overlay.SATURATED, np.flatnonzero(flags & SourceFlag.SATURATED), theme.saturated)
    if calibration is None or fit is None:
        return made
    if Overlay.MATCHED in wanted:
        used = ~fit.excluded
        rows = fit.source_row[used]
        steps = theme.membership_steps(fit.membership[used])
        made[Overlay.MATCHED] = Marks(x[rows], y[rows], tuple(theme.membership[s] for s in steps))
    one_colour(Overlay.EXCLUDED, np.array(sorted(calibration.excluded), dtype=np.intp), theme.bad)
    if Overlay.REFERENCES in wanted:
        stars = calibration.references[fit.band.partition("/")[0]]
        xs, ys = place(exposure, exposure.frame.wcs, stars.ra, stars.dec)
        known = np.isfinite(xs) & np.isfinite(ys)
        made[Overlay.REFERENCES] = Marks(
            xs[known], ys[known], (theme.reference,) * int(known.sum())
        )
    return made
