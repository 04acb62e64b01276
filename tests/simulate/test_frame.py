"""Practice frames against their truth, by an independent extraction with sep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sep
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS
from scipy.spatial import KDTree

from cpcs_desktop.simulate.camera import Camera
from cpcs_desktop.simulate.frame import SimulatedFrame, expose, profile, write_frame
from cpcs_desktop.simulate.sky import Sky, around, make_sky

CENTER = (359.99, 60.0)  # the field lies across RA 0
MJD = 60950.9


def sky_of(n: int, **options: float) -> Sky:
    return make_sky(
        n,
        np.random.default_rng(7),
        center=CENTER,
        half_size_deg=0.09,
        event="ivo://practice/x#1",
        outburst_mjd=MJD - 0.1,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def clean() -> SimulatedFrame:
    """A frame without neighbours or faults, sharp enough to be measured to the last photon."""
    camera = Camera(shape=(600, 700), cosmic_rays=0, bad_columns=0, psf="gauss")
    sky = sky_of(60, blends=0.0, mag_range=(14.0, 17.0))
    return expose(sky, camera, "SDSS/r", MJD, np.random.default_rng(3), center=CENTER)


def aperture_mags(frame: SimulatedFrame, radius: float) -> np.ndarray:
    assert frame.pixels is not None
    pixels = frame.pixels.astype(np.float32)
    background = sep.Background(pixels)
    flux, _, _ = sep.sum_circle(pixels - background, frame.x, frame.y, radius, subpix=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return -2.5 * np.log10(flux)


def test_aperture_magnitudes_give_the_true_zero_point(clean: SimulatedFrame) -> None:
    rows, columns = clean.camera.shape
    fwhm = clean.camera.fwhm / clean.camera.pixel_scale
    neighbours = KDTree(np.column_stack([clean.x, clean.y])).query(
        np.column_stack([clean.x, clean.y]), k=2
    )[0][:, 1]
    inside = (clean.x > 20) & (clean.x < columns - 20) & (clean.y > 20) & (clean.y < rows - 20)
    lone = inside & (neighbours > 12 * fwhm)
    assert lone.sum() > 10
    zero_points = (clean.mag - aperture_mags(clean, 2.5 * fwhm))[lone]
    assert np.median(zero_points) == pytest.approx(clean.zero_point, abs=0.004)
    assert np.std(zero_points) < 0.02


def test_noise_is_photons_and_read_out(clean: SimulatedFrame) -> None:
    """Variance of blank sky = sky / gain + (read noise / gain)^2."""
    assert clean.pixels is not None
    camera = clean.camera
    background = sep.Background(clean.pixels.astype(np.float32))
    expected = np.sqrt(camera.sky_level("r") / camera.gain + (camera.read_noise / camera.gain) ** 2)
    assert background.globalrms == pytest.approx(expected, rel=0.03)
    assert background.globalback == pytest.approx(camera.sky_level("r") + camera.bias, rel=0.01)


@pytest.mark.parametrize("psf", ["moffat", "gauss"])
def test_profile_holds_all_the_light_and_has_its_width(psf: str) -> None:
    camera = replace(Camera(), psf=psf)  # type: ignore[arg-type]
    step = 0.05
    radius = np.arange(step / 2, 400, step)
    light = (profile(radius**2, camera) * 2 * np.pi * radius).sum() * step
    assert light == pytest.approx(1.0, abs=1e-3)
    half = camera.fwhm / camera.pixel_scale / 2
    ratio = profile(np.array([half**2]), camera) / profile(np.zeros(1), camera)
    assert ratio[0] == pytest.approx(0.5)


@pytest.mark.parametrize("sip", [False, True])
def test_header_tells_what_the_observer_needs(tmp_path: Path, sip: bool) -> None:
    camera = Camera(shape=(300, 320), sip=sip)
    frame = expose(sky_of(80), camera, "APASS/V", MJD, np.random.default_rng(1), center=CENTER)
    path = tmp_path / "frame.fits"
    write_frame(frame, path, object_name="field", airmass=1.2)
    with fits.open(path) as hdus:
        header = hdus[0].header
        assert hdus[0].data.shape == (300, 320)
        assert hdus[0].data.max() <= camera.saturation
    assert header["FILTER"] == "V"
    assert header["GAIN"] == camera.gain
    assert header["SATURATE"] == camera.saturation
    middle = Time(header["DATE-OBS"]).mjd + header["EXPTIME"] / 2 / 86400
    assert middle == pytest.approx(MJD, abs=1e-7)
    assert ("A_ORDER" in header) == sip
    ra, dec = WCS(header).all_pix2world(frame.x, frame.y, 0)
    again = frame.wcs.all_pix2world(frame.x, frame.y, 0)
    assert np.allclose([ra, dec], again, atol=1e-9)
    assert np.hypot((frame.x[-1] - 160), (frame.y[-1] - 150)) < 80


def test_faults_appear_where_asked() -> None:
    camera = Camera(shape=(400, 400), cosmic_rays=500, bad_columns=3)
    frame = expose(sky_of(30), camera, "SDSS/g", MJD, np.random.default_rng(5), center=CENTER)
    assert frame.pixels is not None
    dead = (np.median(frame.pixels[200:], axis=0) == 0).sum()
    hot = (np.median(frame.pixels[200:], axis=0) == camera.saturation).sum()
    assert dead + hot == 3
    sharp = replace(camera, cosmic_rays=0.0, bad_columns=0)
    clean = expose(sky_of(30), sharp, "SDSS/g", MJD, np.random.default_rng(5), center=CENTER)
    assert clean.pixels is not None
    assert ((frame.pixels - clean.pixels) > 300).sum() > 100


def test_a_gradient_runs_across_the_sky() -> None:
    camera = Camera(shape=(200, 800), sky_gradient=0.4, cosmic_rays=0, bad_columns=0)
    frame = expose(sky_of(30), camera, "SDSS/r", MJD, np.random.default_rng(5), center=CENTER)
    assert frame.pixels is not None
    left, right = np.median(frame.pixels[:, :50]), np.median(frame.pixels[:, -50:])
    assert right - left == pytest.approx(0.3 * camera.sky_level("r"), rel=0.1)


def test_transient_rises_and_is_quiet_before() -> None:
    transient = sky_of(30).transient
    assert transient.mag("SDSS/r", MJD - 1.0) == pytest.approx(24.5)
    rising = [transient.mag("SDSS/r", MJD - 0.1 + t) for t in (0.01, 0.05, 0.1, 1.0)]
    assert rising == sorted(rising, reverse=True)
    assert rising[-1] == pytest.approx(15.2, abs=0.01)
    colour = transient.mag("SDSS/g", MJD) - transient.mag("SDSS/r", MJD)
    assert 0.1 < colour < 0.6


def test_tangent_plane_agrees_with_wcslib_at_the_pole() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [10.0, 89.9], [0.0, 0.0], [1.0, 1.0]
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    xi, eta = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 50))
    ours = around(10.0, 89.9, xi, eta)
    theirs = wcs.all_pix2world(xi - 1, eta - 1, 0)
    gap = np.hypot((ours[0] - theirs[0]) * np.cos(np.radians(ours[1])), ours[1] - theirs[1])
    assert gap.max() < 1e-9


def test_proper_motion_moves_the_sky() -> None:
    sky = sky_of(50)
    ra0, dec0 = sky.position_at(2016.0)
    ra1, dec1 = sky.position_at(2026.0)
    assert (dec1 - dec0) * 3.6e6 == pytest.approx(10 * sky.pmdec, abs=1e-3)
    moved = (ra1 - ra0) * np.cos(np.radians(dec0)) * 3.6e6
    assert moved == pytest.approx(10 * sky.pmra, abs=1e-3)
