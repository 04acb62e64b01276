"""The check star: chosen before anybody looks at its scatter, measured against known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_night import EVENT, TARGET, known_calibration, known_exposure

from cpcs_desktop.profile import Profile
from cpcs_desktop.session.check_star import (
    KEPT_STARS,
    CheckStar,
    CheckStars,
    place_of,
    source_at,
    stars_around,
)
from cpcs_desktop.session.night import Night
from cpcs_desktop.session.night_frame import Decisions, FrameFacts, NightFrame

check_star = CheckStars().of
HERE = Decisions(event=EVENT, target=TARGET)
_PLACES = [(150.0 + n / 200, 20.0) for n in range(5)]


def row(key: int, mags: list[float], *, mag: float = 15.0, band: str = "SDSS/r") -> NightFrame:
    stars = tuple(
        (ra, dec, m, 0.004, 0.9) for (ra, dec), m in zip(_PLACES, mags, strict=True) if m < 90
    )
    facts = FrameFacts(mjd=60000.0 + key / 100, band=band, mag=mag, zero_point_err=0.003,
                       stars=stars)  # fmt: skip
    return NightFrame(key, f"{key}.fits", decisions=HERE, facts=facts)


def test_scatter_of_a_star_that_moves_by_known_amounts() -> None:
    moves = [0.01, -0.01, 0.02, -0.02]
    rows = [row(n, [13.0, 14.9 + m, 17.0, 16.0, 12.0]) for n, m in enumerate(moves)]
    found = check_star(rows)
    assert found is not None
    assert (found.ra, found.dec) == _PLACES[1], "nearest to the target's brightness"
    [band] = found.bands
    assert band.rms == pytest.approx(np.std(moves, ddof=1))
    assert band.expected == pytest.approx(0.005)
    assert [found.deviation[n] for n in range(4)] == pytest.approx(moves)


def test_bands_have_means_of_their_own() -> None:
    rows = [row(n, [14.0, 15.0, 16, 17, 18], band="SDSS/r") for n in range(3)]
    rows += [row(n, [14.5, 15.6, 16, 17, 18], band="SDSS/g") for n in range(3, 5)]
    found = check_star(rows)
    assert found is not None
    assert [(b.band, b.n) for b in found.bands] == [("SDSS/r", 3), ("SDSS/g", 2)]
    assert max(abs(v) for v in found.deviation.values()) < 1e-12


def test_a_star_that_most_frames_miss_is_none() -> None:
    rows = [row(0, [13.0, 15.0, 14.8, 16.0, 12.0])]
    rows += [row(n, [13.0, 99.0, 14.8, 16.0, 12.0]) for n in range(1, 6)]
    found = check_star(rows)
    assert found is not None
    assert (found.ra, found.dec) == _PLACES[2]


def test_no_frame_no_star() -> None:
    assert check_star([NightFrame(1, "a.fits", decisions=HERE)]) is None


def test_the_observers_star_counts_and_undo_gives_the_old_one_back(profile: Profile) -> None:
    night = Night(profile)
    keys = sorted(night.add(["a.fits", "b.fits"], HERE).frames)
    for key, name in zip(keys, "ab", strict=True):
        night.extracted(key, known_exposure(name))
        night.calibrated(key, known_calibration(known_exposure(name)))
    automatic = check_star(night.frames)
    assert automatic is not None
    assert not automatic.chosen
    calibration = known_calibration()
    other = place_of(calibration, calibration.chosen, int(calibration.chosen.source_row[20]))
    assert other is not None
    night.use_check_star(keys[0], other)
    mine = check_star(night.frames)
    assert isinstance(mine, CheckStar)
    assert mine.chosen
    assert (mine.ra, mine.dec) == pytest.approx(other)
    assert all(f.decisions.check_star == other for f in night.frames)
    night.close()
    again = Night(profile)
    assert check_star(again.frames) == mine
    again.undo()
    assert check_star(again.frames) == automatic
    again.close()


def test_stars_around_are_the_nearest_and_never_the_target() -> None:
    calibration = known_calibration()
    stars = np.array(stars_around(calibration))
    assert len(stars) == KEPT_STARS
    reference = calibration.references["SDSS"]
    used = calibration.chosen.star_row
    apart = np.hypot(
        (reference.ra[used] - TARGET[0]) * np.cos(np.radians(TARGET[1])),
        reference.dec[used] - TARGET[1],
    )
    kept = np.hypot((stars[:, 0] - TARGET[0]) * np.cos(np.radians(TARGET[1])),
                    stars[:, 1] - TARGET[1])  # fmt: skip
    assert kept.max() <= np.sort(apart)[KEPT_STARS - 1] + 1e-5
    assert kept.min() > 1e-4
    truth = {round(float(reference.ra[s]), 6): float(reference.mag[s, 1]) for s in used}
    wrong = [abs(star[2] - truth[star[0]]) > 0.1 for star in stars]
    assert sum(wrong) <= 1, "one known outlier at most"


def test_a_place_leads_back_to_its_source() -> None:
    calibration = known_calibration()
    fit = calibration.chosen
    for source in fit.source_row[:10]:
        place = place_of(calibration, fit, int(source))
        assert place is not None
        assert source_at(calibration, fit, place) == source
    assert source_at(calibration, fit, (10.0, -80.0)) is None
    assert place_of(calibration, fit, 0) is None, "the target is no star of the fit"


def test_dates_of_sun_and_barycentre_stand_with_the_facts() -> None:
    calibration = known_calibration()
    facts = FrameFacts.of_exposure(calibration.exposure, HERE).with_result(calibration)
    jd = facts.mjd + 2400000.5
    assert abs(facts.hjd - jd) < 0.0059
    assert facts.bjd - facts.hjd == pytest.approx(69.18 / 86400, abs=5 / 86400)
    assert FrameFacts.from_json({}) == FrameFacts()
    assert replace(facts, hjd=None) != facts
