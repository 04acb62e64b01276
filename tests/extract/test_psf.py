"""PSF photometry against stars whose truth is known, alone and blended."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from star_fields import star_field, write_frame

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.settings import ExtractionSettings
from cpcs_desktop.extract import extract_sources
from cpcs_desktop.extract.frame_psf import frame_psf
from cpcs_desktop.extract.psf_target import fit_target, fitting_plane, with_psf_target
from cpcs_desktop.simulate.camera import Camera
from cpcs_desktop.simulate.frame import profile

GAIN, NOISE, BETA = 1.5, 8.0, 3.0
NOWHERE = (np.empty(0), np.empty(0))


@dataclass(frozen=True)
class Pairs:
    """A frame of lonely stars and of targets, each with a brighter neighbour."""

    pixels: NDArray[np.float32]
    target: NDArray[np.float64]  # x, y, flux
    neighbour: NDArray[np.float64]
    lonely: NDArray[np.float64]


@lru_cache(maxsize=4)
def pairs(apart_fwhm: float, fwhm: float = 3.4, seed: int = 1) -> Pairs:
    """Moffat stars, light summed over the pixels; the PSF is one the fit does not know."""
    rng = np.random.default_rng(seed)
    size, step = 800, 46
    core = fwhm / 2 / np.sqrt(2 ** (1 / BETA) - 1)
    model = np.zeros((size, size))
    axis = np.arange(35, size - 35, step)
    x, y = (g.ravel() + rng.uniform(-3, 3, g.size) for g in np.meshgrid(axis, axis))
    is_pair = np.arange(len(x)) % 2 == 1
    lonely = np.c_[x, y, 10 ** rng.uniform(4.2, 5.2, len(x))][~is_pair]
    n = int(is_pair.sum())
    target = np.c_[x[is_pair], y[is_pair], 10 ** rng.uniform(3.5, 4.5, n)]
    way = rng.uniform(0, 2 * np.pi, n)
    neighbour = target + np.c_[np.cos(way), np.sin(way), np.zeros(n)] * apart_fwhm * fwhm
    neighbour[:, 2] = target[:, 2] * 2.5
    fine = (np.arange(7) - 3) / 7
    for x0, y0, flux in np.concatenate([lonely, target, neighbour]):
        left, low = int(x0) - 22, int(y0) - 22
        at = np.arange(45)
        for dx in fine:
            for dy in fine:
                r2 = (at + left + dx - x0)[None] ** 2 + (at + low + dy - y0)[:, None] ** 2
                light = (BETA - 1) / (np.pi * core**2) * (1 + r2 / core**2) ** -BETA
                model[low : low + 45, left : left + 45] += flux * light / 49
    pixels = rng.poisson(model * GAIN) / GAIN + rng.normal(500, NOISE, model.shape)
    return Pairs(pixels.astype(np.float32), target, neighbour, lonely)


@pytest.mark.parametrize(("apart", "fwhm"), [(1.8, 3.4), (1.0, 3.4), (1.5, 2.0)])
def test_magnitudes_of_blended_targets_scatter_as_their_errors_say(
    tmp_path: Path, apart: float, fwhm: float
) -> None:
    """Detected apart from the neighbour or not: its place is known from a survey."""
    field = pairs(apart, fwhm)
    frame = write_frame(tmp_path / "frame.fits", field.pixels, GAIN=GAIN)
    exposure = extract_sources(frame, settings=ExtractionSettings(aperture_diameters_pix=(16.0,)))
    plane, hidden = fitting_plane(exposure, ExtractionSettings())
    stars = exposure.sources("APER")
    tree = cKDTree(np.c_[stars.x, stars.y])
    model = frame_psf(plane, hidden, exposure, (400.0, 400.0))
    shift, shift_err = model.correction["APER"]
    # a wide aperture catches this share of lonely stars' light: the scale of the kind
    _, star = cKDTree(field.lonely[:, :2]).query(np.c_[stars.x, stars.y][model.rows])
    caught = np.median(stars.flux[model.rows] / field.lonely[star, 2])
    pulls, aperture = [], []
    for target, neighbour in zip(field.target, field.neighbour, strict=True):
        distance, row = tree.query(target[:2])
        own = int(row) if distance < 0.4 * apart * fwhm else None
        known = (neighbour[:1], neighbour[1:2])
        found = fit_target(plane, hidden, model, stars, tuple(target[:2]), own, known)
        flux = found.flux * 10 ** (-0.4 * shift) / caught
        pulls.append((flux - target[2]) / np.hypot(found.flux_err, found.flux * shift_err))
        aperture.append(stars.flux[row] / target[2])
        assert found.is_there
    pull = np.array(pulls)
    assert np.median(np.abs(np.array(aperture) - 1)) > 0.1  # what the aperture would have said
    assert abs(np.mean(pull)) < 0.35
    assert 0.8 < np.std(pull) < 1.25
    assert np.mean(np.abs(pull) < 1) > 0.58


def blended_practice(practice: Path, truth: dict[str, Any], folder: Path) -> Path:
    """Put a star four times as bright as the target 1.8 FWHM beside it; no survey knows it."""
    source = practice / "frames" / "practice-02-r.fits"
    exposure = extract_sources(source)
    stars, wcs, gain = exposure.sources(), exposure.frame.wcs, exposure.frame.gain
    assert wcs is not None
    assert gain is not None
    x, y = (float(v) for v in wcs.all_world2pix(truth["ra"], truth["dec"], 0))
    flux = 4 * stars.flux[cKDTree(np.c_[stars.x, stars.y]).query([x, y])[1]]
    camera = Camera()
    fwhm = camera.fwhm / camera.pixel_scale
    with fits.open(source) as hdus:
        pixels = hdus[0].data.astype(np.float32)
        rows, columns = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]]
        r2 = (columns - x - 1.8 * fwhm) ** 2 + (rows - y) ** 2
        light = flux * profile(r2, camera)
        pixels += np.random.default_rng(2).poisson(light * gain) / gain
        path = folder / "blended.fits"
        fits.PrimaryHDU(pixels.astype(np.float32), hdus[0].header).writeto(path)
    return path


def test_the_command_line_measures_a_blend(
    practice: Path, practice_truth: dict[str, Any], tmp_path: Path
) -> None:
    path = blended_practice(practice, practice_truth, tmp_path)
    words = ["calibrate", str(path), "--target", f"{practice_truth['ra']},{practice_truth['dec']}"]
    words += ["--cache", str(practice / "cache"), "--json"]
    merged = CliRunner().invoke(cpcs, words)
    assert merged.exit_code == 1
    assert "bright one that no survey knows" in merged.stdout
    done = CliRunner().invoke(cpcs, [*words, "--psf"])
    assert done.exit_code == 0, done.stdout
    line = json.loads(done.stdout)
    how = line["target_photometry"]
    assert how["method"] == "PSF"
    assert how["neighbours"] >= 1
    assert how["stars"] >= 5
    assert line["magnitude_kind"] == "AUTO"
    assert not line["is_limit"]
    assert abs(line["mag"] - practice_truth["mag"]) < 3 * line["mag_err_total"]
    assert line["mag_err"] < 0.1
    unblended = practice / "frames" / "practice-02-r.fits"
    words[1] = str(unblended)
    plain, fitted = (
        json.loads(CliRunner().invoke(cpcs, [*words, *extra]).stdout) for extra in ([], ["--psf"])
    )
    assert plain["target_photometry"] == {"method": "aperture", "psf_refused": None}
    assert fitted["mag"] == pytest.approx(plain["mag"], abs=2 * plain["mag_err"])
    assert fitted["zero_point"] == pytest.approx(plain["zero_point"], abs=1e-9)


def test_where_no_psf_can_be_made_the_aperture_stays(tmp_path: Path) -> None:
    field = star_field(shape=(120, 120), step=60)
    exposure = extract_sources(write_frame(tmp_path / "few.fits", field.pixels))
    stars = exposure.sources()
    same = with_psf_target(exposure, (stars.x[0], stars.y[0]), 0, NOWHERE)
    assert same.psf is not None
    assert "clean bright stars" in (same.psf.refused or "")
    np.testing.assert_array_equal(same.sources().mag_inst, stars.mag_inst)
    lost = replace(exposure, frame=replace(exposure.frame, path=str(tmp_path / "gone.fits")))
    assert with_psf_target(lost, (1.0, 1.0), None, NOWHERE).psf.refused  # type: ignore[union-attr]


def test_nothing_beside_a_neighbour_is_no_detection(tmp_path: Path) -> None:
    field = pairs(1.8)
    exposure = extract_sources(write_frame(tmp_path / "frame.fits", field.pixels, GAIN=GAIN))
    x, y, _ = field.lonely[40]
    place = (x + 1.5 * 3.4, y)
    known = (np.array([x]), np.array([y]))
    seen = with_psf_target(exposure, place, None, known)
    assert seen.psf is not None
    assert seen.psf.refused is None
    assert not seen.psf.is_there
    assert len(seen.sources()) == len(exposure.sources())
    # a target that detection missed gets a row of its own, after all others
    x, y, flux = field.target[10]
    nx, ny, _ = field.neighbour[10]
    found = with_psf_target(exposure, (x, y), None, (np.array([nx]), np.array([ny])))
    assert found.psf is not None
    if found.psf.is_there:
        assert len(found.sources()) == len(exposure.sources()) + 1
        assert found.sources().flux[-1] == pytest.approx(flux, rel=0.1)
