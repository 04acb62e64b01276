"""Artificial stars at the stated limit: half of them exceed 5 sigma in the limit's own aperture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sep
from astropy.io import fits
from astropy.wcs import WCS

from cpcs_desktop import pipeline
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.surveys.cache import SurveyCache

SIZE, SIGMA, GAIN, SKY, ZP = 700, 1.6, 2.0, 200.0, 24.0
SCALE = 1.0 / 3600


def _wcs(shift_arcsec: float = 0.0) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [210.0, 30.0 + shift_arcsec / 3600]
    wcs.wcs.crpix = [SIZE / 2, SIZE / 2]
    wcs.wcs.cdelt = [-SCALE, SCALE]
    return wcs


def _stamp(x: float, y: float, flux: float) -> tuple[tuple[slice, slice], np.ndarray]:
    ix, iy, half = round(x), round(y), 12
    rows, cols = np.mgrid[iy - half : iy + half + 1, ix - half : ix + half + 1]
    star = np.exp(-((cols - x) ** 2 + (rows - y) ** 2) / (2 * SIGMA**2))
    return (slice(iy - half, iy + half + 1), slice(ix - half, ix + half + 1)), (
        flux * star / (2 * np.pi * SIGMA**2)
    )


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SurveyCache, np.ndarray]:
    """A frame with 220 stars, and a survey that knows them; stars' pixels as the last part."""
    folder = tmp_path_factory.mktemp("depth")
    rng = np.random.default_rng(12)
    x, y = rng.uniform(20, SIZE - 20, (2, 220))
    mag = rng.uniform(13.5, 18.5, 220)
    expected = np.full((SIZE, SIZE), SKY)
    for one in zip(x, y, 10 ** (-0.4 * (mag - ZP)), strict=True):
        where, light = _stamp(*one)
        expected[where] += light
    pixels = rng.poisson(expected * GAIN) / GAIN + rng.normal(0, 3, expected.shape)
    _write(folder / "frame.fits", pixels)
    ra, dec = _wcs().all_pix2world(x, y, 0)
    rows = [f"{a:.7f},{d:.7f},{m:.4f},0.01" for a, d, m in zip(ra, dec, mag, strict=True)]
    (folder / "stars.csv").write_text("ra,dec,rmag,e_rmag\n" + "\n".join(rows) + "\n")
    cache = SurveyCache(folder / "surveys")
    cache.import_files("REFCAT2", [folder / "stars.csv"])
    return folder, cache, pixels


def _write(path: Path, pixels: np.ndarray, shift_arcsec: float = 0.0) -> None:
    header = _wcs(shift_arcsec).to_header()
    header["DATE-OBS"], header["EXPTIME"], header["GAIN"] = "2020-01-01T00:00:00", 60.0, GAIN
    header["FILTER"] = "r"
    fits.writeto(path, pixels.astype(np.float32), header, overwrite=True)


def _blank_place(exposure: Exposure, rng: np.random.Generator) -> tuple[float, float]:
    sources = exposure.sources()
    while True:
        x, y = rng.uniform(60, SIZE - 60, 2)
        if np.min(np.hypot(sources.x - x, sources.y - y)) > 25:
            return float(x), float(y)


def test_half_of_the_stars_at_the_limit_exceed_five_sigma(
    sky: tuple[Path, SurveyCache, np.ndarray],
) -> None:
    folder, cache, pixels = sky
    exposure = pipeline.load_exposure(folder / "frame.fits")
    assert exposure.blank_sky is not None
    radius = exposure.blank_sky.aperture_diameter_pix / 2
    rng = np.random.default_rng(5)
    above = []
    for _ in range(12):
        place = _blank_place(exposure, rng)
        target = tuple(float(t) for t in _wcs().all_pix2world(*place, 0))
        result = pipeline.calibrate(exposure, (target[0], target[1]), cache)
        assert result.measurement.kind == "UPPER_LIMIT"
        assert result.measurement.limit_reason == "too_faint"
        near = np.argsort(np.hypot(*(np.array(place)[:, None] - _blank_xy(exposure))))[:200]
        noise = exposure.blank_sky.flux[near]
        sigma = 1.4826 * np.median(np.abs(noise - np.median(noise)))
        flux = 10 ** (-0.4 * (result.measurement.mag - ZP))
        for _ in range(25):
            x, y = place[0] + rng.uniform(-40, 40), place[1] + rng.uniform(-40, 40)
            if np.min(np.hypot(exposure.sources().x - x, exposure.sources().y - y)) < 15:
                continue
            where, light = _stamp(x, y, flux)
            patch = np.ascontiguousarray(pixels)
            patch[where] += light
            total, _, _ = sep.sum_circle(patch - SKY, [x], [y], radius)
            patch[where] -= light
            above.append(total[0] > 5 * sigma)
    assert len(above) > 150
    assert 0.40 < np.mean(above) < 0.60


def _blank_xy(exposure: Exposure) -> np.ndarray:
    assert exposure.blank_sky is not None
    return np.stack([exposure.blank_sky.x, exposure.blank_sky.y])


@pytest.mark.parametrize("shift", [1.5, 3.0, 4.5, 8.0, 20.0, 60.0, 240.0])
def test_a_bright_target_with_a_shifted_wcs_is_never_a_limit(
    sky: tuple[Path, SurveyCache, np.ndarray], shift: float
) -> None:
    folder, cache, pixels = sky
    where, light = _stamp(350.4, 351.7, 10 ** (-0.4 * (15.0 - ZP)))
    bright = pixels.copy()
    bright[where] += light
    path = folder / f"shifted-{shift}.fits"
    _write(path, bright, shift)
    target = tuple(float(t) for t in _wcs().all_pix2world(350.4, 351.7, 0))
    exposure = pipeline.load_exposure(path)
    try:
        result = pipeline.calibrate(exposure, (target[0], target[1]), cache)
    except CpcsError as error:
        assert error.code in {"astrometry_wrong", "failed_to_match", "too_few_stars"}  # noqa: PT017
    else:
        assert result.measurement.kind == "DETECTION"
        assert result.measurement.mag == pytest.approx(15.0, abs=0.05)
