"""The list SExtractor would have made of a practice frame, from the truth and not from pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.sources import SourceFlag
from cpcs_desktop.simulate.frame import SimulatedFrame, profile
from cpcs_desktop.simulate.passbands import Array

#: Columns in the order of ``cpcs extract --format ascii-head``: name, comment, unit, format.
COLUMNS = (
    ("NUMBER", "Running object number", "", "{:10d}"),
    ("X_IMAGE", "Object position along x", "pixel", "{:11.4f}"),
    ("Y_IMAGE", "Object position along y", "pixel", "{:11.4f}"),
    ("ALPHA_J2000", "Right ascension of barycenter (J2000)", "deg", "{:12.7f}"),
    ("DELTA_J2000", "Declination of barycenter (J2000)", "deg", "{:+12.7f}"),
    ("FLUX_AUTO", "Flux within a Kron-like elliptical aperture", "count", "{:13.6g}"),
    ("MAG_AUTO", "Kron-like elliptical aperture magnitude", "mag", "{:9.4f}"),
    ("MAGERR_AUTO", "RMS error for AUTO magnitude", "mag", "{:8.4f}"),
    ("MAG_APER", "Fixed aperture magnitude vector", "mag", "{:9.4f}"),
    ("MAGERR_APER", "RMS error vector for fixed aperture mag.", "mag", "{:8.4f}"),
    ("FWHM_IMAGE", "FWHM assuming a gaussian core", "pixel", "{:8.2f}"),
    ("FLAGS", "Extraction flags", "", "{:4d}"),
)


@dataclass(frozen=True)
class MeasuredList:
    """What SExtractor would have measured; arrays of shape (n,), pixels 0-based.

    Parameters
    ----------
    x, y, ra, dec, flux, mag_auto, mag_auto_err, mag_aper, mag_aper_err, fwhm, flags : ndarray
        Fluxes in ADU, magnitudes ``-2.5 log10(flux)``, FWHM in pixels.
    """

    x: Array
    y: Array
    ra: Array
    dec: Array
    flux: Array
    mag_auto: Array
    mag_auto_err: Array
    mag_aper: Array
    mag_aper_err: Array
    fwhm: Array
    flags: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.x)


def measure(
    frame: SimulatedFrame, rng: np.random.Generator, *, hidden_scatter: float = 0.006
) -> MeasuredList:
    """Measure a frame's stars as SExtractor would.

    Stars closer than one FWHM to a brighter one melt into it; within three FWHM the brighter one
    gives a part of its light (a one-sided error) and both are flagged. Saturated stars lose light.
    Formal errors hold photon and read noise only; ``hidden_scatter`` mag (flat field,
    scintillation) they do not know of. AUTO holds the whole flux, APER what its
    aperture of two FWHM holds.
    """
    camera = frame.camera
    fwhm = camera.fwhm / camera.pixel_scale
    order = np.argsort(frame.mag)
    x, y, flux = frame.x[order], frame.y[order], frame.flux[order].copy()
    flags = np.zeros(len(x), dtype=np.int32)
    alive = np.ones(len(x), dtype=bool)
    for faint, near, gap in _close_pairs(x, y, 3.0 * fwhm):
        if gap < fwhm:
            alive[faint] = False
            flux[near] += flux[faint]
        else:
            flags[faint] |= SourceFlag.NEIGHBOURS | SourceFlag.BLENDED
            flags[near] |= SourceFlag.NEIGHBOURS
            flux[faint] += flux[near] * 0.3 * float(profile(np.array([gap**2]), camera)[0])
    level = camera.sky_level(frame.band.partition("/")[2])
    peak = flux * float(profile(np.zeros(1), camera)[0]) + level + camera.bias
    saturated = peak > camera.saturation
    flags[saturated] |= SourceFlag.SATURATED
    flux[saturated] *= (camera.saturation / peak[saturated]) ** 0.5
    rows, columns = camera.shape
    edge = np.minimum.reduce([x, columns - 1 - x, y, rows - 1 - y])
    flags[edge < fwhm] |= SourceFlag.TRUNCATED

    pixel_variance = level / camera.gain + (camera.read_noise / camera.gain) ** 2
    auto_err = _noise(flux, np.pi * (1.4 * fwhm) ** 2 * pixel_variance, camera.gain)
    share = _enclosed(frame, fwhm)
    aper_err = _noise(share * flux, np.pi * fwhm**2 * pixel_variance, camera.gain)
    common = rng.standard_normal(len(x)) * hidden_scatter * np.log(10.0) / 2.5 * flux
    measured = flux + rng.standard_normal(len(x)) * auto_err + common
    aperture = share * (flux + common) + rng.standard_normal(len(x)) * aper_err
    alive &= (edge > 0) & (measured > 4.5 * aper_err) & (aperture > 3.0 * aper_err)

    # Centroids are good to about half a FWHM over the signal-to-noise ratio.
    jitter = np.maximum(0.5 * fwhm * aper_err / np.maximum(aperture, aper_err), 0.02)
    x = x + rng.standard_normal(len(x)) * jitter
    y = y + rng.standard_normal(len(x)) * jitter
    width = fwhm * (1.0 + 0.3 * rng.standard_normal(len(x)) * aper_err / np.abs(aperture))
    keep = np.flatnonzero(alive)
    keep = keep[np.argsort(y[keep])]  # SExtractor numbers objects as it scans upwards
    ra, dec = frame.wcs.all_pix2world(x[keep], y[keep], 0)
    return MeasuredList(
        x=x[keep],
        y=y[keep],
        ra=ra,
        dec=dec,
        flux=measured[keep],
        mag_auto=-2.5 * np.log10(measured[keep]),
        mag_auto_err=2.5 / np.log(10.0) * auto_err[keep] / measured[keep],
        mag_aper=-2.5 * np.log10(aperture[keep]),
        mag_aper_err=2.5 / np.log(10.0) * aper_err[keep] / aperture[keep],
        fwhm=width[keep],
        flags=flags[keep],
    )


def _close_pairs(x: Array, y: Array, radius: float) -> Iterator[tuple[int, int, float]]:
    """Yield (fainter, brighter, separation) for stars in order of brightness."""
    from scipy.spatial import KDTree

    points = np.column_stack([x, y])
    for one, other in sorted(KDTree(points).query_pairs(radius)):
        yield max(one, other), min(one, other), float(np.hypot(*(points[one] - points[other])))


def _noise(flux: Array, sky_variance: float, gain: float) -> Array:
    noise: Array = np.sqrt(flux / gain + sky_variance)
    return noise


def _enclosed(frame: SimulatedFrame, radius: float) -> float:
    """Return the share of a star's light inside a radius in pixels."""
    edges = np.linspace(0.0, radius, 2001)
    middle = 0.5 * (edges[1:] + edges[:-1])
    light = profile(middle**2, frame.camera) * 2.0 * np.pi * middle
    return float(light.sum() * (edges[1] - edges[0]))


def write_list(measured: MeasuredList, path: Path) -> None:
    """Write SExtractor's ASCII_HEAD; pixels become 1-based."""
    lines = [
        f"# {number:3d} {name:<22} {comment:<58} {f'[{unit}]' if unit else ''}".rstrip()
        for number, (name, comment, unit, _) in enumerate(COLUMNS, start=1)
    ]
    columns = (
        range(1, len(measured) + 1),
        measured.x + 1.0,
        measured.y + 1.0,
        measured.ra,
        measured.dec,
        measured.flux,
        measured.mag_auto,
        measured.mag_auto_err,
        measured.mag_aper,
        measured.mag_aper_err,
        measured.fwhm,
        measured.flags,
    )
    formats = [form for *_, form in COLUMNS]
    lines += [
        " ".join(form.format(value) for form, value in zip(formats, row, strict=True))
        for row in zip(*columns, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
