"""The curve of growth: how much of a star's light an aperture holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.sources import Exposure, SourceCatalog, SourceFlag

Array = NDArray[np.float64]
#: The curve ends at this many FWHM: what lies beyond belongs to the sky's level as much.
OUTER_FWHM = 4.0
#: Sky is the median of a ring of these radii, FWHM.
_SKY_FWHM = (4.5, 6.5)
_MOST_STARS, _FEWEST_STARS = 40, 3
_STAR_SNR = (100.0, 30.0, 10.0)
_STEPS, _SUBPIXELS = 32, 5
_SPOILT = SourceFlag.SATURATED | SourceFlag.TRUNCATED | SourceFlag.BLENDED


@dataclass(frozen=True)
class GrowthCurve:
    """Light inside circles as a share of that inside ``OUTER_FWHM``.

    Parameters
    ----------
    radius_pix : ndarray, shape (n,)
    share, low, high : ndarray, shape (n,)
        Median of the stars, and where 16 and 84 % of them lie below.
    stars : int
    fwhm_pix : float
    aperture_radius_pix : float or None
        Of the exposure's APER magnitudes.
    target : ndarray, shape (n,), or None
        The target's own curve, where it is bright enough to have one.
    """

    radius_pix: Array
    share: Array
    low: Array
    high: Array
    stars: int
    fwhm_pix: float
    aperture_radius_pix: float | None
    target: Array | None

    @property
    def aperture_share(self) -> float | None:
        """Share of light in the aperture of the APER magnitudes; None when it is wider."""
        radius = self.aperture_radius_pix
        if radius is None or radius > self.radius_pix[-1]:
            return None
        return float(np.interp(radius, self.radius_pix, self.share))

    @property
    def faint_radius_pix(self) -> float:
        """Radius with the best signal to noise for stars fainter than the sky under them."""
        return float(self.radius_pix[np.argmax(self.share / self.radius_pix)])


def curve_of_growth(
    pixels: NDArray[np.float32], exposure: Exposure, target: tuple[float, float] | None = None
) -> GrowthCurve | None:
    """Sum the light of clean, bright, lonely stars in growing circles.

    Parameters
    ----------
    pixels : ndarray of float32, shape (ny, nx)
        ADU as in the file; not changed.
    exposure : Exposure
        With sources in pixels.
    target : (float, float), optional
        Pixels, 0-based.

    Returns
    -------
    GrowthCurve or None
        None when fewer than three stars are fit for it.
    """
    sources = exposure.sources()
    chosen = _stars(sources, pixels.shape)
    if chosen is None:
        return None
    fwhm, rows = chosen
    radii = np.linspace(OUTER_FWHM / _STEPS, OUTER_FWHM, _STEPS) * fwhm
    curves = [_curve(pixels, sources.x[row], sources.y[row], radii, fwhm) for row in rows]
    whole = np.array([curve for curve in curves if curve is not None])
    if len(whole) < _FEWEST_STARS:
        return None
    low, share, high = np.percentile(whole, [16, 50, 84], axis=0)
    aperture = (
        exposure.catalogs["APER"].aperture_diameter_pix if "APER" in exposure.catalogs else None
    )
    return GrowthCurve(
        radius_pix=radii,
        share=share,
        low=low,
        high=high,
        stars=len(whole),
        fwhm_pix=fwhm,
        aperture_radius_pix=None if aperture is None else aperture / 2,
        target=None if target is None else _target_curve(pixels, sources, target, radii, fwhm),
    )


def _stars(
    sources: SourceCatalog, shape: tuple[int, ...]
) -> tuple[float, NDArray[np.int64]] | None:
    """Choose stars whose wings no neighbour and no edge disturbs; return FWHM and rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = sources.flux / sources.flux_err
    clean = (sources.flags & int(_SPOILT) == 0) & (sources.fwhm > 0)
    for floor in _STAR_SNR:
        bright = np.flatnonzero(clean & (snr > floor))
        if len(bright) < _FEWEST_STARS:
            continue
        fwhm = float(np.median(sources.fwhm[bright]))
        edge = _SKY_FWHM[1] * fwhm + 1
        bright = bright[np.abs(sources.fwhm[bright] - fwhm) < 0.2 * fwhm]
        x, y = sources.x[bright], sources.y[bright]
        inside = (x > edge) & (x < shape[1] - 1 - edge) & (y > edge) & (y < shape[0] - 1 - edge)
        bright = bright[inside]
        lonely = [row for row in bright if _is_lonely(sources, int(row), (OUTER_FWHM + 1) * fwhm)]
        if len(lonely) >= _FEWEST_STARS:
            rows = np.array(lonely, dtype=np.int64)
            return fwhm, rows[np.argsort(-snr[rows], kind="stable")[:_MOST_STARS]]
    return None


def _is_lonely(sources: SourceCatalog, row: int, reach: float) -> bool:
    near = np.hypot(sources.x - sources.x[row], sources.y - sources.y[row]) < reach
    return bool(np.nansum(np.maximum(sources.flux[near], 0.0)) < 1.01 * sources.flux[row])


def _curve(
    pixels: NDArray[np.float32], x: float, y: float, radii: Array, fwhm: float
) -> Array | None:
    """Return the share of light inside each radius, None where pixels are missing."""
    half = int(np.ceil(_SKY_FWHM[1] * fwhm)) + 1
    left, low = round(float(x)) - half, round(float(y)) - half
    size = 2 * half + 1
    ny, nx = pixels.shape
    if left < 0 or low < 0 or left + size > nx or low + size > ny:
        return None
    cut = pixels[low : low + size, left : left + size].astype(np.float64)
    if not np.isfinite(cut).all():
        return None
    fine = (np.arange(_SUBPIXELS) - (_SUBPIXELS - 1) / 2) / _SUBPIXELS
    along_x = (np.arange(size)[:, None] + fine).ravel() + left - x
    along_y = (np.arange(size)[:, None] + fine).ravel() + low - y
    distance = np.hypot(along_x[None], along_y[:, None])
    centre = distance.reshape(size, _SUBPIXELS, size, _SUBPIXELS).mean(axis=(1, 3))
    ring = (centre > _SKY_FWHM[0] * fwhm) & (centre < _SKY_FWHM[1] * fwhm)
    light = (cut - np.median(cut[ring])) / _SUBPIXELS**2
    spread = np.repeat(np.repeat(light, _SUBPIXELS, axis=0), _SUBPIXELS, axis=1)
    in_step, _ = np.histogram(distance, bins=np.concatenate([[0.0], radii]), weights=spread)
    inside = np.cumsum(in_step)
    return inside / inside[-1] if inside[-1] > 0 else None


def _target_curve(
    pixels: NDArray[np.float32],
    sources: SourceCatalog,
    target: tuple[float, float],
    radii: Array,
    fwhm: float,
) -> Array | None:
    """Return the curve of the source at the target's place, where its light is enough for one."""
    away = np.hypot(sources.x - target[0], sources.y - target[1])
    if len(away) == 0 or not np.nanmin(away) < fwhm:
        return None
    row = int(np.nanargmin(away))
    if not sources.flux[row] > _STAR_SNR[-1] * sources.flux_err[row]:
        return None
    return _curve(pixels, sources.x[row], sources.y[row], radii, fwhm)
