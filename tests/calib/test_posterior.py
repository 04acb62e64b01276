"""The posterior of the zero point: brute force, coverage, invariances, warm starts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from cpcs_desktop.calib.mixture import PRIOR_MEAN, PRIOR_SIGMA, log_prior, star_log_density
from cpcs_desktop.calib.posterior import follow, posteriors
from tests.calib.fields import TRUE_ZP, Array, field


def mean_and_width(zero_points: Array, p: Array) -> tuple[float, float]:
    """Return the mean of a posterior on a grid, and its central 85 % in units of a normal's."""
    p = p / p.sum()
    below = np.cumsum(p) - 0.5 * p
    low, high = np.interp([0.075, 0.925], below, zero_points)
    return float(p @ zero_points), float((high - low) / (norm.ppf(0.925) - norm.ppf(0.075)))


def brute_force(d: Array, v: Array, centre: float, width: float) -> tuple[float, float]:
    """Return mean and width of the zero point on a dense grid over all five parameters."""
    zp = np.linspace(centre - 7 * width, centre + 7 * width, 57)
    spans = [(k, 3.2 * PRIOR_SIGMA[k]) for k in (2, 3, 4)]
    rest = [
        np.linspace(PRIOR_MEAN[1] - 4.0, PRIOR_MEAN[1] + 3.5, 16),
        *(np.linspace(PRIOR_MEAN[k] - w, PRIOR_MEAN[k] + w, 9) for k, w in spans),
    ]
    nuisance = np.stack([axis.ravel() for axis in np.meshgrid(*rest, indexing="ij")], axis=1)
    log_p = np.empty((len(zp), len(nuisance)))
    for k, value in enumerate(zp):
        theta = np.concatenate([np.full((len(nuisance), 1), value), nuisance], axis=1)
        for part in np.array_split(np.arange(len(theta)), 8):
            stars = star_log_density(theta[part], d, v).sum(axis=1)
            log_p[k, part] = stars + log_prior(theta[part])
    return mean_and_width(zp, np.exp(log_p - log_p.max()).sum(axis=1))


@pytest.mark.parametrize(("n", "outliers", "seed"), [(8, 0.2, 1), (20, 0.1, 2), (40, 0.3, 3)])
def test_agrees_with_brute_force(n: int, outliers: float, seed: int) -> None:
    d, v = field(np.random.default_rng(seed), n, outliers)
    ours = posteriors([(d, v)])[0]
    mean, width = brute_force(d, v, ours.zero_point, ours.zero_point_err)
    assert abs(ours.zero_point - mean) < 0.1 * width
    assert ours.zero_point_err == pytest.approx(width, rel=0.1)


@pytest.mark.parametrize("shape", ["exponential", "gaussian", "uniform"])
@pytest.mark.parametrize(("n", "outliers"), [(20, 0.1), (200, 0.3)])
def test_errors_cover_the_truth(n: int, outliers: float, shape: str) -> None:
    """160 fields a cell: +-4 % of the contract plus twice the counting noise of so few."""
    rng = np.random.default_rng([n, 7])
    found = posteriors([field(rng, n, outliers, shape) for _ in range(160)])
    pull = np.array([(p.zero_point - TRUE_ZP) / p.zero_point_err for p in found])
    assert 0.57 < np.mean(np.abs(pull) < 1) < 0.80
    assert np.mean(np.abs(pull) < 2) > 0.89


def test_forty_per_cent_on_one_side_do_not_capture() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        d, v = field(rng, 150, 0.0)
        d[:60] += rng.exponential(0.35, 60)
        found = posteriors([(d, v)])[0]
        assert abs(found.zero_point - TRUE_ZP) < 5 * found.zero_point_err
        assert found.zero_point_err < 0.02


def test_formal_errors_too_small_are_noticed() -> None:
    d, v = field(np.random.default_rng(5), 400, 0.1)
    found = posteriors([(d, v)])[0]
    assert found.scatter == pytest.approx(0.020, abs=4 * found.scatter_err)
    assert found.scatter_err < 0.004


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 60), shift=st.floats(-40, 40))
def test_a_constant_shifts_the_zero_point_by_itself(seed: int, n: int, shift: float) -> None:
    d, v = field(np.random.default_rng(seed), n, 0.2)
    a, b = posteriors([(d, v)])[0], posteriors([(d + shift, v)])[0]
    assert b.zero_point - a.zero_point == pytest.approx(shift, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 60))
