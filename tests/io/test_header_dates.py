"""Times in the dialects of headers; every expected time was worked out by hand."""

from __future__ import annotations

import pytest
from astropy.io import fits

from cpcs_desktop.io.header_values import header_values
from cpcs_desktop.settings import CameraSettings

#: 2020-03-01T22:00:00 UTC, when a two-minute exposure was opened.
START = 58909 + 22 / 24
MINUTE = 1 / 1440
MIDDLE = START + MINUTE


def header(**cards: object) -> fits.Header:
    made = fits.Header([("EXPTIME", 120.0)])
    for name, value in cards.items():
        made[name.replace("_", "-")] = value
    return made


@pytest.mark.parametrize(
    "cards",
    [
        {"DATE_OBS": "2020-03-01T22:00:00"},
        {"DATE_OBS": "2020-03-01T22:00:00.000Z"},
        {"DATE_OBS": "2020-03-01 22:00:00"},
        {"DATE_OBS": "2020-03-01", "TIME_OBS": "22:00:00"},
        {"DATE_OBS": "2020-03-01", "UT": "22:00:00.0"},
        {"DATE_OBS": "2020-03-01", "UTSTART": 22.0},
        {"DATE_OBS": "2020-03-01", "UTC": (79200.0, "[s] 22:00:00.000 UTC")},
        {"DATE_OBS": "2020/03/01", "UTC_OBS": "10:00:00 PM"},
        {"DATE_OBS": "20200301T220000"},
        {"UTDATE": "2020-03-01", "UT_OBS": "22 00 00"},
        {"MJD_OBS": START},
        {"MJD": START},
        {"JD": START + 2400000.5},
        {"JD": (START + 2400000.5, "Julian Date at start of exposure")},
        {"DATE_BEG": "2020-03-01T22:00:00", "DATE_END": "2020-03-01T22:02:00"},
        {"DATE_END": "2020-03-01T22:02:00"},
        {"MJD_END": START + 2 * MINUTE},
        {"DATE_AVG": "2020-03-01T22:01:00"},
        {"MJD_AVG": MIDDLE, "DATE_OBS": "2020-03-01T22:00:00"},
        {"JD": (MIDDLE + 2400000.5, "JD of mid-exposure")},
        {"DATE_OBS": ("2020-03-01T22:01:00", "UTC, middle of exposure")},
        {"DATE_OBS": "2020-03-01", "UTMIDDLE": "22:01:00"},
        {"DATE_OBS": "2020-03-01T22:01:09.184", "TIMESYS": "TT"},
        {"DATE_OBS": "2020-03-01T22:00:37", "TIMESYS": "TAI"},
        {"DATE_OBS": "01/03/2020", "TIME_OBS": "22:00:00"},
    ],
)
def test_mid_exposure(cards: dict[str, object]) -> None:
    values = header_values(header(**cards))
    assert values.mjd == pytest.approx(MIDDLE, abs=2e-8)
    assert "mjd" not in values.guessed


def test_a_date_of_the_twentieth_century() -> None:
    values = header_values(header(DATE_OBS="26/10/92", TIME_OBS="03:14:14"))
    assert values.mjd == pytest.approx(48921 + (3 * 3600 + 14 * 60 + 14 + 60) / 86400, abs=1e-8)


def test_what_was_concluded_is_marked() -> None:
    alone = fits.Header([("DATE-OBS", "2020-03-01T22:00:00")])  # the middle cannot be told
    values = header_values(alone)
    assert values.mjd == pytest.approx(START)
    assert "mjd" in values.guessed
    assert "mjd" in header_values(header(HJD=MIDDLE + 2400000.5)).guessed


@pytest.mark.parametrize(
    "cards",
    [{}, {"DATE_OBS": "2020-03-01"}, {"DATE_OBS": "yesterday"}, {"MJD": 58909}, {"JD": 0.0},
     {"DATE_OBS": "2020-13-41T22:00:00"}],
)  # fmt: skip
def test_no_time_is_none(cards: dict[str, object]) -> None:
    assert header_values(header(**cards)).mjd is None


def test_the_cameras_own_keyword_is_the_one_asked() -> None:
    own = CameraSettings(keywords={"mjd": "LOGTIME"})
    both = header(DATE_OBS="2020-03-01T10:00:00", LOGTIME="2020-03-01T22:00:00")
    assert header_values(both, own).mjd == pytest.approx(MIDDLE, abs=1e-8)
    assert header_values(both).mjd != pytest.approx(MIDDLE, abs=1e-3)


def test_a_cameras_own_names_of_filters() -> None:
    own = CameraSettings(filter_aliases={"Slot 3": "V", "48": "Clear"})
    assert header_values(header(FILTER="slot 3"), own).filter_header == "V"
    assert header_values(header(FILTER=48), own).filter_header == "Clear"
    assert header_values(header(FILTER="B"), own).filter_header == "B"
