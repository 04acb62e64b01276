"""Extraction against stars whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from star_fields import StarField, star_field, write_frame

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.settings import ExtractionSettings
from cpcs_desktop.datamodel.sources import Exposure, SourceFlag
from cpcs_desktop.extract import extract_sources
from cpcs_desktop.extract.sources import extract_all
from cpcs_desktop.settings import CameraSettings


def rows_of(exposure: Exposure, field: StarField) -> np.ndarray:
    """Row of the catalogue for every true star; every star must be there."""
    stars = exposure.sources()
    distance, row = cKDTree(np.c_[stars.x, stars.y]).query(np.c_[field.x, field.y])
    assert distance.max() < 0.5
    return row


def test_positions_fluxes_and_widths(tmp_path: Path) -> None:
    field = star_field(gain=2.0)
    path = write_frame(tmp_path / "frame.fits", field.pixels, GAIN=2.0)
    exposure = extract_sources(path)
    row = rows_of(exposure, field)
    auto, aper = exposure.catalogs["AUTO"], exposure.catalogs["APER"]
    assert np.median(np.hypot(auto.x[row] - field.x, auto.y[row] - field.y)) < 0.03
    offset = auto.mag_inst[row] + 2.5 * np.log10(field.flux)
    assert abs(np.median(offset)) < 0.06  # Kron apertures hold 94 to 100 % of a star's light
    assert np.median(aper.fwhm[row]) == pytest.approx(field.fwhm, rel=0.05)
    assert aper.aperture_diameter_pix == pytest.approx(2 * field.fwhm, abs=0.6)
    assert np.all(auto.flags[row] & (SourceFlag.SATURATED | SourceFlag.BLENDED) == 0)


def test_errors_are_honest(tmp_path: Path) -> None:
    """Fixed apertures scatter about the truth as their errors say, photon noise included."""
    pulls = []
    for seed in range(4):
        field = star_field(seed=seed, gain=1.5, fluxes=(3.2, 5.0))
        path = write_frame(tmp_path / f"{seed}.fits", field.pixels, GAIN=1.5)
        settings = ExtractionSettings(aperture_diameters_pix=(9.0,))
        exposure = extract_sources(path, settings=settings)
        aper = exposure.catalogs["APER"]
        row = rows_of(exposure, field)
        sigma = field.fwhm / 2.3548
        caught = field.flux * (1 - np.exp(-(4.5**2) / (2 * sigma**2)))
        pulls.append((aper.flux[row] - caught) / aper.flux_err[row])
    pull = np.concatenate(pulls)
    assert np.std(pull) == pytest.approx(1.0, abs=0.12)
    assert abs(np.mean(pull)) < 0.3


def test_positions_on_the_sky_follow_the_wcs(tmp_path: Path) -> None:
    field = star_field()
    path = write_frame(tmp_path / "frame.fits", field.pixels)
    exposure = extract_sources(path)
    stars = exposure.sources()
    assert exposure.frame.wcs is not None
    x, y = exposure.frame.wcs.all_world2pix(stars.ra, stars.dec, 0)
    np.testing.assert_allclose(x, stars.x, atol=1e-4)
    np.testing.assert_allclose(y, stars.y, atol=1e-4)


def test_blank_sky_measures_the_noise_of_an_aperture(tmp_path: Path) -> None:
    field = star_field(noise=8.0)
    path = write_frame(tmp_path / "frame.fits", field.pixels)
    exposure = extract_sources(path, settings=ExtractionSettings(aperture_diameters_pix=(8.0,)))
    blank = exposure.blank_sky
    assert blank is not None
    assert len(blank.x) > 1000
    assert np.std(blank.flux) == pytest.approx(8.0 * np.sqrt(np.pi * 16), rel=0.1)
    assert abs(np.mean(blank.flux)) < 0.2 * np.std(blank.flux)
    nearest, _ = cKDTree(np.c_[field.x, field.y]).query(np.c_[blank.x, blank.y])
    assert nearest.min() > 5


def test_saturated_truncated_and_bad_pixels_become_flags(tmp_path: Path) -> None:
    field = star_field(step=50, fluxes=(4.5, 4.6))
    pixels = field.pixels.copy()
    full = np.argmin(np.hypot(field.x - 125, field.y - 125))
    x, y = round(field.x[full]), round(field.y[full])
    pixels[y - 1 : y + 2, x - 1 : x + 2] = 60000
    pixels[:, 300] = np.nan
    path = write_frame(tmp_path / "frame.fits", pixels[:, :470], SATURATE=50000.0)
    exposure = extract_sources(path)
    stars = exposure.sources()
    row = np.argmin(np.hypot(stars.x - x, stars.y - y))
    assert stars.flags[row] & SourceFlag.SATURATED
    edge = stars.x + 2 > 469
    assert np.all(stars.flags[edge] & SourceFlag.TRUNCATED)
    assert not np.any(np.abs(stars.x - 300) < 0.4)  # the column itself is no source
    near = (np.abs(stars.x - 300) < 6) & (stars.x < 460)
    assert np.all(stars.flags[near] & SourceFlag.APERTURE_INCOMPLETE)
    assert np.isfinite(stars.flux).all()


def test_a_gradient_and_a_trail_do_not_hurt_the_rest(tmp_path: Path) -> None:
    plain, tilted = star_field(), star_field(gradient=200.0)
    pixels = tilted.pixels.copy()
    rows = np.arange(pixels.shape[0])
    for width in range(3):
        pixels[rows, np.clip(rows + 30 + width, 0, pixels.shape[1] - 1)] += 400  # a satellite
    one = extract_sources(write_frame(tmp_path / "plain.fits", plain.pixels))
    other = extract_sources(write_frame(tmp_path / "tilted.fits", pixels))
    away = np.abs(plain.x - plain.y - 30) > 40
    stars = other.sources()
    distance, row = cKDTree(np.c_[stars.x, stars.y]).query(np.c_[plain.x, plain.y][away])
    assert np.mean(distance < 0.5) > 0.97
    good = distance < 0.5
    difference = stars.mag_inst[row[good]] - one.sources().mag_inst[rows_of(one, plain)[away]][good]
    assert np.median(np.abs(difference)) < 0.02


def test_close_pairs_are_separated(tmp_path: Path) -> None:
    field = star_field(step=60, fluxes=(4.6, 4.7))
    pixels = field.pixels + np.roll(field.pixels - 800, 7, axis=1)
    stars = extract_sources(write_frame(tmp_path / "pairs.fits", pixels)).sources()
    distance, row = cKDTree(np.c_[stars.x, stars.y]).query(np.c_[field.x, field.y])
    assert np.mean(distance < 0.5) > 0.95
    assert np.mean(stars.flags[row] & SourceFlag.BLENDED > 0) > 0.9
    error = stars.mag_inst[row] + 2.5 * np.log10(field.flux)
    assert np.median(np.abs(error)) < 0.15


def test_a_cosmic_ray_is_no_star(tmp_path: Path) -> None:
    field = star_field()
    pixels = field.pixels.copy()
    pixels[201, 260] += 5000
    stars = extract_sources(write_frame(tmp_path / "frame.fits", pixels)).sources()
    hit = np.hypot(stars.x - 260, stars.y - 201) < 1
    assert np.all(stars.fwhm[hit] < 0.6 * field.fwhm)


@pytest.mark.parametrize("pixels", [np.zeros((64, 64)), np.full((80, 70), 1000.0)])
def test_frames_without_noise_say_so(tmp_path: Path, pixels: np.ndarray) -> None:
    path = write_frame(tmp_path / "frame.fits", pixels.astype(np.float32))
    with pytest.raises(CpcsError) as caught:
        extract_sources(path)
    assert caught.value.code == "no_noise"


def test_a_frame_of_undefined_pixels_is_refused(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "frame.fits", np.full((64, 64), np.nan, dtype=np.float32))
    with pytest.raises(CpcsError) as caught:
        extract_sources(path)
    assert caught.value.code == "unreadable"


def test_several_apertures_and_the_cameras_own(tmp_path: Path) -> None:
    field = star_field()
    path = write_frame(tmp_path / "frame.fits", field.pixels)
    both = extract_all(path, settings=ExtractionSettings(aperture_diameters_pix=(5.0, 10.0)))
    assert [c.aperture_diameter_pix for c in both.apertures] == [5.0, 10.0]
    row = rows_of(both.exposure, field)
    assert np.all(both.apertures[1].flux[row] > both.apertures[0].flux[row])
    own = extract_sources(path, camera=CameraSettings(aperture_diameter_pix=12.0))
    assert own.catalogs["APER"].aperture_diameter_pix == 12.0


def test_the_same_frame_gives_the_same_numbers(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "frame.fits", star_field().pixels)
    first, second = extract_sources(path), extract_sources(path)
    for name in ("x", "flux", "mag_inst_err", "flags", "fwhm"):
        one = getattr(first.sources(), name)
        np.testing.assert_array_equal(one, getattr(second.sources(), name))


def test_byte_order_and_storage_do_not_matter(tmp_path: Path) -> None:
    from astropy.io import fits

    whole = np.round(star_field().pixels)
    results = []
    for name, dtype in (("f", "<f4"), ("d", ">f8"), ("u", "u2")):
        path = tmp_path / f"{name}.fits"
        fits.PrimaryHDU(whole.astype(dtype)).writeto(path)
        results.append(extract_sources(path).sources().flux)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
