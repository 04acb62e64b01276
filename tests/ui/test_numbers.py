"""Numbers as observers write and read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.list_form import mjd_in_name

RA = st.floats(0, 359.9999)
DEC = st.floats(-89.9999, 89.9999)


@given(ra=RA, dec=DEC)
def test_sexagesimal_comes_back(ra: float, dec: float) -> None:
    back = numbers.parse_position(numbers.sexagesimal(ra, dec))
    assert back is not None
    assert abs((back[0] - ra + 180) % 360 - 180) <= 0.0051 / 240
    assert abs(back[1] - dec) <= 0.051 / 3600


@given(ra=RA, dec=DEC)
def test_degrees_come_back(ra: float, dec: float) -> None:
    back = numbers.parse_position(numbers.degrees(ra, dec))
    assert back == pytest.approx((ra % 360, dec), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("19h40m01.13s +30d07m53.4s", (295.004708, 30.131500)),
        ("19:40:01.13, -00:07:53.4", (295.004708, -0.131500)),
        ("295.0047 30.1315", (295.0047, 30.1315)),
        ("295.0047,-30.1315", (295.0047, -30.1315)),
    ],
)
def test_positions_in_any_notation(text: str, place: tuple[float, float]) -> None:
    assert numbers.parse_position(text) == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize("text", ["", "gaia16aye", "1 2 3", "10 95", "nan 3", "1,2,3,4,5,6,7"])
def test_nonsense_is_no_position(text: str) -> None:
    assert numbers.parse_position(text) is None


def test_unknown_is_a_dash() -> None:
    assert numbers.number(None, 2) == numbers.number(math.nan, 2) == numbers.DASH
    assert numbers.number(-1.5, 1) == "−1.5"
    assert numbers.magnitude(20.594, None, is_limit=True) == "> 20.59"
    assert numbers.magnitude(15.3124, 0.0081, is_limit=False) == "15.312 ± 0.008"


def test_times() -> None:
    assert numbers.iso(51544.5) == "2000-01-01 12:00:00"
    assert numbers.clock(None) == numbers.DASH


@pytest.mark.parametrize(
    ("name", "mjd"),
    [
        ("gaia_57612.91234_r.cat", 57612.91234),
        ("x-2457613.41234.cat", 57612.91234),
        ("frame12345.cat", None),
        ("99999.5.cat", None),
    ],
)
def test_times_in_file_names(name: str, mjd: float | None) -> None:
    found = mjd_in_name(f"folder/{name}")
    assert found is None if mjd is None else found == pytest.approx(mjd, abs=1e-6)
