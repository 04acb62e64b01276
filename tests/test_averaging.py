"""Averages of several exposures against known truth, and the record behind them."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpcs_desktop.averaging import average_evidence, average_points, weighted
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import ErrorBudget, PhotometricPoint, average_id
from cpcs_desktop.sync.rerun import rerun
from cpcs_desktop.wire import Evidence, PointBody, PointSubmission, point_reasons
from tests.sending import point as sent_point

_STARS = 60


def exposure(name: str, mag: float, err: float, *, zero_point: float = 25.0) -> PhotometricPoint:
    """Return the point of one exposure, its shared errors 0.01 (zp), 0.02 (scatter), 0.03."""
    budget = ErrorBudget(err, 0.01, 0.02, None, 0.03)
    return replace(
        sent_point(1),
        id=name,
        kind="DETECTION",
        mag=mag,
        mag_err=err,
        mag_err_total=budget.total,
        error_budget=budget,
        mjd=60000.0 + 0.001 * (ord(name[0]) - ord("a")),
        exposure_s=30.0,
        band="SDSS/r",
        zero_point=zero_point,
        ra=359.9999 if name == "a" else 0.0001,
        dec=10.0,
        offset_arcsec=0.1,
        file_name=f"{name}.fits",
        provenance={"frame_sha256": name * 64, "hdu": 0, "software": "test"},
    )


def evidence(point: PhotometricPoint, seed: int) -> Evidence:
    """Return stars that have exactly the scatter and the zero point of a frame."""
    rng = np.random.default_rng(seed)
    ref = rng.uniform(13, 17, _STARS)
    noise = rng.normal(0, 0.02, _STARS)
    stars = {
        "source_row": list(range(_STARS)),
        "source_id": [str(n) for n in range(_STARS)],
        "excluded": [False] * _STARS,
        "mag_inst": [float(v) for v in ref - point.zero_point + noise],
        "mag_inst_err": [0.005] * _STARS,
        "mag_ref": [float(v) for v in ref],
        "mag_ref_err": [0.005] * _STARS,
        "membership": [1.0] * _STARS,
    }
    return Evidence(
        stars=stars,
        fits=[{"band": "SDSS/r", "zero_point": point.zero_point, "scatter": 0.02}],
        choice={"band": "SDSS/r", "reason": "known"},
        checks=[{"code": "few_stars", "level": "green" if seed else "amber", "value": 1.0,
                 "message": "few"}],
        settings={"excluded": [seed], "min_stars": 3},
    )  # fmt: skip


def test_only_the_photon_part_becomes_smaller() -> None:
    parts = [exposure(name, 15.0, 0.06) for name in "abcdefghi"]
    made = average_points(parts)
    assert made.error_budget.photon == pytest.approx(0.06 / 3)
    assert (made.error_budget.zero_point, made.error_budget.scatter, made.error_budget.survey) == (
        pytest.approx(0.01),
        pytest.approx(0.02),
        pytest.approx(0.03),
    )
    assert made.mag_err_total == pytest.approx(np.hypot(0.02, np.sqrt(0.01**2 + 0.02**2 + 0.03**2)))
    assert made.exposure_s == 270.0
    assert made.mjd == pytest.approx(60000.004)
    assert made.ra == pytest.approx(0.0001 - 0.0002 / 9, abs=1e-9)
    assert point_reasons(PointBody.of(made)) == []


def test_the_error_holds_the_truth_as_often_as_it_says() -> None:
    """Photon noise of each exposure, and one shift that all of them share."""
    rng = np.random.default_rng(5)
    within = []
    for _ in range(2000):
        shared = rng.normal(0, 0.03)
        err = rng.uniform(0.02, 0.08, 8)
        mag = 16.0 + shared + rng.normal(0, err)
        made = weighted(mag, err)
        within.append(abs(made.mag - 16.0) < np.hypot(made.err, 0.03))
    assert np.mean(within) == pytest.approx(0.683, abs=0.04)


def test_exposures_that_disagree_enlarge_the_error() -> None:
    made = weighted(np.array([15.0, 15.2, 14.8, 15.1]), np.full(4, 0.01))
    assert made.scale > 10
    assert made.chance < 1e-6
    assert made.err == pytest.approx(0.1, rel=0.3)


@given(st.lists(st.tuples(st.floats(10.0, 20.0), st.floats(0.002, 0.3)), min_size=2, max_size=12))
def test_an_average_lies_between_its_exposures(values: list[tuple[float, float]]) -> None:
    mag, err = (np.array(v) for v in zip(*values, strict=True))
    made = weighted(mag, err)
    assert mag.min() - 1e-9 <= made.mag <= mag.max() + 1e-9
    assert made.weights.sum() == pytest.approx(1.0)
    assert made.err > 0


def test_the_identity_is_that_of_the_set_of_frames() -> None:
    parts = [exposure(name, 15.0 + n / 100, 0.02) for n, name in enumerate("abc")]
    made = [average_points(order) for order in permutations(parts)]
    assert len({PointBody.of(p).model_dump_json() for p in made}) == 1
    assert made[0].id == average_id(parts[0].event, [(n * 64, 0) for n in "cab"])
    others = {average_points(parts[:2]).id, average_points(parts[1:]).id, made[0].id}
    assert len(others | {p.id for p in parts}) == 6
    assert average_points([replace(p, event="other") for p in parts]).id != made[0].id


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"band": "SDSS/g"}, "bands"),
        ({"event": "other"}, "events"),
        ({"magnitude_kind": "APER"}, "kinds of magnitudes"),
        ({"kind": "UPPER_LIMIT", "mag_err": None, "limit_reason": "too_faint"}, "limit"),
        ({"mjd": 60003.0}, "days apart"),
        ({"provenance": {"frame_sha256": "a" * 64, "hdu": 0}}, "twice"),
    ],
)
def test_what_does_not_belong_together_is_refused(changed: dict[str, object], word: str) -> None:
    parts = [exposure("a", 15.0, 0.02), replace(exposure("b", 15.0, 0.02), **changed)]
    with pytest.raises(CpcsError, match=word) as refused:
        average_points(parts)
    assert refused.value.hint


def test_one_exposure_is_no_average() -> None:
    with pytest.raises(CpcsError, match="2 to 100"):
        average_points([exposure("a", 15.0, 0.02)])


def test_the_record_gives_the_number_again() -> None:
    """The stars of each frame, at one zero point; the fits are made anew from them."""
    singles = [exposure(n, 15.0 + z / 1000, 0.02, zero_point=25 - z / 10) for z, n in
               enumerate("abc")]  # fmt: skip
    fitted = []
    for seed, single in enumerate(singles):
        told = evidence(single, seed)
        alone = PointSubmission(point=PointBody.of(single), evidence=told)
        zero_point = rerun(alone).zero_point_now
        moved = replace(single, zero_point=zero_point,
                        mag=single.mag + zero_point - single.zero_point)  # fmt: skip
        fitted.append((moved, told))
    made = average_points([p for p, _ in fitted])
    record = PointSubmission(point=PointBody.of(made), evidence=average_evidence(made, fitted))
    again = rerun(record)
    assert again.mag_now == pytest.approx(made.mag, abs=1e-6)
    assert again.zero_point_now == pytest.approx(made.zero_point, abs=1e-6)
    stars = record.evidence.stars
    assert {len(column) for column in stars.values()} == {3 * _STARS}
    difference = np.array(stars["mag_ref"]) - np.array(stars["mag_inst"])
    assert difference.std() < 0.03, "the stars of all exposures lie on one line"
    levels = {c["code"]: c["level"] for c in record.evidence.checks}
    assert levels == {"agreement": "green", "few_stars": "amber"}
    assert record.evidence.settings["excluded_of_frames"] == [[0], [1], [2]]
