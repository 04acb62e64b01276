"""A PSF and the fit of sources with it, all of a group at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.sources import MagnitudeKind
from cpcs_desktop.extract.mirrored import Plane

if TYPE_CHECKING:
    from photutils.psf import ImagePSF

Array = NDArray[np.float64]
#: Pixels a fit needs beyond three for each source.
_SPARE_PIXELS = 5


class NoPsfError(Exception):
    """Why PSF photometry is not possible, as a sentence without its full stop."""


@dataclass(frozen=True)
class FramePsf:
    """The PSF of a frame near one place.

    Parameters
    ----------
    model : photutils.psf.ImagePSF
    fwhm : float
        Pixels.
    rows : ndarray of int64
        Sources it was made of.
    correction : mapping from magnitude kind to (float, float)
        What is added to a PSF magnitude to give one of this kind, and the error of that, mag.
    """

    model: ImagePSF
    fwhm: float
    rows: NDArray[np.int64]
    correction: Mapping[MagnitudeKind, tuple[float, float]]

    @property
    def fit_width(self) -> int:
        """Width of the square in which a source is fitted, pixels; odd."""
        return max(5, 2 * round(1.25 * self.fwhm) + 1)


@dataclass(frozen=True)
class FittedGroup:
    """Sources fitted together; arrays have shape (n,), the covariance (3 n, 3 n) of x, y, flux."""

    x: Array
    y: Array
    flux: Array
    covariance: Array
    reduced_chi2: float
    rest: float  # absolute residuals over light

    @property
    def flux_err(self) -> Array:
        """Errors of the fluxes, ADU."""
        return np.sqrt(np.maximum(np.diag(self.covariance)[2::3], 0.0))


def fit_group(
    plane: Plane,
    hidden: NDArray[np.bool_],
    psf: FramePsf,
    x: Array,
    y: Array,
    flux: Array,
    room: Array | float,
) -> FittedGroup:
    """Fit sources together on the pixels of their squares, each pixel once.

    photutils' own fit of a group counts a pixel once for every source it lies near, and so states
    errors up to the root of two too small for blends.

    The second of two rounds takes photon noise from the model of the first: noise taken from the
    pixels themselves would give low pixels too much weight.

    Parameters
    ----------
    x, y, flux : ndarray
        Where to start; pixels and ADU.
    room : float or ndarray
        How far each position may move, pixels.
    """
    from scipy.optimize import least_squares

    half = psf.fit_width // 2
    ny, nx = plane.pixels.shape
    chosen = np.unique(
        np.concatenate(
            [
                (row * nx + np.arange(max(c - half, 0), min(c + half + 1, nx)))
                for c, r in zip(np.round(x).astype(int), np.round(y).astype(int), strict=True)
                for row in range(max(r - half, 0), min(r + half + 1, ny))
            ]
        )
    )
    chosen = chosen[~hidden.ravel()[chosen]]
    if len(chosen) < 3 * len(x) + _SPARE_PIXELS:
        raise NoPsfError("too many pixels around the target are bad or saturated")
    px, py = (chosen % nx).astype(np.float64), (chosen // nx).astype(np.float64)
    light = plane.pixels.ravel()[chosen].astype(np.float64)
    scale = np.maximum(np.abs(flux), plane.rms * psf.fwhm)

    def model(parameters: Array) -> Array:
        total = np.zeros(len(px))
        for n, (x0, y0, share) in enumerate(parameters.reshape(-1, 3)):
            total += psf.model.evaluate(px, py, share * scale[n], x0, y0)
        return total

    start = np.column_stack([x, y, flux / scale]).ravel()
    room = np.broadcast_to(room, x.shape)
    low = np.column_stack([x - room, y - room, np.full(len(x), -np.inf)]).ravel()
    high = np.column_stack([x + room, y + room, np.full(len(x), np.inf)]).ravel()
    expected = np.maximum(light, 0.0)
    for _ in range(2):
        sigma = np.sqrt(plane.rms**2 + (0.0 if plane.gain is None else expected / plane.gain))
        done = least_squares(
            lambda p, s=sigma: (model(p) - light) / s,
            start,
            bounds=(low, high),
            x_scale="jac",
            diff_step=1e-3,
        )
        start, expected = done.x, np.maximum(model(done.x), 0.0)
    unit = np.column_stack([np.ones_like(x), np.ones_like(x), scale]).ravel()
    covariance = np.linalg.pinv(done.jac.T @ done.jac) * np.outer(unit, unit)
    best = done.x.reshape(-1, 3)
    return FittedGroup(
        x=best[:, 0],
        y=best[:, 1],
        flux=best[:, 2] * scale,
        covariance=covariance,
        reduced_chi2=2 * float(done.cost) / (len(chosen) - len(start)),
        rest=float(np.abs(done.fun * sigma).sum() / max(np.abs(best[:, 2] * scale).sum(), 1e-30)),
    )
