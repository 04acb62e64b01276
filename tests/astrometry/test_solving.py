"""Plates of made skies: any rotation, parity and scale; distortion; and nonsense."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.wcs import WCS, Sip
from numpy.typing import NDArray

from cpcs_desktop.astrometry.cached import wcs_is_wrong
from cpcs_desktop.astrometry.solve import scale_hypotheses, solve, solve_frame, with_wcs
from cpcs_desktop.astrometry.tangent import from_plane, to_plane
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.sources import Exposure, SourceCatalog
from cpcs_desktop.datamodel.survey import ReferenceCatalog

SHAPE = (900, 1200)


def sky(center: tuple[float, float], radius_deg: float, count: int, seed: int) -> ReferenceCatalog:
    rng = np.random.default_rng(seed)
    r = 3600 * radius_deg * np.sqrt(rng.uniform(0, 1, count))
    angle = rng.uniform(0, 2 * np.pi, count)
    ra, dec = from_plane(r * np.cos(angle), r * np.sin(angle), center)
    mag = 8 + 2 * np.log10(rng.uniform(1e-3, 1, count)) + 6
    return ReferenceCatalog(
        survey="TYCHO2",
        release="2",
        source_id=np.arange(count),
        ra=ra,
        dec=dec,
        letters=("VT",),
        mag=mag[:, None],
        mag_err=np.full((count, 1), 0.05),
        flags=np.zeros(count, dtype=np.int32),
    )


def true_wcs(
    center: tuple[float, float], scale: float, angle_deg: float, *, mirrored: bool, bend: float = 0
) -> WCS:
    angle = np.radians(angle_deg)
    parity = 1 if mirrored else -1
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"] if bend else ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = list(center)
    wcs.wcs.crpix = [600.5, 450.5]
    wcs.wcs.cd = (scale / 3600) * np.array(
        [
            [parity * np.cos(angle), -parity * np.sin(angle)],
            [np.sin(angle), np.cos(angle)],
        ]
    )
    if bend:
        a, b = np.zeros((4, 4)), np.zeros((4, 4))
        a[3, 0] = a[1, 2] = b[0, 3] = b[2, 1] = bend
        a[2, 0] = 3e-6
        wcs.sip = Sip(a, b, None, None, [600.5, 450.5])
    wcs.wcs.set()
    return wcs


def photograph(
    wcs: WCS, stars: ReferenceCatalog, *, seed: int, noise_pix: float = 0.05
) -> Exposure:
    """Sources of the stars on the plate; a tenth of them missing, false ones added."""
    rng = np.random.default_rng(seed)
    x, y = wcs.all_world2pix(stars.ra, stars.dec, 0, quiet=True)
    inside = (x > 2) & (y > 2) & (x < SHAPE[1] - 3) & (y < SHAPE[0] - 3)
    inside &= rng.uniform(size=len(x)) > 0.1
    mag = stars.mag[inside, 0] + rng.normal(0, 0.3, inside.sum())
    false = max(5, inside.sum() // 5)
    x = np.r_[x[inside] + rng.normal(0, noise_pix, inside.sum()), rng.uniform(0, SHAPE[1], false)]
    y = np.r_[y[inside] + rng.normal(0, noise_pix, inside.sum()), rng.uniform(0, SHAPE[0], false)]
    mag = np.r_[mag, rng.uniform(mag.min() + 1, mag.max(), false)] - 25
    n = len(x)
    flux = 10 ** (-0.4 * mag)
    nothing = np.full(n, np.nan)
    catalog = SourceCatalog(
        *(x, y, nothing, nothing, flux, flux / 50, mag, np.full(n, 0.02), np.full(n, 3.0)),
        flags=np.zeros(n, dtype=np.int32),
        kind="AUTO",
        origin="extracted",
    )
    frame = Frame("0" * 64, 0, "frame.fits", "frame", shape=SHAPE)
    return Exposure(frame, {"AUTO": catalog})


def worst_pixels(found: WCS, true: WCS, scale: float) -> float:
    x, y = np.meshgrid(np.linspace(0, SHAPE[1] - 1, 7), np.linspace(0, SHAPE[0] - 1, 7))
    pixels: NDArray[np.float64] = np.column_stack([x.ravel(), y.ravel()])
    one, other = found.all_pix2world(pixels, 0), true.all_pix2world(pixels, 0)
    east = (one[:, 0] - other[:, 0] + 180) % 360 - 180
    apart = np.hypot(east * np.cos(np.radians(other[:, 1])), one[:, 1] - other[:, 1])
    return float(apart.max()) * 3600 / scale


@pytest.mark.parametrize(
    ("center", "scale", "angle", "mirrored"),
    [
        ((150.0, 20.0), 1.2, 0.0, False),
        ((0.02, -45.0), 2.5, 123.0, True),
        ((359.95, 75.0), 0.8, 271.0, False),
        ((40.0, 89.6), 3.0, 45.0, True),
        ((210.0, -89.9), 5.0, 300.0, False),
    ],
)
def test_any_rotation_parity_and_place(
    center: tuple[float, float], scale: float, angle: float, mirrored: bool
) -> None:
    stars = sky(center, 1.2 * scale, 4000, seed=3)
    wcs = true_wcs(center, scale, angle, mirrored=mirrored)
    exposure = photograph(wcs, stars, seed=4)
    ra, dec = from_plane(np.array([300.0 * scale]), np.array([-200.0 * scale]), center)
    near = (float(ra[0]), float(dec[0]))
    solution = solve(exposure.frame, exposure, stars, near, 0.5, scale * 1.7)
    assert worst_pixels(solution.wcs, wcs, scale) < 0.1
    assert solution.mirrored == mirrored
    assert solution.scale_arcsec == pytest.approx(scale, rel=1e-3)
    assert solution.degree == 1
    assert solution.rms_pix < 0.1


def test_unknown_scale() -> None:
    center, scale = (83.0, -5.0), 20.0
    stars = sky(center, 12.0, 3000, seed=8)
    exposure = photograph(true_wcs(center, scale, 33.0, mirrored=False), stars, seed=9)
    wcs = solve_frame(exposure.frame, exposure, stars, (83.5, -5.3), 1.0)
    assert worst_pixels(wcs, true_wcs(center, scale, 33.0, mirrored=False), scale) < 0.15


def test_distortion_is_found_and_written_as_sip() -> None:
    center, scale = (120.0, 35.0), 4.0
    wcs = true_wcs(center, scale, 10.0, mirrored=False, bend=4e-8)  # 17 pixels in the corners
    stars = sky(center, 1.5, 4000, seed=5)
    exposure = photograph(wcs, stars, seed=6)
    solution = solve(exposure.frame, exposure, stars, center, 0.3, 4.0)
    assert solution.degree >= 3
    assert solution.rms_pix < 0.1
    assert worst_pixels(solution.wcs, wcs, scale) < 0.3
    assert solution.wcs.wcs.ctype[0] == "RA---TAN-SIP"


def test_a_wrong_place_has_no_solution() -> None:
    stars, elsewhere = sky((10.0, 0.0), 1.0, 2000, seed=1), sky((200.0, 0.0), 1.0, 2000, seed=2)
    wcs = true_wcs((200.0, 0.0), 1.5, 0.0, mirrored=False)
    exposure = photograph(wcs, elsewhere, seed=3)
    with pytest.raises(CpcsError) as caught:
        solve(exposure.frame, exposure, stars, (10.0, 0.0), 0.5, 1.5)
    assert caught.value.code == "no_solution"
    assert "arcsec per pixel" in caught.value.hint


def test_too_few_stars() -> None:
    stars = sky((10.0, 0.0), 1.0, 900, seed=1)
    exposure = photograph(true_wcs((10.0, 0.0), 1.5, 0.0, mirrored=False), stars, seed=3)
    with pytest.raises(CpcsError) as caught:
        solve(exposure.frame, exposure, sky((10.0, 0.0), 1.0, 3, seed=1), (10.0, 0.0))
    assert caught.value.code == "too_few_stars"


def test_a_wrong_wcs_is_recognised_and_a_right_one_kept() -> None:
    center, scale = (50.0, 10.0), 2.0
    stars = sky(center, 1.0, 1500, seed=11)
    right = true_wcs(center, scale, 20.0, mirrored=False)
    exposure = photograph(right, stars, seed=12)
    assert wcs_is_wrong(exposure, stars) is None
    assert wcs_is_wrong(with_wcs(exposure, right, scale), stars) is False
    shifted = true_wcs((50.02, 10.01), scale, 20.0, mirrored=False)
    assert wcs_is_wrong(with_wcs(exposure, shifted, scale), stars) is True
    turned = true_wcs(center, scale, 200.0, mirrored=False)
    assert wcs_is_wrong(with_wcs(exposure, turned, scale), stars) is True


def test_positions_follow_the_new_wcs() -> None:
    wcs = true_wcs((50.0, 10.0), 2.0, 20.0, mirrored=True)
    exposure = photograph(wcs, sky((50.0, 10.0), 1.0, 800, seed=1), seed=2)
    exposure = replace(exposure, frame=replace(exposure.frame, guessed=frozenset({"mjd"})))
    moved = with_wcs(exposure, wcs, 2.0)
    x, y = wcs.all_world2pix(moved.sources().ra, moved.sources().dec, 0)
    np.testing.assert_allclose(x, moved.sources().x, atol=1e-6)
    np.testing.assert_allclose(y, moved.sources().y, atol=1e-6)
    assert moved.frame.pixel_scale_arcsec == 2.0


@pytest.mark.parametrize("center", [(0.0, 0.0), (359.9, 60.0), (12.0, -89.99)])
def test_the_tangent_plane_and_back(center: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    xi, eta = rng.uniform(-8000, 8000, (2, 50))
    ra, dec = from_plane(xi, eta, center)
    back = to_plane(ra, dec, center)
    np.testing.assert_allclose(back, (xi, eta), atol=1e-5)


def test_scales_cover_what_they_promise() -> None:
    for known in (None, 1.3):
        ranges = sorted(scale_hypotheses(known))
        low, high = (0.2, 60.0) if known is None else (0.65, 2.6)
        assert ranges[0][0] <= low
        assert ranges[-1][1] >= high
        reached = ranges[0][1]
        for start, end in ranges[1:]:
            assert start <= reached
            reached = max(reached, end)
