"""PSF photometry of one target: the frame's own stars give the PSF, neighbours are fitted along.

For targets whose light an aperture cannot tell from that of a neighbour. The flux is put on the
scale of the frame's aperture magnitudes by the stars the PSF was made of, so that the zero point of
the reference stars holds for it. Fitting a group at once: Stetson (1987, PASP 99, 191).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.settings import ExtractionSettings
from cpcs_desktop.datamodel.sources import (
    Exposure,
    MagnitudeKind,
    PsfPhotometry,
    SourceCatalog,
    SourceFlag,
)
from cpcs_desktop.extract.background import subtract_background
from cpcs_desktop.extract.frame_psf import frame_psf
from cpcs_desktop.extract.mirrored import Plane
from cpcs_desktop.extract.photometry import POGSON
from cpcs_desktop.extract.psf_fit import Array, FramePsf, NoPsfError, fit_group
from cpcs_desktop.io.frames import read_pixels
from cpcs_desktop.io.opening import file_sha256

#: Sources this many FWHM around the target are fitted with it, the nearest first.
_TOGETHER_FWHM, _MOST_TOGETHER = 3.0, 12
#: How far positions may move in the fit: of merged sources, and of those detected apart.
_ROOM_FWHM = (0.3, 0.5)
#: A survey's star this near another source is that source.
_SAME_FWHM = 0.5
#: A target below this many errors is not there.
_FAINTEST_SNR = 3.0
_UNUSABLE = SourceFlag.SATURATED | SourceFlag.TRUNCATED


def with_psf_target(
    exposure: Exposure,
    target: tuple[float, float],
    target_row: int | None,
    known: tuple[Array, Array],
    settings: ExtractionSettings = ExtractionSettings(),  # noqa: B008  frozen
) -> Exposure:
    """Return an exposure in which the target's magnitudes come from a PSF fit.

    Parameters
    ----------
    exposure : Exposure
        Of a frame that is still where it was read from.
    target : (float, float)
        Where the target is expected, pixels, 0-based.
    target_row : int or None
        The source taken for the target, None when detection did not find it.
    known : (ndarray, ndarray)
        Pixels of survey stars around it: a star that detection did not separate is fitted too.
    settings : ExtractionSettings
        Those of the extraction; the background is made alike.

    Returns
    -------
    Exposure
        ``psf`` says what came of it. The target keeps its row, or gets one after all others; a
        target that is not there beside its neighbours has no magnitude in it. Where no PSF can be
        made the magnitudes stay as they are, with the reason in ``psf.refused``.
    """
    try:
        if exposure.frame.kind != "frame":
            raise NoPsfError("a list has no pixels to fit a PSF to")
        plane, hidden = fitting_plane(exposure, settings)
        psf = frame_psf(plane, hidden, exposure, target)
        found = fit_target(plane, hidden, psf, exposure.sources(), target, target_row, known)
    except CpcsError as error:
        return replace(exposure, psf=PsfPhotometry(refused=error.message.rstrip(".")))
    except NoPsfError as error:
        return replace(exposure, psf=PsfPhotometry(refused=str(error)))
    return _placed(exposure, psf, found, target_row)


def fitting_plane(
    exposure: Exposure, settings: ExtractionSettings
) -> tuple[Plane, NDArray[np.bool_]]:
    """Read the frame again: its background-subtracted plane, and the pixels not to be fitted."""
    frame = exposure.frame
    if file_sha256(frame.path) != frame.sha256:
        raise NoPsfError("the file has changed since the frame was measured")
    pixels = read_pixels(frame.path, frame.hdu)
    bad = np.isnan(pixels)
    hidden = bad | (pixels >= (frame.saturation or np.inf))
    sky = subtract_background(pixels, bad if bad.any() else None, settings)
    return Plane(pixels, bad, sky.rms, frame.gain), hidden


@dataclass(frozen=True)
class TargetFit:
    """The target's part of a joint fit: pixels, ADU on the scale of the PSF."""

    x: float
    y: float
    flux: float
    flux_err: float
    reduced_chi2: float
    neighbours: int

    @property
    def is_there(self) -> bool:
        """Whether anything is there beside the neighbours."""
        return self.flux > _FAINTEST_SNR * self.flux_err


