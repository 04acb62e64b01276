"""Calibrations with known truth, made of numbers alone: for tests of the session and the window."""

from __future__ import annotations

import hashlib

import numpy as np
from astropy.wcs import WCS

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.fit import BandChoice, Check, ZeroPointFit
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.matches import MatchTable
from cpcs_desktop.datamodel.point import ErrorBudget, Measurement
from cpcs_desktop.datamodel.settings import CalibrationSettings
from cpcs_desktop.datamodel.sources import Exposure, SourceCatalog
from cpcs_desktop.datamodel.survey import ReferenceCatalog

EVENT = "ivo://example/known-1"
TARGET = (150.0, 20.0)
TRUE_ZERO_POINT = 25.0
SCALE_ARCSEC = 1.0
BANDS = {"SDSS": ("g", "r", "i"), "PS1": ("g", "r"), "APASS": ("V",)}
_OFFSET = {"g": -0.6, "r": 0.0, "i": 0.4, "V": -0.25}
_COLOUR_SLOPE = {"g": 0.35, "r": 0.0, "i": -0.3, "V": 0.2}


def known_wcs(size: int) -> WCS:
    """North up, east left, one arcsec a pixel, the target in the middle."""
    wcs = WCS(naxis=2)
    wcs.wcs.crpix = [size / 2 + 0.5, size / 2 + 0.5]
    wcs.wcs.crval = list(TARGET)
    wcs.wcs.cdelt = [-SCALE_ARCSEC / 3600, SCALE_ARCSEC / 3600]
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    return wcs


def known_exposure(name: str = "a", *, n: int = 120, size: int = 256, seed: int = 1) -> Exposure:
    """Return sources with r magnitudes 10..17; row 0 is the target in the middle."""
    rng = np.random.default_rng(seed)
    x = np.append((size - 1) / 2, rng.uniform(6, size - 7, n - 1))
    y = np.append((size - 1) / 2, rng.uniform(6, size - 7, n - 1))
    mag = np.append(14.0, np.sort(rng.uniform(10.0, 17.0, n - 1))) - TRUE_ZERO_POINT
    err = 0.003 + 0.05 * 10 ** (0.4 * (mag + TRUE_ZERO_POINT - 17.0))
    wcs = known_wcs(size)
    ra, dec = wcs.pixel_to_world_values(x, y)
    flux = 10 ** (-0.4 * mag)
    flags = np.zeros(n, dtype=np.int32)
    flags[1] = 4  # the brightest star is saturated
    catalog = SourceCatalog(
        x=x, y=y, ra=ra, dec=dec, flux=flux, flux_err=flux * err / 1.0857, mag_inst=mag,
        mag_inst_err=err, fwhm=np.full(n, 3.2), flags=flags, kind="AUTO", origin="extracted",
    )  # fmt: skip
    frame = Frame(
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        hdu=0,
        path=f"/night/{name}.fits",
        kind="frame",
        mjd=60000.9 + seed / 1000,
        exposure_s=120.0,
        filter_header="R",
        gain=1.5,
        saturation=60000.0,
        wcs=wcs,
        shape=(size, size),
        pixel_scale_arcsec=SCALE_ARCSEC,
        airmass=1.2,
        instrument="known camera",
        guessed=frozenset({"gain"}),
        header=(("OBJECT", "known field", "what was pointed at"), ("FILTER", "R", "")),
    )
    return Exposure(frame, {"AUTO": catalog})


