"""Star fields with known truth, made in the tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

FWHM_OF_SIGMA = 2.3548


@dataclass(frozen=True)
class StarField:
    pixels: NDArray[np.float32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    flux: NDArray[np.float64]
    fwhm: float


def star_field(
    *,
    shape: tuple[int, int] = (400, 500),
    step: float = 40.0,
    fwhm: float = 3.5,
    sky: float = 800.0,
    noise: float = 8.0,
    gain: float = 1.0,
    gradient: float = 0.0,
    fluxes: tuple[float, float] = (3.5, 5.0),
    seed: int = 5,
) -> StarField:
    """Gaussian stars on a shaken grid, so that none has a neighbour; fluxes in ADU, log10 range."""
    rng = np.random.default_rng(seed)
    ny, nx = shape
    x, y = np.meshgrid(np.arange(step / 2, nx, step), np.arange(step / 2, ny, step))
    x = x.ravel() + rng.uniform(-2, 2, x.size)
    y = y.ravel() + rng.uniform(-2, 2, y.size)
    flux = 10 ** rng.uniform(*fluxes, x.size)
    model = np.zeros(shape)
    sigma = fwhm / FWHM_OF_SIGMA
    yy, xx = np.mgrid[0:ny, 0:nx]
    for x0, y0, f in zip(x, y, flux, strict=True):
        bottom, left = max(int(y0) - 18, 0), max(int(x0) - 18, 0)
        box = np.s_[bottom : int(y0) + 19, left : int(x0) + 19]
        r2 = (xx[box] - x0) ** 2 + (yy[box] - y0) ** 2
        model[box] += f / (2 * np.pi * sigma**2) * np.exp(-r2 / (2 * sigma**2))
    photons = rng.poisson(np.maximum(model, 0) * gain) / gain
    slope = gradient * (xx / nx + yy / ny)
    pixels = photons + sky + slope + rng.normal(0, noise, shape)
    return StarField(pixels.astype(np.float32), x, y, flux, fwhm)


def frame_header() -> fits.Header:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [83.0, -5.0]
    wcs.wcs.crpix = [250.5, 200.5]
    wcs.wcs.cdelt = [-1.0 / 3600, 1.0 / 3600]
    header = wcs.to_header()
    header["MJD-AVG"], header["EXPTIME"], header["FILTER"] = 60000.5, 60.0, "V"
    return header


def write_frame(path: Path, pixels: NDArray[np.float32], **cards: object) -> Path:
    header = frame_header()
    header.update(cards)
    fits.PrimaryHDU(pixels, header).writeto(path)
    return path
