"""The curve of growth against profiles whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sep
from click.testing import CliRunner
from star_fields import star_field, write_frame

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.extract import extract_sources
from cpcs_desktop.extract.growth import OUTER_FWHM, curve_of_growth


def test_gaussian_stars_grow_as_gaussians_do(tmp_path: Path) -> None:
    field = star_field(step=60, fluxes=(4.8, 5.2), noise=3.0)
    exposure = extract_sources(write_frame(tmp_path / "frame.fits", field.pixels))
    bright = int(np.argmax(field.flux))
    place = (float(field.x[bright]), float(field.y[bright]))
    curve = curve_of_growth(field.pixels, exposure, place)
    assert curve is not None
    sigma = field.fwhm / 2.3548
    truth = 1 - np.exp(-(curve.radius_pix**2) / (2 * (sigma**2 + 1 / 12)))
    np.testing.assert_allclose(curve.share, truth, atol=0.012)
    assert np.all(curve.low <= curve.high)
    assert curve.radius_pix[-1] == pytest.approx(OUTER_FWHM * curve.fwhm_pix)
    assert curve.aperture_radius_pix == exposure.catalogs["APER"].aperture_diameter_pix / 2  # type: ignore[operator]
    assert curve.aperture_share == pytest.approx(0.94, abs=0.02)  # 2 FWHM wide
    # Gaussian on sky noise: 1.585 sigma, 0.67 FWHM (King 1983, PASP 95, 163)
    assert curve.faint_radius_pix == pytest.approx(0.673 * curve.fwhm_pix, abs=0.15 * field.fwhm)
    assert curve.target is not None
    np.testing.assert_allclose(curve.target, truth, atol=0.03)


def test_the_sums_are_those_of_apertures(tmp_path: Path) -> None:
    """The second path: sep's circles on the same stars."""
    field = star_field(step=60, fluxes=(4.8, 4.9))
    exposure = extract_sources(write_frame(tmp_path / "frame.fits", field.pixels))
    curve = curve_of_growth(field.pixels, exposure)
    assert curve is not None
    stars = exposure.sources()
    clean = (stars.x > 40) & (stars.x < 460) & (stars.y > 40) & (stars.y < 360)
    flat = np.ascontiguousarray(field.pixels - np.float32(800))
    sums = np.array(
        [sep.sum_circle(flat, stars.x[clean], stars.y[clean], r)[0] for r in curve.radius_pix]
    )
    np.testing.assert_allclose(curve.share, np.median(sums / sums[-1], axis=1), atol=0.01)


def test_a_frame_without_stars_has_no_curve(tmp_path: Path) -> None:
    field = star_field()
    exposure = extract_sources(write_frame(tmp_path / "frame.fits", field.pixels))
    stars = exposure.sources()
    spoilt = replace(exposure, catalogs={"AUTO": replace(stars, flags=stars.flags | 4)})
    assert curve_of_growth(field.pixels, spoilt) is None


def test_the_verb_tells_the_curve(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "frame.fits", star_field(step=60, fluxes=(4.8, 5.2)).pixels)
    words = ["extract", str(path), "-o", str(tmp_path / "list.cat"), "--growth"]
    done = CliRunner().invoke(cpcs, [*words, "--json"])
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)["curve_of_growth"]
    assert told["stars"] >= 3
    assert told["share"][-1] == 1.0
    assert 0.9 < told["aperture_share"] < 1
    assert "of the light" in CliRunner().invoke(cpcs, words).stderr
