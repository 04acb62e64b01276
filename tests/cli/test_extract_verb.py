"""``cpcs extract``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from click.testing import CliRunner

from cpcs_desktop.cli.main import cpcs


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    rng = np.random.default_rng(8)
    yy, xx = np.mgrid[0:200, 0:200]
    pixels = rng.normal(500, 5, (200, 200))
    for x, y in ((40.0, 50.0), (120.3, 60.7), (150.0, 160.0)):
        pixels += 800 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * 1.8**2))
    path = tmp_path / "frame.fits"
    mask = fits.ImageHDU(pixels.astype(np.float32)[::-1], name="SCI")
    fits.HDUList([fits.PrimaryHDU(pixels.astype(np.float32)), mask]).writeto(path)
    return path


def test_the_list_goes_to_stdout(frame: Path) -> None:
    done = CliRunner().invoke(cpcs, ["extract", str(frame)])
    assert done.exit_code == 0
    table = Table.read(done.stdout, format="ascii.sextractor")
    assert len(table) == 3
    assert table.colnames[:3] == ["NUMBER", "X_IMAGE", "Y_IMAGE"]
    assert table["X_IMAGE"][0] == pytest.approx(41, abs=0.1)
    assert "3 sources" in done.stderr


def test_json_and_file(frame: Path, tmp_path: Path) -> None:
    out = tmp_path / "sources.ecsv"
    arguments = ["extract", str(frame), "--format", "ecsv", "-o", str(out), "--aperture", "6"]
    done = CliRunner().invoke(cpcs, [*arguments, "--aperture", "9", "--json"])
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert answer["n_sources"] == 3
    assert answer["aperture_diameters_pix"] == [6.0, 9.0]
    assert Table.read(out)["MAG_APER"].shape == (3, 2)


@pytest.mark.parametrize("way", ["option", "brackets"])
def test_another_image_of_the_file(frame: Path, way: str) -> None:
    arguments = [str(frame), "--hdu", "1"] if way == "option" else [f"{frame}[1]"]
    done = CliRunner().invoke(cpcs, ["extract", *arguments])
    assert Table.read(done.stdout, format="ascii.sextractor")["Y_IMAGE"].max() > 149


def test_a_missing_frame_is_a_failed_input(tmp_path: Path) -> None:
    done = CliRunner().invoke(cpcs, ["extract", str(tmp_path / "no.fits"), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"]["code"] == "unreadable"


def test_a_text_file_named_fits(tmp_path: Path) -> None:
    path = tmp_path / "letter.fits"
    path.write_text("Dear observer,\n")
    done = CliRunner().invoke(cpcs, ["extract", str(path)])
    assert done.exit_code == 1
    assert "not a FITS file" in done.stderr
    assert CliRunner().invoke(cpcs, ["extract", str(path), "--format", "x"]).exit_code == 2


def test_stdout_belongs_to_the_result_whatever_astropy_says_of_a_header(frame: Path) -> None:
    """Distortion without its suffix makes astropy talk, and its log goes to stdout."""
    with fits.open(frame, mode="update") as hdus:
        cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0}
        cards |= {"CRPIX1": 100.0, "CRPIX2": 100.0, "CDELT1": -2e-4, "CDELT2": 2e-4}
        cards |= {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-5, "B_0_2": 1e-5}
        hdus[0].header.update(cards)
    words = ["extract", str(frame), "-o", str(frame.with_suffix(".cat")), "--json"]
    done = CliRunner().invoke(cpcs, words)
    assert json.loads(done.stdout)["has_wcs"]
