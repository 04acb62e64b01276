"""Saturation found from the plateau of the brightest stars, where no header tells it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from star_fields import StarField, star_field, write_frame

from cpcs_desktop.datamodel.sources import Exposure, SourceFlag
from cpcs_desktop.extract import extract_sources
from cpcs_desktop.io.frames import read_pixels
from cpcs_desktop.settings import CameraSettings

FULL = 30_000.0


def saturated(exposure: Exposure, field: StarField) -> np.ndarray:
    stars = exposure.sources()
    _, row = cKDTree(np.c_[stars.x, stars.y]).query(np.c_[field.x, field.y])
    return stars.flags[row] & SourceFlag.SATURATED > 0


def bright_field(seed: int = 5, fwhm: float = 3.5) -> StarField:
    return star_field(step=50, fluxes=(4.0, 6.5), gain=2.0, seed=seed, fwhm=fwhm)


@pytest.mark.parametrize("flat_field", [0.0, 0.01])
@pytest.mark.parametrize("seed", [5, 6])
def test_clipped_stars_end_on_a_plateau(tmp_path: Path, seed: int, flat_field: float) -> None:
    """Also where a flat field has moved the ends apart a little."""
    field = bright_field(seed)
    clipped = np.minimum(field.pixels, FULL)
    clipped *= 1 + np.random.default_rng(1).normal(0, flat_field, clipped.shape)
    exposure = extract_sources(
        write_frame(tmp_path / "frame.fits", clipped.astype(np.float32), GAIN=2.0)
    )
    assert exposure.frame.saturation == pytest.approx(FULL, rel=0.05)
    assert "saturation" in exposure.frame.guessed
    truly = field.flux / (2 * np.pi * (field.fwhm / 2.3548) ** 2) + 800
    flagged = saturated(exposure, field)
    assert flagged[truly > 1.2 * FULL].all()
    assert not flagged[truly < 0.9 * FULL].any()


@pytest.mark.parametrize("fwhm", [2.0, 3.5, 9.0])
def test_unsaturated_fields_have_none(tmp_path: Path, fwhm: float) -> None:
    for seed in range(5):
        field = bright_field(seed, fwhm)
        pixels = field.pixels.copy()
        pixels[200:202, 100:102] = 2e6  # a cosmic ray
        exposure = extract_sources(write_frame(tmp_path / f"{seed}.fits", pixels, GAIN=2.0))
        assert exposure.frame.saturation is None
        assert not saturated(exposure, field).any()


def test_defocused_stars_are_not_saturated(tmp_path: Path) -> None:
    """Their tops are flat at every height."""
    rng = np.random.default_rng(4)
    pixels = rng.normal(800, 8, (400, 500))
    y, x = np.mgrid[0:400, 0:500]
    for x0 in range(40, 480, 60):
        for y0 in range(40, 380, 60):
            height = 10 ** rng.uniform(2.5, 4.5)
            pixels += height / 2 * (1 - np.tanh(1.5 * (np.hypot(x - x0, y - y0) - 9)))
    path = write_frame(tmp_path / "frame.fits", pixels.astype(np.float32))
    assert extract_sources(path).frame.saturation is None


def test_what_is_known_is_not_guessed(tmp_path: Path) -> None:
    clipped = np.minimum(bright_field().pixels, FULL)
    told = write_frame(tmp_path / "told.fits", clipped, SATURATE=50_000.0)
    assert extract_sources(told).frame.saturation == 50_000.0
    untold = write_frame(tmp_path / "untold.fits", clipped)
    own = extract_sources(untold, camera=CameraSettings(saturation=29_000.0)).frame
    assert own.saturation == 29_000.0
    assert "saturation" not in own.guessed


def test_a_16_bit_guess_gives_way_to_the_plateau(tmp_path: Path) -> None:
    from astropy.io import fits

    whole = np.minimum(bright_field().pixels, FULL).round().astype(np.uint16)
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU(whole).writeto(path)
    assert extract_sources(path).frame.saturation == pytest.approx(FULL, rel=0.05)


def test_a_real_camera_of_14_bits(shared_data: Path) -> None:
    """The second path: where the pixels of the whole frame pile up."""
    path = shared_data / "pairs" / "panoptes-cygnus" / "frame.fits.fz"
    frame = extract_sources(path).frame
    pixels = read_pixels(path, frame.hdu)
    counts, edges = np.histogram(pixels, np.arange(11_000, 14_200, 200))
    pile = int(np.argmax(counts))
    assert counts[pile] > 10 * np.median(counts)  # else there is nothing to be found here
    assert frame.saturation == pytest.approx(edges[pile] + 100, rel=0.03)
    assert "saturation" in frame.guessed
