"""TPV and ZPN against their definitions, written out here as a second path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from numpy.typing import NDArray

from cpcs_desktop.io.frames import read_frame

Array = NDArray[np.float64]
CENTRE = (210.0, 54.0)
TPV = {
    "PV1_0": 1e-4,
    "PV1_1": 1.02,
    "PV1_2": 0.003,
    "PV1_3": 0.001,
    "PV1_4": 0.02,
    "PV1_7": 0.05,
    "PV2_0": -2e-4,
    "PV2_1": 0.99,
    "PV2_2": -0.004,
    "PV2_5": 0.03,
    "PV2_6": 0.01,
    "PV2_10": 0.04,
}


def frame_header(kind: str, scale: float, **cards: float) -> fits.Header:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = f"RA---{kind}", f"DEC--{kind}"
    header["CRVAL1"], header["CRVAL2"] = CENTRE
    header["CRPIX1"], header["CRPIX2"] = 120.0, 80.0
    header["CD1_1"], header["CD1_2"] = -scale, 0.1 * scale
    header["CD2_1"], header["CD2_2"] = 0.1 * scale, scale
    header["RADESYS"] = "ICRS"
    header.update(cards)
    return header


def seen(tmp_path: Path, header: fits.Header) -> tuple[Array, Array, Array, Array]:
    """Positions of a lattice of pixels as the program reads the frame; the plane's x and y."""
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU(np.ones((160, 240), dtype=np.float32), header).writeto(path)
    wcs = read_frame(path).wcs
    assert wcs is not None
    x, y = (g.ravel() for g in np.meshgrid(np.linspace(0, 239, 9), np.linspace(0, 159, 7)))
    ra, dec = wcs.all_pix2world(x, y, 0)
    back = wcs.all_world2pix(ra, dec, 0)
    np.testing.assert_allclose(back, [x, y], atol=1e-3)
    dx, dy = x + 1 - header["CRPIX1"], y + 1 - header["CRPIX2"]
    plane = (
        header["CD1_1"] * dx + header["CD1_2"] * dy,
        header["CD2_1"] * dx + header["CD2_2"] * dy,
    )
    return ra, dec, *plane


def apart(ra: Array, dec: Array, angle_deg: Array, distance_deg: Array) -> Array:
    """Arcsec between positions and places at an angle and a distance from the centre."""
    centre = SkyCoord(*CENTRE, unit="deg")
    there = centre.directional_offset_by(angle_deg * u.deg, distance_deg * u.deg)
    return SkyCoord(ra, dec, unit="deg").separation(there).arcsec


def tpv_axis(one: Array, other: Array, pv: dict[int, float]) -> Array:
    """Evaluate the polynomial of one axis as the registry of FITS conventions defines TPV."""
    r = np.hypot(one, other)
    terms = [np.ones_like(one), one, other, r, one**2, one * other, other**2]
    terms += [one**3, one**2 * other, one * other**2, other**3]
    return sum(pv.get(n, 0.0) * term for n, term in enumerate(terms))


def test_tpv(tmp_path: Path) -> None:
    ra, dec, x, y = seen(tmp_path, frame_header("TPV", 0.01, **TPV))
    axes = [{int(k[4:]): v for k, v in TPV.items() if k.startswith(f"PV{n}_")} for n in (1, 2)]
    xi, eta = tpv_axis(x, y, axes[0]), tpv_axis(y, x, axes[1])
    distance = np.degrees(np.arctan(np.radians(np.hypot(xi, eta))))
    assert np.max(apart(ra, dec, np.degrees(np.arctan2(xi, eta)), distance)) < 1e-3
    undistorted = np.degrees(np.arctan(np.radians(np.hypot(x, y))))
    assert np.max(apart(ra, dec, np.degrees(np.arctan2(x, y)), undistorted)) > 60


@pytest.mark.parametrize("cubic", [0.0, 42.0, -50.0])
def test_zpn(tmp_path: Path, cubic: float) -> None:
    """Zenithal polynomial (Calabretta & Greisen 2002, 5.1.7): R = sum PV2_m z^m, z in radians."""
    ra, dec, x, y = seen(tmp_path, frame_header("ZPN", 0.01, PV2_1=1.0, PV2_3=cubic))
    z = np.linspace(0, np.radians(3), 200_001)
    distance = np.interp(np.radians(np.hypot(x, y)), z + cubic * z**3, z)
    angle = np.degrees(np.arctan2(x, y))
    assert np.max(apart(ra, dec, angle, np.degrees(distance))) < 1e-2


