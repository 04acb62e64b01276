"""The posterior beside a nested sampler (dynesty; Speagle 2020, MNRAS 493, 3132)."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from cpcs_desktop.calib.mixture import PRIOR_MEAN, PRIOR_SIGMA, star_log_density
from cpcs_desktop.calib.posterior import posteriors
from tests.calib.fields import Array, field

_CASES = ((6, 0.0), (8, 0.3), (20, 0.1), (20, 0.3), (60, 0.1), (200, 0.3), (1500, 0.1))
_ABOUT = """The same model and priors sampled by dynesty {version}, which knows nothing of our nets:
distance of the means in units of the width, and the ratio of the widths, which are the central 85 %
in units of those of a normal on both sides. The contract is 0.1 and 10 %. The last column says by
how much the sampler's standard deviation is larger than that width: the tails of a few stars.
"""
_ZERO_POINT_RANGE = 2.0  # mag about the median: flat


def nested_posterior(d: Array, v: Array, seed: int) -> tuple[float, float, float, float]:
    """Return mean, width, and standard deviation of the zero point, and the mean's error."""
    import dynesty
    from dynesty import utils

    middle = float(np.median(d))

    def prior(unit: Array) -> Array:
        theta = np.empty(5)
        theta[0] = middle + _ZERO_POINT_RANGE * (2 * unit[0] - 1)
        theta[1:] = PRIOR_MEAN[1:] + PRIOR_SIGMA[1:] * ndtri(unit[1:])
        return theta

    def likelihood(theta: Array) -> float:
        return float(star_log_density(theta, d, v).sum())

    sampler = dynesty.NestedSampler(
        likelihood, prior, 5, nlive=800, rstate=np.random.default_rng(seed), sample="rwalk"
    )
    sampler.run_nested(dlogz=0.05, print_progress=False)
    weights = sampler.results.importance_weights()
    zero_points = sampler.results.samples[:, 0]
    mean, covariance = utils.mean_and_cov(zero_points[:, None], weights)
    sigma = float(np.sqrt(covariance[0, 0]))
    low, high = utils.quantile(zero_points, [0.075, 0.925], weights=weights)
    width = float((high - low) / (ndtri(0.925) - ndtri(0.075)))
    return float(mean[0]), width, sigma, sigma * float(np.sqrt(np.sum(weights**2)))


def nested_table() -> list[str]:
    """Return the comparison."""
    lines = ["\n## A nested sampler\n"]
    try:
        import dynesty
    except ImportError:
        return [*lines, "dynesty was not installed."]
    lines += [
        _ABOUT.format(version=dynesty.__version__),
        "| N | f | distance of the means | its sampling error | ratio of the widths | sigma |",
        "|---|---|---|---|---|---|",
    ]
    for seed, (n, outliers) in enumerate(_CASES):
        d, v = field(np.random.default_rng(seed), n, outliers)
        mean, width, sigma, sampling = nested_posterior(d, v, seed)
        found = posteriors([(d, v)])[0]
        lines.append(
            f"| {n} | {outliers:g} | {(found.zero_point - mean) / width:+.3f} |"
            f" {sampling / width:.3f} | {found.zero_point_err / width:.3f} |"
            f" {sigma / width:.2f} |"
        )
    return lines