def known_calibration(
    exposure: Exposure | None = None,
    *,
    excluded: frozenset[int] = frozenset(),
    event: str | None = EVENT,
    seed: int = 2,
) -> Calibration:
    """Return a calibration whose best band is SDSS/r with zero point 25; row 5 is an outlier."""
    exposure = exposure or known_exposure()
    sources = exposure.sources()
    n = len(sources)
    rng = np.random.default_rng(seed)
    colour = rng.normal(0.6, 0.25, n)
    references, matches, fits = {}, {}, []
    for survey, letters in BANDS.items():
        mag = np.stack(
            [
                sources.mag_inst
                + TRUE_ZERO_POINT
                + _OFFSET[c]
                + _COLOUR_SLOPE[c] * (colour - 0.6)
                + rng.normal(0, 0.015 + (0.01 if survey == "APASS" else 0), n)
                for c in letters
            ],
            axis=1,
        )
        mag[5] += 0.9
        references[survey] = ReferenceCatalog(
            survey, "test", np.arange(n), sources.ra, sources.dec, letters, mag,
            np.full(mag.shape, 0.01), np.zeros(n, dtype=np.int32),
        )  # fmt: skip
        rows = np.arange(1, n)
        rejected = np.zeros(n - 1, dtype=np.int8)
        rejected[-1] = 3
        matches[survey] = MatchTable(
            survey, rows, rows, np.full(n - 1, 0.1), rng.normal(0, 0.1, n - 1),
            rng.normal(0, 0.1, n - 1), rejected == 3, rejected, (0.02, -0.01), 0.1, 2.0, 0.98, 1e-6,
        )  # fmt: skip
        used = rows[rejected == 0]
        used = used[sources.flags[used] == 0]
        for column, letter in enumerate(letters):
            fits.append(_fit(f"{survey}/{letter}", sources, used, mag[:, column], colour, excluded))
    fits.sort(key=lambda fit: fit.scatter)
    fits = [_ranked(fit, n) for n, fit in enumerate(fits, start=1)]
    best = fits[0]
    return Calibration(
        exposure=exposure,
        event=event,
        target=TARGET,
        request=BandRequest(),
        magnitude_kind="AUTO",
        settings=CalibrationSettings(),
        excluded=excluded,
        references=references,
        matches=matches,
        fits=tuple(fits),
        choice=BandChoice(
            best.band, fits[1].band, 12.3, ambiguous=False,
            reason=f"{best.band}: {best.n_matched} stars, scatter {best.scatter:.3f}; "
            f"next {fits[1].band} (same passband); header says R",
        ),
        measurement=Measurement(
            "DETECTION", float(sources.mag_inst[0] + best.zero_point), 0.004,
            ErrorBudget(0.004, 0.002, 0.015, None, 0.01), source_row=0,
            ra=TARGET[0], dec=TARGET[1], offset_arcsec=0.05,
        ),
        checks=(
            Check("few_stars", "green", float(best.n_used), f"{best.n_used:.0f} stars"),
            Check("bright_end", "amber", 0.04, "Residuals bend by 0.04 mag above 30,000 ADU."),
            Check("exposure", "unavailable", None, "The exposure time is not known."),
        ),
        match_radius_arcsec=2.0,
        sigma_radec_arcsec=0.1,
    )  # fmt: skip


def _fit(band, sources, rows, mag_ref, colour, excluded) -> ZeroPointFit:
    out = np.isin(rows, list(excluded))
    difference = mag_ref[rows] - sources.mag_inst[rows]
    zero_point = float(np.median(difference[~out]))
    residual = difference - zero_point
    membership = np.exp(-0.5 * (residual / 0.3) ** 2)
    good = ~out & (membership > 0.5)
    slope = float(np.polyfit(colour[rows][good], residual[good], 1)[0])
    return ZeroPointFit(
        band=band, status="ok", reason=None, zero_point=zero_point, zero_point_err=0.002,
        scatter=float(residual[good].std()), scatter_err=0.001, outlier_fraction=0.02,
        n_matched=len(rows), n_used=float(membership[~out].sum()), colour_slope=slope,
        colour_slope_err=0.01, largest_weight=0.03, converged="test", source_row=rows,
        star_row=rows, mag_inst=sources.mag_inst[rows], mag_inst_err=sources.mag_inst_err[rows],
        mag_ref=mag_ref[rows], mag_ref_err=np.full(len(rows), 0.01), colour=colour[rows],
        membership=membership, excluded=out,
    )  # fmt: skip


def _ranked(fit: ZeroPointFit, rank: int) -> ZeroPointFit:
    from dataclasses import replace

    return replace(fit, rank=rank)


def known_pixels(exposure: Exposure, *, seed: int = 3) -> np.ndarray:
    """Return the image of an exposure: a sky of 500 ADU and Gaussian stars."""
    rows, columns = exposure.frame.shape
    sources = exposure.sources()
    y, x = np.mgrid[0:rows, 0:columns]
    image = np.random.default_rng(seed).normal(500.0, 8.0, (rows, columns))
    for xs, ys, flux in zip(sources.x, sources.y, sources.flux, strict=True):
        image += flux / (2 * np.pi * 1.9) * np.exp(-0.5 * ((x - xs) ** 2 + (y - ys) ** 2) / 1.9)
    return image.astype(np.float32)
