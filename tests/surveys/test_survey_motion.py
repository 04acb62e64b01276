"""Proper motion against astropy's space motion."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cpcs_desktop.surveys.motion import move


@settings(deadline=None)
@given(
    ra=st.floats(0, 359.999),
    dec=st.floats(-90, 90),
    pmra=st.floats(-10_000, 10_000),
    pmdec=st.floats(-10_000, 10_000),
    years=st.floats(-120, 60),
)
@example(ra=0.0, dec=89.9999, pmra=5000.0, pmdec=8000.0, years=50.0)
@example(ra=269.452, dec=4.693, pmra=-802.8, pmdec=10362.5, years=-16.0)
@example(ra=359.99999, dec=0.0, pmra=9000.0, pmdec=0.0, years=30.0)
def test_straight_lines_in_space(
    ra: float, dec: float, pmra: float, pmdec: float, years: float
) -> None:
    star = SkyCoord(
        ra * u.deg,
        dec * u.deg,
        pm_ra_cosdec=pmra * u.mas / u.yr,
        pm_dec=pmdec * u.mas / u.yr,
        distance=10 * u.pc,
        obstime=Time(2016.0, format="jyear", scale="tdb"),
    )
    expected = star.apply_space_motion(dt=years * u.yr)
    new_ra, new_dec = move(
        np.array([ra]), np.array([dec]), np.array([pmra]), np.array([pmdec]), years
    )
    moved = SkyCoord(new_ra * u.deg, new_dec * u.deg)
    # astropy carries the light-time of stars this fast: a part in ten thousand of the motion
    total = np.hypot(pmra, pmdec) * abs(years) / 1000.0
    assert moved.separation(expected).arcsec[0] < 1e-5 + 1e-4 * total
    assert 0.0 <= new_ra[0] < 360.0


def test_a_star_without_motion_keeps_its_digits() -> None:
    ra, dec = np.array([123.456789012345, 0.1]), np.array([-45.678901234567, 89.99])
    nan = np.full(2, np.nan, np.float32)
    new_ra, new_dec = move(ra, dec, nan, nan, 26.5)
    assert new_ra.tolist() == ra.tolist()
    assert new_dec.tolist() == dec.tolist()


def test_there_and_back() -> None:
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 100), rng.uniform(-89, 89, 100)
    pmra, pmdec = rng.normal(0, 100, 100), rng.normal(0, 100, 100)
    there = move(ra, dec, pmra, pmdec, 20.0)
    back = move(*there, pmra, pmdec, -20.0)
    separation = SkyCoord(ra * u.deg, dec * u.deg).separation(SkyCoord(*back, unit="deg"))
    assert separation.arcsec.max() < 5e-3  # the direction of motion turns a little on the way
