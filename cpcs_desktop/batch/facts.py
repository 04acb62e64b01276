"""What only the night report shows: seeing and depth of a frame, and the picture of a failure."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.calib.crossmatch import tangent_plane
from cpcs_desktop.calib.footprint import footprint
from cpcs_desktop.calib.limits import aperture_correction, blank_sky_limit, list_limit
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.results import number
from cpcs_desktop.surveys.cache import SurveyCache

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cpcs_desktop.batch.inputs import Input

_PICTURE_PIX = 400
_STARS_SHOWN = 80


def night_facts(calibration: Calibration) -> dict[str, Any]:
    """Return seeing, depth and airmass.

    Returns
    -------
    dict
        ``fwhm_arcsec`` (``fwhm_pix`` where the scale is unknown): median of clean sources;
        ``limit_mag``: 5 sigma at the target's place, whether or not it was found; ``airmass``.
    """
    exposure, sources = calibration.exposure, calibration.sources
    frame = exposure.frame
    clean = np.isfinite(sources.fwhm) & (sources.fwhm > 0) & (sources.flags == 0)
    fwhm = float(np.median(sources.fwhm[clean])) if clean.any() else None
    scale = frame.pixel_scale_arcsec
    snr = calibration.settings.limit_snr
    depth = None
    if exposure.blank_sky is not None and frame.wcs is not None:
        x, y = (float(v) for v in frame.wcs.all_world2pix(*calibration.target, 0, quiet=True))
        depth = blank_sky_limit(exposure.blank_sky, x, y, snr)
        depth = None if depth is None else depth + aperture_correction(exposure, sources)
    depth = list_limit(sources, snr) if depth is None else depth
    return {
        "fwhm_pix": number(fwhm),
        "fwhm_arcsec": number(fwhm * scale) if fwhm and scale else None,
        "limit_mag": None if depth is None else number(depth + calibration.chosen.zero_point),
        "airmass": number(frame.airmass),
    }


def failure_picture(
    item: Input,
    exposure: Exposure | None,
    target: tuple[float, float] | None,
    cache: SurveyCache,
) -> bytes | None:
    """Return a PNG of what there was when it went wrong; None when there is nothing to see.

    The frame's pixels, or else a map of the list's sources; on it the sources found, the
    brightest reference stars where the coordinates put them, and the target.
    """
    pixels = _pixels(item, exposure)
    if pixels is None and (exposure is None or not len(exposure.sources())):
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 5.0), dpi=90)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if pixels is not None:
        _draw_frame(axes, pixels, exposure, target, cache)
    else:
        assert exposure is not None
        _draw_map(axes, exposure, target, cache)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, loc="upper right", framealpha=0.8)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": "cpcs-desktop"})
    return buffer.getvalue()


def _pixels(item: Input, exposure: Exposure | None) -> NDArray[np.float32] | None:
    """Return the pixels of a frame; None for lists and for what has none to show."""
    from cpcs_desktop.io.frames import read_frame, read_pixels
    from cpcs_desktop.io.sniff import input_kind

    try:
        if item.error is not None or input_kind(item.file) != "frame":
            return None
        frame = read_frame(item.file, item.hdu) if exposure is None else exposure.frame
        return read_pixels(item.file, frame.hdu)
    except CpcsError:
        return None  # it is the failure itself: the sentence tells it


def _draw_frame(
    axes: Axes,
    pixels: NDArray[np.float32],
    exposure: Exposure | None,
    target: tuple[float, float] | None,
    cache: SurveyCache,
) -> None:
    step = max(1, max(pixels.shape) // _PICTURE_PIX)
    small = pixels[::step, ::step]
    known = small[np.isfinite(small)]
    low, high = np.percentile(known, [5, 99]) if len(known) else (0.0, 1.0)
    rows, columns = pixels.shape
    axes.imshow(
        *(small,), origin="lower", cmap="gray", vmin=low, vmax=max(high, low + 1e-6),
        extent=(-0.5, columns - 0.5, -0.5, rows - 0.5), interpolation="nearest",
    )  # fmt: skip
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5), xlabel="x (pixels)")
    if exposure is None:
        return
    sources = exposure.sources()
    if len(sources):
        bright = np.argsort(sources.mag_inst)[:_STARS_SHOWN]
        _circles(axes, sources.x[bright], sources.y[bright], "#3fb950", "found")
    wcs = exposure.frame.wcs
    if wcs is None:
        return
    ra, dec = _references(exposure, cache)
    if len(ra):
        x, y = wcs.all_world2pix(ra, dec, 0, quiet=True)
        _circles(axes, x, y, "#f0883e", "reference", marker="s")
    if target is not None:
        x, y = wcs.all_world2pix(*target, 0, quiet=True)
        inside = 0 <= float(x) < columns and 0 <= float(y) < rows
        axes.plot(
            np.clip(x, 0, columns - 1), np.clip(y, 0, rows - 1), "+" if inside else "X",
            ms=14, mew=2, color="#f85149", label="target" if inside else "target lies beyond",
        )  # fmt: skip


def _draw_map(
    axes: Axes, exposure: Exposure, target: tuple[float, float] | None, cache: SurveyCache
) -> None:
    sources = exposure.sources()
    if not np.isfinite(sources.ra).any():
        axes.plot(sources.x, sources.y, ".", ms=3, color="#1f5fa8", label="sources")
        axes.set(xlabel="x (pixels)", ylabel="y (pixels)")
        return
    centre, _ = footprint(sources)
    east, north = tangent_plane(sources.ra, sources.dec, centre)
    axes.plot(east / 60, north / 60, ".", ms=3, color="#1f5fa8", label="sources")
    ra, dec = _references(exposure, cache)
    if len(ra):
        x, y = tangent_plane(ra, dec, centre)
        _circles(axes, x / 60, y / 60, "#f0883e", "reference", marker="s")
    if target is not None:
        x, y = tangent_plane(np.array([target[0]]), np.array([target[1]]), centre)
        axes.plot(x / 60, y / 60, "X", ms=10, color="#f85149", label="target")
    axes.set(xlabel="east (arcmin)", ylabel="north (arcmin)", aspect="equal")
    axes.invert_xaxis()


def _circles(
    axes: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    colour: str,
    label: str,
    marker: str = "o",
) -> None:
    axes.plot(x, y, marker, ms=8, mfc="none", mec=colour, mew=0.9, ls="", label=label)


def _references(
    exposure: Exposure, cache: SurveyCache
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return RA and Dec of the brightest stars of the first survey that covers the field."""
    sources = exposure.sources()
    nothing = np.empty(0)
    if not np.isfinite(sources.ra).any():
        return nothing, nothing
    (ra, dec), radius = footprint(sources)
    for key in cache.keys():  # noqa: SIM118  a method
        stars = cache.reference_stars(key, ra, dec, radius)
        if stars is not None and len(stars.ra):
            brightness = np.where(np.isfinite(stars.mag), stars.mag, 99.0).min(axis=1)
            chosen = np.argsort(brightness, kind="stable")[:_STARS_SHOWN]
            return stars.ra[chosen], stars.dec[chosen]
    return nothing, nothing
