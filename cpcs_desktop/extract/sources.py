"""From a frame's file to its sources, straight, readable top to bottom."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.settings import ExtractionSettings
from cpcs_desktop.datamodel.sources import (
    Exposure,
    MagnitudeKind,
    SourceCatalog,
    SourceFlag,
)
from cpcs_desktop.extract.background import subtract_background
from cpcs_desktop.extract.blank_sky import blank_sky
from cpcs_desktop.extract.detection import Detections, detect, mark_specks
from cpcs_desktop.extract.mirrored import Plane
from cpcs_desktop.extract.photometry import Fluxes, aperture_photometry, kron_photometry
from cpcs_desktop.extract.saturation import plateau_level
from cpcs_desktop.extract.seeing import isophotal_snr, seeing_pix, suited_aperture, widths
from cpcs_desktop.extract.source_flags import saturated_sources, source_flags, touches_others
from cpcs_desktop.io.frames import read_frame, read_pixels
from cpcs_desktop.io.opening import file_sha256

if TYPE_CHECKING:
    from cpcs_desktop.settings import CameraSettings


@dataclass(frozen=True)
class Extraction:
    """An exposure with all its apertures and the numbers of its sky.

    Parameters
    ----------
    exposure : Exposure
        Catalogues AUTO and APER (the first aperture).
    apertures : tuple of SourceCatalog
        One for each aperture asked for, in that order.
    sky_level, sky_rms : float
        ADU.
    seeing_pix : float
        Median FWHM of clean bright sources, NaN without any.
    """

    exposure: Exposure
    apertures: tuple[SourceCatalog, ...]
    sky_level: float
    sky_rms: float
    seeing_pix: float


def extract_sources(
    path: str | os.PathLike[str],
    hdu: int | None = None,
    settings: ExtractionSettings = ExtractionSettings(),  # noqa: B008  frozen
    camera: CameraSettings | None = None,
) -> Exposure:
    """Measure every source of a frame, in this process.

    Parameters
    ----------
    path : path
    hdu : int, optional
        Default the first image of the sky.
    settings : ExtractionSettings
    camera : CameraSettings, optional

    Returns
    -------
    Exposure
        Catalogues AUTO and APER of the same rows, and the noise of blank sky.

    Raises
    ------
    CpcsError
        ``unreadable``, ``not_fits``, ``no_noise`` or ``too_crowded``.
    """
    return extract_all(path, hdu, settings, camera).exposure


def extract_all(
    path: str | os.PathLike[str],
    hdu: int | None = None,
    settings: ExtractionSettings = ExtractionSettings(),  # noqa: B008  frozen
    camera: CameraSettings | None = None,
) -> Extraction:
    """Measure every source of a frame with all apertures of the settings.

    Parameters and errors as :func:`extract_sources`.
    """
    own = camera.aperture_diameter_pix if camera is not None else None
    with ThreadPoolExecutor(1) as aside:  # the content is digested while others work on it
        sha256 = aside.submit(file_sha256, path)
        frame = read_frame(path, hdu, camera, sha256="")
        pixels = read_pixels(path, frame.hdu)
        extraction = measure(frame, pixels, settings, own)
        frame = replace(extraction.exposure.frame, sha256=sha256.result())
    return replace(extraction, exposure=replace(extraction.exposure, frame=frame))


def measure(
    frame: Frame,
    pixels: NDArray[np.float32],
    settings: ExtractionSettings,
    camera_aperture_pix: float | None = None,
) -> Extraction:
    """Measure every source on pixels that are already in memory.

    Parameters
    ----------
    frame : Frame
        Where its header does not tell the saturation, it is concluded from the brightest stars;
        the exposure's frame names it as guessed.
    pixels : ndarray of float32, shape (ny, nx)
        ADU; changed in place (the background is subtracted).
    settings : ExtractionSettings
    camera_aperture_pix : float, optional
        Diameter the observer set for this camera; used when the settings name none.
    """
    # mostly there is none: the smallest pixel tells it quicker than a mask, without its memory
    bad = np.isnan(pixels) if np.isnan(pixels.min(initial=0.0)) else None
    full = frame.saturation
    saturated_pixels = np.flatnonzero(pixels >= full) if full is not None else np.empty(0, np.int64)
    sky = subtract_background(pixels, bad, settings)
    found = detect(pixels, sky.rms, bad, settings)
    plane = Plane(pixels, bad, sky.rms, frame.gain)
    saturated = saturated_sources(found, saturated_pixels)
    if full is None or "saturation" in frame.guessed:
        level = plateau_level(found, pixels, sky.level, sky.rms)
        if level is not None and level < (full or np.inf):
            frame = replace(frame, saturation=level, guessed=frame.guessed | {"saturation"})
            saturated |= found.shapes["peak"] + sky.level >= level
    fwhm = widths(found)
    seeing = seeing_pix(fwhm, isophotal_snr(found, plane), saturated | touches_others(found))
    own = (camera_aperture_pix,) if camera_aperture_pix is not None else ()
    suited = (suited_aperture(seeing, pixels.shape),)
    diameters = settings.aperture_diameters_pix or own or suited
    blank = blank_sky(plane, found, diameters[0])
    cut = mark_specks(found, pixels, settings.threshold * sky.rms, settings.min_area)
    kron = kron_photometry(plane, found, settings.kron_factor, settings.kron_min_radius)
    apertures = tuple(aperture_photometry(plane, found, d) for d in diameters)
    flags = source_flags(found, kron, apertures, saturated)
    flags[cut] |= int(SourceFlag.TRUNCATED)
    ra, dec = positions(frame, found)

    catalog = _catalog_maker(found, ra, dec, fwhm, flags)
    circles = tuple(
        catalog(fluxes, "APER", diameter)
        for fluxes, diameter in zip(apertures, diameters, strict=True)
    )
    exposure = Exposure(
        frame=frame,
        catalogs={"AUTO": catalog(kron.fluxes, "AUTO", None), "APER": circles[0]},
        blank_sky=blank,
    )
    return Extraction(exposure, circles, sky.level, sky.rms, seeing)


def positions(frame: Frame, found: Detections) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ICRS positions in degrees, NaN without WCS."""
    x, y = found.shapes["x"], found.shapes["y"]
    if frame.wcs is None or len(x) == 0:
        return np.full(len(x), np.nan), np.full(len(x), np.nan)
    ra, dec = frame.wcs.all_pix2world(x, y, 0)
    return np.mod(ra, 360.0), np.asarray(dec, dtype=np.float64)


def _catalog_maker(
    found: Detections,
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    fwhm: NDArray[np.float64],
    flags: NDArray[np.int32],
) -> Callable[[Fluxes, MagnitudeKind, float | None], SourceCatalog]:
    x = np.ascontiguousarray(found.shapes["x"])
    y = np.ascontiguousarray(found.shapes["y"])

    def catalog(fluxes: Fluxes, kind: MagnitudeKind, diameter_pix: float | None) -> SourceCatalog:
        mag, mag_err = fluxes.magnitudes
        return SourceCatalog(
            x=x,
            y=y,
            ra=ra,
            dec=dec,
            flux=fluxes.flux,
            flux_err=fluxes.flux_err,
            mag_inst=mag,
            mag_inst_err=mag_err,
            fwhm=fwhm,
            flags=flags,
            kind=kind,
            origin="extracted",
            aperture_diameter_pix=diameter_pix,
        )

    return catalog
