"""Thousands of stars taken together say what they say one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cpcs_desktop.calib import posterior
from cpcs_desktop.calib.condense import Weighted, condense
from cpcs_desktop.calib.posterior import Posterior, posteriors
from tests.calib.fields import field


def one_by_one(d: np.ndarray, v: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Posterior:
    """The same fit with every star for itself and a net of a thousand points."""
    with monkeypatch.context() as patch:
        patch.setattr(posterior, "condense", lambda d, v: Weighted(d, v, np.ones(len(d))))
        patch.setattr(posterior, "_FEWEST_POINTS", 1024)
        return posteriors([(d, v)])[0]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 3000), outliers=st.floats(0, 0.4))
def test_number_mean_and_second_moment_are_kept(seed: int, n: int, outliers: float) -> None:
    d, v = field(np.random.default_rng(seed), n, outliers)
    some = condense(d, v)
    assert some.weight.sum() == pytest.approx(n)
    assert some.weight @ some.d == pytest.approx(d.sum(), rel=1e-10)
    assert some.weight @ (some.d - 25.0) ** 2 == pytest.approx(((d - 25.0) ** 2).sum(), rel=1e-9)
    assert some.weight @ some.v == pytest.approx(v.sum(), rel=1e-10)


def test_thousands_become_hundreds() -> None:
    d, v = field(np.random.default_rng(1), 5000, 0.1)
    assert len(condense(d, v).d) < 1200


@pytest.mark.parametrize("shape", ["exponential", "gaussian", "uniform", "clump"])
@pytest.mark.parametrize(("n", "outliers"), [(1500, 0.1), (4000, 0.3)])
def test_the_fit_is_that_of_all_stars(
    n: int, outliers: float, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    d, v = field(np.random.default_rng([n, 3]), n, outliers, shape)
    quick, slow = posteriors([(d, v)])[0], one_by_one(d, v, monkeypatch)
    assert abs(quick.zero_point - slow.zero_point) < 0.05 * slow.zero_point_err
    assert quick.zero_point_err == pytest.approx(slow.zero_point_err, rel=0.1)
    assert abs(quick.scatter - slow.scatter) < 0.3 * slow.scatter_err


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [400, 3000])
def test_without_outliers_their_unknown_tails_do_not_sway_the_zero_point(
    n: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The posterior is crooked there; a plain normal net missed by half its error."""
    d, v = field(np.random.default_rng([n, seed]), n, 0.0, "uniform")
    quick, slow = posteriors([(d, v)])[0], one_by_one(d, v, monkeypatch)
    assert abs(quick.zero_point - slow.zero_point) < 0.1 * slow.zero_point_err
    assert quick.zero_point_err == pytest.approx(slow.zero_point_err, rel=0.1)


def test_one_star_out_moves_no_other() -> None:
    d, v = field(np.random.default_rng(5), 3000, 0.2)
    all_stars, fewer = condense(d, v), condense(d[1:], v[1:])
    same = np.isin(all_stars.d, fewer.d)
    assert same.sum() >= len(all_stars.d) - 2