def test_the_scale_of_a_distorted_frame_is_that_of_its_centre(tmp_path: Path) -> None:
    path = tmp_path / "frame.fits"
    header = frame_header("ZPN", 2e-4, PV2_1=1.0, PV2_3=42.0)
    fits.PrimaryHDU(np.ones((160, 240), dtype=np.float32), header).writeto(path)
    frame = read_frame(path)
    assert frame.wcs is not None
    one, other = frame.wcs.all_pix2world([[119.0, 79.0], [119.0, 80.0]], 0)
    step = SkyCoord(*one, unit="deg").separation(SkyCoord(*other, unit="deg")).arcsec
    assert frame.pixel_scale_arcsec == pytest.approx(step, rel=1e-3)


@pytest.mark.parametrize("suffix", ["-SIP", ""])
def test_sip(tmp_path: Path, suffix: str) -> None:
    """Shupe et al. (2005): pixels are moved by A and B before the linear part."""
    header = frame_header("TAN", 2e-3)
    header["CTYPE1"], header["CTYPE2"] = f"RA---TAN{suffix}", f"DEC--TAN{suffix}"
    header.update(A_ORDER=2, B_ORDER=2, A_2_0=2e-4, A_1_1=-1e-4, B_0_2=3e-4, B_1_1=5e-5)
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU(np.ones((160, 240), dtype=np.float32), header).writeto(path)
    wcs = read_frame(path).wcs
    assert wcs is not None
    x, y = (g.ravel() for g in np.meshgrid(np.linspace(0, 239, 9), np.linspace(0, 159, 7)))
    u_, v_ = x + 1 - 120, y + 1 - 80
    moved_x = u_ + 2e-4 * u_**2 - 1e-4 * u_ * v_
    moved_y = v_ + 3e-4 * v_**2 + 5e-5 * u_ * v_
    xi = -2e-3 * moved_x + 2e-4 * moved_y
    eta = 2e-4 * moved_x + 2e-3 * moved_y
    distance = np.degrees(np.arctan(np.radians(np.hypot(xi, eta))))
    seen_at = wcs.all_pix2world(x, y, 0)
    assert np.max(apart(*seen_at, np.degrees(np.arctan2(xi, eta)), distance)) < 1e-3


def test_the_same_place_in_every_convention(tmp_path: Path) -> None:
    """CD, PC with CDELT, CROTA2; with and without RADESYS; rows up or down."""
    scale, angle = 2e-4, np.radians(30.0)
    cosine, sine = np.cos(angle), np.sin(angle)
    base = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 210.0, "CRVAL2": 54.0}
    base |= {"CRPIX1": 120.0, "CRPIX2": 80.0}
    steps = {"CDELT1": -scale, "CDELT2": scale}
    cd = {"CD1_1": -scale * cosine, "CD1_2": scale * sine}
    cd |= {"CD2_1": scale * sine, "CD2_2": scale * cosine}
    pc = {"PC1_1": cosine, "PC1_2": -sine, "PC2_1": sine, "PC2_2": cosine} | steps
    places = []
    for n, more in enumerate(
        (cd, pc, steps | {"CROTA2": -30.0}, cd | {"RADESYS": "ICRS"}, cd | {"EQUINOX": 2000.0})
    ):
        path = tmp_path / f"{n}.fits"
        header = fits.Header()
        header.update(base | more)
        fits.PrimaryHDU(np.ones((160, 240), dtype=np.float32), header).writeto(path)
        wcs = read_frame(path).wcs
        assert wcs is not None, more
        places.append(np.ravel(wcs.all_pix2world([[200.0, 30.0]], 0)))
    dx, dy = 81.0, -49.0
    xi = -scale * cosine * dx + scale * sine * dy
    eta = scale * sine * dx + scale * cosine * dy
    distance = np.degrees(np.arctan(np.radians(np.hypot(xi, eta))))
    ra, dec = np.array(places).T
    way = np.full(len(ra), np.degrees(np.arctan2(xi, eta)))
    # FK5 and ICRS lie within 0.03 arcsec of each other
    assert np.max(apart(ra, dec, way, np.full(len(ra), distance))) < 0.05