def test_bands_do_not_disturb_each_other(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = field(rng, n, 0.2), field(rng, 3 * n, 0.0)
    alone = posteriors([one])[0]
    together = posteriors([other, one])[1]
    assert together.zero_point == pytest.approx(alone.zero_point, abs=1e-7)
    assert together.zero_point_err == pytest.approx(alone.zero_point_err, rel=1e-5)


def test_a_star_of_no_membership_hardly_counts() -> None:
    d, v = field(np.random.default_rng(9), 60, 0.1)
    d = np.append(d, TRUE_ZP + 6.0)
    v = np.append(v, 1e-4)
    with_star, without = posteriors([(d, v)])[0], posteriors([(d[:-1], v[:-1])])[0]
    assert abs(with_star.zero_point - without.zero_point) < 0.1 * without.zero_point_err


@pytest.mark.parametrize("n", [100, 500])
def test_warm_follows_cold(n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(5):
        d, v = field(rng, n, 0.15)
        before = posteriors([(d, v)])[0]
        keep = np.arange(n) != rng.integers(n)
        cold = posteriors([(d[keep], v[keep])])[0]
        warm = follow([before], [(d[keep], v[keep])])[0]
        assert abs(warm.zero_point - cold.zero_point) < 0.01 * cold.zero_point_err


def test_same_numbers_every_time() -> None:
    bands = [field(np.random.default_rng(k), 30 + k, 0.2) for k in range(4)]
    first, second = posteriors(bands), posteriors(bands)
    assert [p.zero_point for p in first] == [p.zero_point for p in second]
    assert [p.zero_point_err for p in first] == [p.zero_point_err for p in second]


def test_the_largest_outlier_fraction_is_the_settings() -> None:
    d, v = field(np.random.default_rng(12), 400, 0.3)
    strict, usual = posteriors([(d, v)], 0.1)[0], posteriors([(d, v)])[0]
    assert strict.p_mostly_outliers > 0.95
    assert usual.p_mostly_outliers < 0.05
    assert strict.zero_point == usual.zero_point


@pytest.mark.parametrize(
    ("n", "outliers", "seed"),
    [(6, 0.0, 0), (6, 0.3, 7605), (8, 0.3, 7804), (10, 0.3, 1010), (60, 0.1, 4)],
)
def test_the_tails_of_a_few_stars_are_in_the_width(n: int, outliers: float, seed: int) -> None:
    """Beside nuisances drawn from the prior, at every zero point of a wide grid."""
    d, v = field(np.random.default_rng(seed), n, outliers)
    ours = posteriors([(d, v)])[0]
    rng = np.random.default_rng(1)
    theta = np.tile(PRIOR_MEAN, (max(600_000 // n, 20_000), 1))
    theta[:, 1:] += PRIOR_SIGMA[1:] * rng.normal(size=(len(theta), 4))
    # close together in the middle, and far into the tails
    zero_points = ours.zero_point + 0.5 * ours.zero_point_err * np.sinh(np.linspace(-4.5, 4.5, 81))
    log_p = []
    for theta[:, 0] in zero_points:
        stars = star_log_density(theta, d, v).sum(axis=1)
        log_p.append(stars.max() + np.log(np.exp(stars - stars.max()).mean()))
    mean, width = mean_and_width(
        zero_points, np.gradient(zero_points) * np.exp(log_p - np.max(log_p))
    )
    assert abs(ours.zero_point - mean) < 0.1 * width
    assert ours.zero_point_err == pytest.approx(width, rel=0.1)


def test_the_farthest_points_of_the_net_leave_all_numbers_finite() -> None:
    """Whatever a few stars look like; warnings are errors here."""
    rng = np.random.default_rng(77)
    fields_ = [
        field(rng, int(rng.integers(5, 30)), float(rng.uniform(0, 0.4)), shape)
        for shape in ("exponential", "uniform", "clump")
        for _ in range(100)
    ]
    for found in posteriors(fields_):
        numbers = (found.zero_point, found.zero_point_err, found.scatter, found.scatter_err)
        assert np.isfinite(numbers).all()
        assert found.scatter < 3.0
        assert np.isfinite(found.mean_theta).all()
