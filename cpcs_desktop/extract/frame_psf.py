"""The PSF of a frame, made of its own clean, bright, lonely stars.

photutils builds it: the effective PSF of Anderson & King (2000, PASP 112, 1360).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cpcs_desktop.datamodel.sources import Exposure, MagnitudeKind, SourceCatalog, SourceFlag
from cpcs_desktop.extract.mirrored import Plane
from cpcs_desktop.extract.psf_fit import FittedGroup, FramePsf, NoPsfError, fit_group

if TYPE_CHECKING:
    from photutils.psf import ImagePSF

#: Stars that make the PSF, the brightest of twice as many nearest to the target; fewer than the
#: second number do not make one.
_MOST_STARS, _FEWEST_STARS = 40, 5
#: A PSF star is this many times its error, and its neighbours give less than this share of light.
_STAR_SNR = (100.0, 50.0, 25.0)
_NEIGHBOURS_SHARE = (0.01, 0.03, 0.1)
#: Below this seeing in pixels the PSF is built twice as fine as the pixels.
_COARSE_SEEING = 2.2
#: Stars that the PSF fits so much worse than the median star are taken out of it.
_LARGEST_REST = 2.0
_SPOILT = SourceFlag.SATURATED | SourceFlag.TRUNCATED | SourceFlag.BLENDED


def frame_psf(
    plane: Plane, hidden: NDArray[np.bool_], exposure: Exposure, near: tuple[float, float]
) -> FramePsf:
    """Make the PSF from clean, bright, lonely stars, those nearest to a place.

    ``hidden`` are the pixels that are not fitted: bad and saturated ones.

    Raises
    ------
    NoPsfError
        When there are too few of them.
    """
    sources = exposure.sources()
    fwhm, rows, size = _psf_stars(plane, sources, near)
    fine = FramePsf(_effective_psf(plane, sources, rows, size, fwhm), fwhm, rows, {})
    alone = _each_alone(plane, hidden, fine, sources)
    rest = np.array([one.rest for one in alone])
    alike = rest < _LARGEST_REST * np.median(rest)
    if _FEWEST_STARS <= alike.sum() < len(rows):  # a star that is two spoils the PSF
        rows = rows[alike]
        fine = FramePsf(_effective_psf(plane, sources, rows, size, fwhm), fwhm, rows, {})
        alone = _each_alone(plane, hidden, fine, sources)
    flux = np.array([one.flux[0] for one in alone])
    correction: dict[MagnitudeKind, tuple[float, float]] = {}
    for kind, stars in exposure.catalogs.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = stars.mag_inst[rows] + 2.5 * np.log10(flux)
        shift = shift[np.isfinite(shift)]
        if len(shift) < _FEWEST_STARS:
            raise NoPsfError("the PSF does not fit the stars it was made of")
        middle = float(np.median(shift))
        # standard error of a median, its scatter by the median absolute deviation
        scatter = 1.4826 * float(np.median(np.abs(shift - middle)))
        correction[kind] = (middle, 1.2533 * scatter / math.sqrt(len(shift)))
    return replace(fine, correction=correction)


def _each_alone(
    plane: Plane, hidden: NDArray[np.bool_], psf: FramePsf, sources: SourceCatalog
) -> list[FittedGroup]:
    x, y, flux = sources.x, sources.y, sources.flux
    return [
        fit_group(plane, hidden, psf, x[r : r + 1], y[r : r + 1], flux[r : r + 1], 1.0)
        for r in psf.rows
    ]


def _psf_stars(
    plane: Plane, sources: SourceCatalog, near: tuple[float, float]
) -> tuple[float, NDArray[np.int64], int]:
    """Choose the stars of the PSF; return the FWHM, their rows and the width of their squares."""
    ny, nx = plane.pixels.shape
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = sources.flux / sources.flux_err
    clean = (sources.flags & int(_SPOILT) == 0) & np.isfinite(sources.fwhm) & (sources.fwhm > 0)
    tree = cKDTree(np.column_stack([sources.x, sources.y]))
    found = 0
    for floor, share in zip(_STAR_SNR, _NEIGHBOURS_SHARE, strict=True):
        bright = np.flatnonzero(clean & (snr > floor))
        if len(bright) == 0:
            continue
        fwhm = float(np.median(sources.fwhm[bright]))
        size = min(2 * math.ceil(3.5 * fwhm) + 1, min(ny, nx) // 2 * 2 - 1)
        half = size / 2 + 1
        inside = (sources.x > half) & (sources.x < nx - 1 - half)
        inside &= (sources.y > half) & (sources.y < ny - 1 - half)
        spread = 1.4826 * float(np.median(np.abs(sources.fwhm[bright] - fwhm)))
        alike = np.abs(sources.fwhm - fwhm) < np.clip(3 * spread, 0.05 * fwhm, 0.2 * fwhm)
        candidates = bright[(inside & alike)[bright]]
        around = tree.query_ball_point(
            np.column_stack([sources.x[candidates], sources.y[candidates]]), half + fwhm
        )
        lonely = [
            np.nansum(np.maximum(sources.flux[rows], 0)) < (1 + share) * sources.flux[row]
            for row, rows in zip(candidates, around, strict=True)
        ]
        rows = candidates[np.array(lonely, dtype=bool)]
        if plane.bad is not None and len(rows):
            whole = [not plane.bad[_square(sources, row, size)].any() for row in rows]
            rows = rows[np.array(whole, dtype=bool)]
        found = max(found, len(rows))
        away = np.hypot(sources.x[rows] - near[0], sources.y[rows] - near[1])
        rows = rows[np.argsort(away, kind="stable")[: 2 * _MOST_STARS]]
        rows = np.sort(rows[np.argsort(-snr[rows], kind="stable")[:_MOST_STARS]])
        if len(rows) >= (_FEWEST_STARS if floor == _STAR_SNR[-1] else 2 * _FEWEST_STARS):
            return fwhm, rows, size
    raise NoPsfError(
        f"a PSF needs {_FEWEST_STARS} clean bright stars without neighbours, {found} are there"
    )


def _square(sources: SourceCatalog, row: int, size: int) -> tuple[slice, slice]:
    x, y, half = round(float(sources.x[row])), round(float(sources.y[row])), size // 2
    return slice(y - half, y + half + 1), slice(x - half, x + half + 1)


def _effective_psf(
    plane: Plane, sources: SourceCatalog, rows: NDArray[np.int64], size: int, fwhm: float
) -> ImagePSF:
    from astropy.nddata import NDData
    from astropy.table import Table
    from photutils.psf import EPSFBuilder, extract_stars

    fine = 2 if fwhm < _COARSE_SEEING else 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stars = extract_stars(
            NDData(plane.pixels.astype(np.float64)),
            Table({"x": sources.x[rows], "y": sources.y[rows]}),
            size=size,
        )
        build = EPSFBuilder(
            oversampling=fine,
            maxiters=8,
            progress_bar=False,
            smoothing_kernel="quartic" if fine > 1 else None,
        )
        try:
            return build(stars).epsf
        except ValueError as error:  # every star was thrown out
            raise NoPsfError("the frame's stars do not agree on a PSF") from error