def fit_target(
    plane: Plane,
    hidden: NDArray[np.bool_],
    psf: FramePsf,
    sources: SourceCatalog,
    target: tuple[float, float],
    target_row: int | None,
    known: tuple[Array, Array],
) -> TargetFit:
    """Fit the target and its neighbours at once.

    Parameters
    ----------
    plane : Plane
    hidden : ndarray of bool
        Pixels that are not fitted: bad and saturated ones.
    psf : FramePsf
    sources : SourceCatalog
    target : (float, float)
        Where it is expected, pixels.
    target_row : int or None
    known : (ndarray, ndarray)
        Pixels of survey stars.

    Raises
    ------
    NoPsfError
        When the target is saturated or at the edge, or the fit does not end.
    """
    ny, nx = plane.pixels.shape
    others = np.ones(len(sources), dtype=bool)
    if target_row is not None:
        others[target_row] = False
        if sources.flags[target_row] & int(_UNUSABLE):
            raise NoPsfError("the target is saturated or cut by the edge")
    x, y = (np.asarray(v[others], dtype=np.float64) for v in (sources.x, sources.y))
    near = np.hypot(x - target[0], y - target[1])
    reach = _TOGETHER_FWHM * psf.fwhm + (0 if target_row is None else psf.fwhm)
    order = np.flatnonzero(near < reach)[np.argsort(near[near < reach])][:_MOST_TOGETHER]
    x, y, flux = x[order], y[order], sources.flux[others][order]
    hidden_x, hidden_y = _unseparated(known, (x, y), target, psf.fwhm)
    merged = len(hidden_x) > 0 or target_row is None
    # a blend that detection took for one source is centred between its stars
    start = target if merged or target_row is None else (
        float(sources.x[target_row]), float(sources.y[target_row])
    )  # fmt: skip
    blended = plane.rms if target_row is None else max(float(sources.flux[target_row]), plane.rms)
    part = blended / (1 + len(hidden_x))
    x = np.concatenate([[start[0]], x, hidden_x])
    y = np.concatenate([[start[1]], y, hidden_y])
    flux = np.concatenate([[part], flux, np.full(len(hidden_x), part)])
    # places from an event or a survey are known better than those of what detection merged
    room = np.full(len(x), _ROOM_FWHM[1] * psf.fwhm)
    room[len(x) - len(hidden_x) :] = _ROOM_FWHM[0] * psf.fwhm
    if merged:
        room[0] = _ROOM_FWHM[0] * psf.fwhm
    inside = (x > -0.5) & (x < nx - 0.5) & (y > -0.5) & (y < ny - 0.5)
    if not inside[0]:
        raise NoPsfError("the target is at the edge of the frame")
    group = fit_group(
        plane, hidden, psf, x[inside], y[inside], flux[inside], np.maximum(0.7, room[inside])
    )
    x0, y0, light, light_err = (float(v[0]) for v in (group.x, group.y, group.flux, group.flux_err))
    if not np.isfinite([x0, y0, light, light_err]).all() or light_err <= 0:
        raise NoPsfError("the fit of the target and its neighbours does not end")
    chi2 = group.reduced_chi2
    # where the PSF is not quite that of the sky, the errors of the pixels are not all there is
    light_err *= math.sqrt(max(1.0, chi2))
    return TargetFit(x0, y0, light, light_err, chi2, int(inside.sum()) - 1)


def _unseparated(
    known: tuple[Array, Array],
    detected: tuple[Array, Array],
    target: tuple[float, float],
    fwhm: float,
) -> tuple[Array, Array]:
    """Return survey stars near the target that no source but the target's stands for."""
    x, y = known
    taken_x, taken_y = [target[0], *detected[0]], [target[1], *detected[1]]
    away = np.hypot(x - target[0], y - target[1])
    kept: list[int] = []
    for row in np.argsort(away, kind="stable"):
        if away[row] > _TOGETHER_FWHM * fwhm or len(kept) >= _MOST_TOGETHER // 2:
            break
        apart = np.hypot(np.array(taken_x) - x[row], np.array(taken_y) - y[row])
        if apart.min() >= max(1.0, _SAME_FWHM * fwhm):
            kept.append(int(row))
            taken_x.append(float(x[row]))
            taken_y.append(float(y[row]))
    return x[kept], y[kept]


def _placed(
    exposure: Exposure, psf: FramePsf, found: TargetFit, target_row: int | None
) -> Exposure:
    """Write the fitted target into its row, or into a row after all others."""
    facts = PsfPhotometry(
        flux=found.flux,
        flux_err=found.flux_err,
        reduced_chi2=found.reduced_chi2,
        neighbours=found.neighbours,
        stars=len(psf.rows),
        fwhm_pix=psf.fwhm,
        correction={kind: shift for kind, (shift, _) in psf.correction.items()},
        correction_err={kind: err for kind, (_, err) in psf.correction.items()},
        is_there=found.is_there,
    )
    if not found.is_there and target_row is None:
        return replace(exposure, psf=facts)
    ra, dec = math.nan, math.nan
    if exposure.frame.wcs is not None:
        ra, dec = (float(v) for v in exposure.frame.wcs.all_pix2world(found.x, found.y, 0))
    catalogs: dict[MagnitudeKind, SourceCatalog] = {}
    for kind, stars in exposure.catalogs.items():
        shift, shift_err = psf.correction[kind]
        scale = 10 ** (-0.4 * shift)
        flux = found.flux * scale
        flux_err = math.hypot(found.flux_err * scale, flux * shift_err / POGSON)
        values = {
            "x": found.x,
            "y": found.y,
            "ra": ra % 360.0,
            "dec": dec,
            "flux": flux,
            "flux_err": flux_err,
            "mag_inst": -2.5 * math.log10(flux) if found.is_there else math.nan,
            "mag_inst_err": POGSON * flux_err / flux if found.is_there else math.nan,
            "fwhm": psf.fwhm,
            "flags": 0 if target_row is None else int(stars.flags[target_row]),
        }
        catalogs[kind] = _with_row(stars, target_row, values)
    return replace(exposure, catalogs=catalogs, psf=facts)


def _with_row(stars: SourceCatalog, row: int | None, values: Mapping[str, float]) -> SourceCatalog:
    changed: dict[str, Any] = {}
    for name, value in values.items():
        column = getattr(stars, name)
        if row is None:
            changed[name] = np.append(column, np.array([value], dtype=column.dtype))
        else:
            changed[name] = column.copy()
            changed[name][row] = value
    return replace(stars, **changed)
