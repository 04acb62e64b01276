"""Clocks that disagree, and delays that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpcs_desktop.session.clocks import clock_doubt
from cpcs_desktop.wire import UNIX_EPOCH_MJD

NOW = 1.8e9


def doubt(late_s: float, *, exposure_s: float | None = 60.0, age_s: float = 5.0) -> str | None:
    """Say what is told of a frame whose file was written ``late_s`` after its exposure ended."""
    written = NOW - age_s
    middle = written - late_s - (exposure_s or 0.0) / 2
    return clock_doubt(middle / 86400.0 + UNIX_EPOCH_MJD, exposure_s, written, NOW)


@given(st.floats(-55, 1600), st.sampled_from([None, 1.0, 300.0]))
def test_reading_out_takes_its_time(late_s: float, exposure_s: float | None) -> None:
    assert doubt(late_s, exposure_s=exposure_s) is None


@pytest.mark.parametrize("zone", [-12, -5, -1, 1, 2, 5.5, 9.5, 13])
@pytest.mark.parametrize("delay_s", [0, 8, 90])
def test_local_time_in_the_header_is_noticed(zone: float, delay_s: float) -> None:
    told = doubt(-zone * 3600 + delay_s)
    assert told is not None
    assert f"{abs(zone):g} h {'ahead of' if zone > 0 else 'behind'}" in told


def test_a_clock_that_is_minutes_ahead_is_noticed() -> None:
    assert "12 min ahead" in str(doubt(-720))


@pytest.mark.parametrize("late_s", [7200, -7200])
def test_an_old_file_tells_nothing(late_s: float) -> None:
    assert doubt(late_s, age_s=3600) is None
    assert doubt(late_s, age_s=-100) is None


def test_another_nights_frame_tells_nothing() -> None:
    assert doubt(3 * 86400) is None
