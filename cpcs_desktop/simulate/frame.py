"""A practice frame: stars through the atmosphere onto a detector with its faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.simulate.camera import Camera
from cpcs_desktop.simulate.passbands import Array
from cpcs_desktop.simulate.sky import Sky

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

DAYS_PER_YEAR = 365.25
J2000_MJD = 51544.5


@dataclass(frozen=True)
class SimulatedFrame:
    """A frame with everything that is true of it.

    Parameters
    ----------
    camera : Camera
    band : str
    mjd : float
        Mid-exposure, UTC.
    zero_point : float
        ``ZP = mag + 2.5 log10(flux [ADU])`` of this exposure.
    target_mag : float
        True magnitude of the transient at that moment.
    wcs : astropy.wcs.WCS
    x, y, mag : ndarray of float64, shape (n,)
        Stars on the frame, the transient last: pixels (0-based) and true magnitudes.
    pixels : ndarray of float32, shape (ny, nx) or None
        ADU; None where only the list was asked for.
    """

    camera: Camera
    band: str
    mjd: float
    zero_point: float
    target_mag: float
    wcs: WCS
    x: Array
    y: Array
    mag: Array
    pixels: NDArray[np.float32] | None

    @property
    def flux(self) -> Array:
        """True fluxes of the stars, ADU."""
        flux: Array = 10.0 ** (0.4 * (self.zero_point - self.mag))
        return flux


def expose(
    sky: Sky,
    camera: Camera,
    band: str,
    mjd: float,
    rng: np.random.Generator,
    *,
    center: tuple[float, float],
    clouds: float = 0.0,
    with_pixels: bool = True,
) -> SimulatedFrame:
    """Expose a frame.

    Parameters
    ----------
    sky : Sky
    camera : Camera
    band : str
        ``SDSS/r``: the passband of the filter.
    mjd : float
        Mid-exposure, UTC.
    rng : numpy.random.Generator
    center : (float, float)
        Pointing in degrees.
    clouds : float
        Extinction, mag; it lowers the zero point.
    with_pixels : bool
        False saves the time of drawing where only a source list is wanted.
    """
    letter = band.partition("/")[2]
    zero_point = camera.zero_point(letter) - clouds
    ra, dec = sky.position_at(2000.0 + (mjd - J2000_MJD) / DAYS_PER_YEAR)
    wcs = camera.wcs(center)
    x, y = wcs.all_world2pix(
        np.append(ra, sky.transient.ra), np.append(dec, sky.transient.dec), 0, quiet=True
    )
    target_mag = sky.transient.mag(band, mjd)
    mag = np.append(sky.stars.mag(band), target_mag)
    rows, columns = camera.shape
    margin = 20.0
    inside = (x > -margin) & (x < columns + margin) & (y > -margin) & (y < rows + margin)
    inside[-1] = True
    frame = SimulatedFrame(
        camera, band, mjd, zero_point, target_mag, wcs, x[inside], y[inside], mag[inside], None
    )
    if not with_pixels:
        return frame
    return SimulatedFrame(**{**vars(frame), "pixels": _draw(frame, rng)})


def profile(radius_squared: Array, camera: Camera) -> Array:
    """Return the point spread function at squared radii in pixels^2; its plane integral is one."""
    fwhm = camera.fwhm / camera.pixel_scale
    if camera.psf == "gauss":
        variance = fwhm**2 / (8.0 * np.log(2.0))
        gauss: Array = np.exp(-0.5 * radius_squared / variance) / (2.0 * np.pi * variance)
        return gauss
    alpha2 = fwhm**2 / (4.0 * (2.0 ** (1.0 / camera.beta) - 1.0))
    scale = (camera.beta - 1.0) / (np.pi * alpha2)
    moffat: Array = scale * (1.0 + radius_squared / alpha2) ** -camera.beta
    return moffat


def _draw(frame: SimulatedFrame, rng: np.random.Generator) -> NDArray[np.float32]:
    camera = frame.camera
    rows, columns = camera.shape
    level = camera.sky_level(frame.band.partition("/")[2])
    slope_y = np.linspace(-0.5, 0.5, rows, dtype=np.float32)[:, None]
    slope_x = np.linspace(-0.5, 0.5, columns, dtype=np.float32)[None, :]
    tilt = np.float32(camera.sky_gradient) * (0.8 * slope_x + 0.6 * slope_y)
    adu: NDArray[np.float32] = (level * (1.0 + tilt)).astype(np.float32)
    noise = float(np.sqrt(level / camera.gain + (camera.read_noise / camera.gain) ** 2))
    fwhm = camera.fwhm / camera.pixel_scale
    for x, y, flux in zip(frame.x.tolist(), frame.y.tolist(), frame.flux.tolist(), strict=True):
        _add_star(adu, x, y, flux, noise=noise, fwhm=fwhm, camera=camera)
    electrons = np.maximum(adu * camera.gain, 0.0)
    # Beyond 50 electrons Poisson and Gauss differ by less than the read noise hides.
    if level * camera.gain > 50.0:
        shot = rng.standard_normal(camera.shape, dtype=np.float32) * np.sqrt(electrons)
    else:
        shot = rng.poisson(electrons).astype(np.float32) - electrons
    read = rng.standard_normal(camera.shape, dtype=np.float32) * np.float32(camera.read_noise)
    adu += (shot + read) / np.float32(camera.gain)
    adu += np.float32(camera.bias)
    _add_faults(adu, camera, rng)
    np.clip(adu, 0.0, camera.saturation, out=adu)
    return adu


def _add_star(
    adu: NDArray[np.float32],
    x: float,
    y: float,
    flux: float,
    *,
    noise: float,
    fwhm: float,
    camera: Camera,
) -> None:
    """Add one star out to where its wing sinks below a twentieth of the noise."""
    radius = int(np.ceil(3.0 * fwhm))
    while radius < 40.0 * fwhm:
        if flux * profile(np.array([float(radius) ** 2]), camera)[0] < 0.05 * noise:
            break
        radius = int(np.ceil(radius * 1.3))
    row, column = round(y), round(x)
    y0, y1 = max(row - radius, 0), min(row + radius + 1, adu.shape[0])
    x0, x1 = max(column - radius, 0), min(column + radius + 1, adu.shape[1])
    if y0 >= y1 or x0 >= x1:
        return
    # Three by three samples a pixel: a star of FWHM 2 pixels keeps its flux to 0.1 per cent.
    steps = np.array([-1.0, 0.0, 1.0]) / 3.0
    dx2 = (np.arange(x0, x1)[:, None] + steps - x) ** 2
    dy2 = (np.arange(y0, y1)[:, None] + steps - y) ** 2
    if flux < 1.0e3 * noise:
        stamp = profile(dy2[:, None, :, None] + dx2[None, :, None, :], camera).mean(axis=(2, 3))
    else:  # large stamps of bright stars: sample only the core finely
        stamp = profile(dy2[:, None, 1] + dx2[None, :, 1], camera)
        core = (
            slice(max(row - 8 - y0, 0), row + 9 - y0),
            slice(max(column - 8 - x0, 0), column + 9 - x0),
        )
        fine = dy2[core[0], None, :, None] + dx2[None, core[1], None, :]
        stamp[core] = profile(fine, camera).mean(axis=(2, 3))
    adu[y0:y1, x0:x1] += (flux * stamp).astype(np.float32)


def _add_faults(adu: NDArray[np.float32], camera: Camera, rng: np.random.Generator) -> None:
    """Add cosmic rays (short bright tracks) and dead or hot columns."""
    rows, columns = camera.shape
    for _ in range(int(rng.poisson(camera.cosmic_rays * rows * columns / 1e6))):
        length = int(rng.integers(1, 9))
        angle = rng.uniform(0, np.pi)
        step = np.arange(length)
        row = np.clip(rng.integers(rows) + np.round(step * np.sin(angle)), 0, rows - 1).astype(int)
        column = np.clip(rng.integers(columns) + np.round(step * np.cos(angle)), 0, columns - 1)
        adu[row, column.astype(int)] += np.float32(rng.exponential(3000.0) + 300.0)
    for column in rng.integers(0, columns, camera.bad_columns):
        start = int(rng.integers(rows // 2))
        adu[start:, column] = 0.0 if rng.random() < 0.5 else camera.saturation


def header_of(frame: SimulatedFrame, *, object_name: str, airmass: float) -> Header:
    """Return the header an observatory's camera would write; DATE-OBS is the start."""
    from astropy.time import Time

    camera = frame.camera
    header = frame.wcs.to_header(relax=True)
    start = Time(frame.mjd - camera.exposure_s / 2.0 / 86400.0, format="mjd", scale="utc")
    cards: dict[str, tuple[Any, str]] = {
        "OBJECT": (object_name, "practice field"),
        "DATE-OBS": (start.isot, "start of exposure, UTC"),
        "EXPTIME": (camera.exposure_s, "[s] exposure time"),
        "FILTER": (frame.band.partition("/")[2], "filter"),
        "AIRMASS": (round(airmass, 3), "at mid-exposure"),
        "GAIN": (camera.gain, "[e-/ADU]"),
        "RDNOISE": (camera.read_noise, "[e-] read noise"),
        "SATURATE": (camera.saturation, "[ADU] saturation level"),
        "TELESCOP": ("Practice 0.5 m", ""),
        "INSTRUME": ("Practice camera", "simulated"),
        "PIXSCALE": (camera.pixel_scale, "[arcsec/pixel]"),
    }
    for keyword, (value, comment) in cards.items():
        header[keyword] = (value, comment)
    return header


def write_frame(frame: SimulatedFrame, path: Any, *, object_name: str, airmass: float) -> None:
    """Write a frame as 16-bit FITS, as cameras do; the file's bytes depend on the frame alone."""
    from astropy.io import fits

    if frame.pixels is None:
        raise ValueError("this frame was exposed without pixels")
    counts = np.clip(np.rint(frame.pixels), 0, 65535).astype(np.uint16)
    header = header_of(frame, object_name=object_name, airmass=airmass)
    fits.PrimaryHDU(counts, header).writeto(path, overwrite=True)
