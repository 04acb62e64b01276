"""Posterior of the mixture for many bands at once: starts, maximum, quadrature.

The posterior mean and width of the zero point need the nuisance parameters integrated out, above
all the scatter when there are few stars (the zero point's posterior is then Student-like). That is
done by importance sampling with a fixed net of points around every mode found: no random numbers,
the same answer every time. Where there are few stars a net as wide as the priors goes with them
(defensive importance sampling, Hesterberg 1995, Technometrics 37, 185): the shape of the top says
little of tails in which half the stars are outliers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import gammaincinv, ndtri

from cpcs_desktop.calib.ascent import Maxima, ascend, climb
from cpcs_desktop.calib.condense import HALF, QUARTER, Weighted, condense, shortest_interval
from cpcs_desktop.calib.mixture import (
    N_PARAMETERS,
    PRIOR_MEAN,
    PRIOR_SIGMA,
    Array,
    log_prior,
    natural,
    star_log_density,
)

_STUDENT_DF = 3.0
_GOLDEN_6 = 1.1127756842787055
_NORMAL_FROM = 200  # stars from which a normal net is wide enough
_POINTS_TIMES_STARS = 8_000  # constant work: many points where stars are few
_STUDENT_TIMES = 5  # as many: there the tails of a few stars have to be found
_WIDE = 1.4  # width of the widest piece, in units of the error of a plain mean of all stars
_FEWEST_POINTS = 16  # of the normal net, which takes half of them
_MOST_POINTS = 8192
_ENOUGH_STUDENT, _ENOUGH_NORMAL = 0.2, 0.5  # effective share of a net that needs no refining
_REFINEMENTS = 2
_CENTRAL = 0.85  # of the zero point's posterior, that tells its width where it is not normal
_BLOCK = 8192  # numbers in one array: it fits the fast cache with its companions


@dataclass(frozen=True)
class Posterior:
    """What is known of one band's mixture.

    Parameters
    ----------
    zero_point, scatter, scatter_err, outlier_fraction : float
        Posterior means, and a standard deviation.
    zero_point_err : float
        Width of the zero point's posterior, as :func:`_width` measures it.
    p_mostly_outliers : float
        P(f > the largest outlier fraction allowed | data).
    theta : ndarray, shape (5,)
        Maximum of the strongest mode.
    covariance : ndarray, shape (5, 5)
        Inverse curvature there.
    shift : ndarray, shape (5,)
        Posterior mean minus maximum.
    points, weights : ndarray, shape (k, 5) and (k,)
        The weighted net.
    steps : int
        Steps to the maximum.
    n_modes : int
        Modes that were integrated over.
    effective_points : float
        (sum w)^2 / sum w^2 of the net.
    """

    zero_point: float
    zero_point_err: float
    scatter: float
    scatter_err: float
    outlier_fraction: float
    p_mostly_outliers: float
    theta: Array
    covariance: Array
    shift: Array
    points: Array
    weights: Array
    steps: int
    n_modes: int
    effective_points: float

    @property
    def mean_theta(self) -> Array:
        """Posterior mean of the parameter vector, shape (5,)."""
        return self.theta + self.shift


@lru_cache(maxsize=64)
def _net(n_points: int, student: bool) -> Array:
    """Return a net of standard points (k, 5), the zero point in the last column.

    An additive recurrence with the powers of the generalised golden ratio (the root of
    x^7 = x + 1) fills the unit cube evenly; it is turned into a normal, or into a Student-t whose
    heavier tails guard the integral where the posterior has such; centred and whitened, so that a
    Gaussian posterior is integrated without error.

    With many stars the zero point is normal at given values of the other parameters, however
    crooked these are among themselves (without outliers nothing is known of their tails): the
    normal net takes it at -1 and +1 sigma everywhere, the two nodes of Gauss and Hermite.
    """
    steps = _GOLDEN_6 ** -np.arange(1.0, N_PARAMETERS + 2)
    n_random = n_points if student else (n_points + 1) // 2
    unit = (0.5 + np.arange(1, n_random + 1)[:, None] * steps) % 1.0
    z = ndtri(unit[:, : N_PARAMETERS if student else N_PARAMETERS - 1])
    z -= z.mean(axis=0)
    z = z @ np.linalg.inv(np.linalg.cholesky(z.T @ z / len(z))).T
    if not student:
        side = np.repeat([-1.0, 1.0], n_random)
        return np.column_stack([np.tile(z, (2, 1)), side])
    # chi^2 by inversion of its distribution, from the sixth coordinate of the net
    z *= np.sqrt(0.5 * _STUDENT_DF / gammaincinv(_STUDENT_DF / 2.0, unit[:, -1:]))
    return np.asarray(z)


class _Piece(NamedTuple):
    """One piece of the net: centre (5,), Cholesky factor with the zero point last, points."""

    centre: Array
    factor: Array
    size: int

    @classmethod
    def around(cls, centre: Array, covariance: Array, size: int) -> _Piece:
        """Return the piece of a mode."""
        rolled = np.roll(covariance, -1, axis=(0, 1))
        return cls(centre, np.asarray(np.linalg.cholesky(rolled), dtype=np.float64), size)

    def points(self, student: bool) -> Array:
        """Return the piece's points, shape (size, 5)."""
        away = _net(self.size, student) @ self.factor.T
        return np.asarray(self.centre + np.roll(away, 1, axis=1))

    def log_density(self, points: Array, student: bool) -> Array:
        """Return the log of size times the piece's density at any points, without constants."""
        z = np.roll(points - self.centre, -1, axis=1) @ np.linalg.inv(self.factor).T
        r2 = np.sum(z * z, axis=1)
        if student:
            shape = -0.5 * (_STUDENT_DF + N_PARAMETERS) * np.log1p(r2 / _STUDENT_DF)
        else:
            shape = -0.5 * r2
        return np.asarray(shape - np.log(np.diag(self.factor)).sum() + np.log(self.size))


def starting_points(d: Array, v: Array) -> Array:
    """Return starts for one band, shape (3, 5): shortest half, shortest quarter, median.

    The shortest half stays on the good stars for up to half of one-sided outliers (Rousseeuw
    1984); the quarter finds a tight minority; the median serves where there is hardly a peak.
    """
    order = np.sort(d)
    n = len(order)
    starts = [shortest_interval(order, share) for share in (HALF, QUARTER)]
    centre = float(order[n // 2])
    starts.append((centre, 1.4826 * float(np.sort(np.abs(order - centre))[n // 2])))
    theta = np.tile(PRIOR_MEAN, (3, 1))
    formal = float(np.sort(v)[n // 2])
    for row, (middle, sigma) in zip(theta, starts, strict=True):
        sigma2 = sigma**2
        row[0] = middle
        row[1] = 0.5 * np.log(np.clip(sigma2 - formal, 0.005**2, 1.5**2))
        row[2] = np.log(0.15 / 0.85)
        scale = np.sqrt(sigma2 + formal)
        high, low = np.sum(d > middle + 3 * scale), np.sum(d < middle - 3 * scale)
        row[3] = np.log((high + 1.0) / (low + 1.0))
    return theta


def integrate(maxima: Maxima, stars: Weighted, max_outlier_fraction: float) -> Posterior:
    """Integrate one band's posterior over all its modes.

    Where the net turns out to sit badly on the posterior (few effective points, which happens with
    a handful of stars), a piece with the moments found so far is added and the sum taken anew.

    Parameters
    ----------
    maxima : Maxima
        Modes of this band.
    stars : Weighted
    max_outlier_fraction : float
        See ``Posterior.p_mostly_outliers``.
    """
    student = stars.weight.sum() < _NORMAL_FROM
    wanted = _POINTS_TIMES_STARS * (_STUDENT_TIMES if student else 1) // len(stars.d)
    n_points = int(np.clip(wanted, _FEWEST_POINTS, _MOST_POINTS))
    enough = _ENOUGH_STUDENT if student else _ENOUGH_NORMAL
    evidence = maxima.value + 0.5 * np.linalg.slogdet(maxima.covariance)[1]
    share = np.maximum(np.exp(evidence - evidence.max()), 0.1)
    pieces = [
        _Piece.around(mode, covariance, max(int(n_points * part), 16))
        for mode, covariance, part in zip(
            maxima.theta, maxima.covariance, share / share.sum(), strict=True
        )
    ]
    best = int(np.argmax(evidence))
    if student:
        pieces.append(_wide_piece(maxima.theta[best], stars.d, n_points))
    points = np.concatenate([piece.points(student) for piece in pieces])
    log_star = _log_likelihood(points, stars)
    for refinements in range(_REFINEMENTS + 1):
        log_q = np.logaddexp.reduce([piece.log_density(points, student) for piece in pieces])
        log_weight = log_star + log_prior(points) - log_q
        weights = np.exp(log_weight - log_weight.max())
        weights /= weights.sum()
        effective = float(1.0 / np.sum(weights**2))
        if effective > enough * n_points or refinements == _REFINEMENTS:
            break
        mean = weights @ points
        # tempered, so that a few lucky points do not collapse the next piece
        soft = np.sqrt(weights) / np.sqrt(weights).sum()
        away = points - mean
        spread = (soft[:, None] * away).T @ away
        pieces.append(_Piece.around(mean, spread + 1e-12 * np.eye(5), n_points))
        fresh = pieces[-1].points(student)
        points = np.concatenate([points, fresh])
        log_star = np.concatenate([log_star, _log_likelihood(fresh, stars)])
    zp, s, f, _, _ = (part[:, 0] for part in natural(points))
    zero_point = float(weights @ zp)
    scatter = float(weights @ s)
    return Posterior(
        zero_point=zero_point,
        zero_point_err=_width(zp, weights, student),
        scatter=scatter,
        scatter_err=float(np.sqrt(weights @ (s - scatter) ** 2)),
        outlier_fraction=float(weights @ f),
        p_mostly_outliers=float(weights @ (f > max_outlier_fraction)),
        theta=maxima.theta[best],
        covariance=maxima.covariance[best],
        shift=weights @ points - maxima.theta[best],
        points=points,
        weights=weights,
        steps=int(maxima.steps.max()),
        n_modes=len(maxima.theta),
        effective_points=effective,
    )


def _width(zp: Array, weights: Array, student: bool) -> float:
    """Return the width of the zero point's posterior: the standard deviation of a normal one.

    With few stars it has a Student's tails. Its standard deviation is then a matter of the tails
    (with six stars, two of them outliers, it covers 82 to 87 % where 68 are promised), half its
    central 68 % covers twice its width too seldom (91 % with twenty stars). The central 85 %
    interval in units of that of a normal keeps both promises.
    """
    if not student:
        return float(np.sqrt(weights @ (zp - weights @ zp) ** 2))
    order = np.argsort(zp, kind="stable")
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    ends = 0.5 - 0.5 * _CENTRAL, 0.5 + 0.5 * _CENTRAL
    low, high = np.interp(ends, below, zp[order])
    return float((high - low) / (ndtri(ends[1]) - ndtri(ends[0])))


def _wide_piece(mode: Array, d: Array, size: int) -> _Piece:
    """Return a piece that leaves out nothing the priors allow, the zero point at the mode's."""
    centre, sigma = PRIOR_MEAN.copy(), PRIOR_SIGMA.copy()
    centre[0], sigma[0] = mode[0], max(_WIDE * d.std() / np.sqrt(len(d)), np.exp(mode[1]))
    return _Piece.around(centre, np.diag(sigma**2), size)


def posteriors(
    bands: Sequence[tuple[Array, Array]], max_outlier_fraction: float = 0.5
) -> list[Posterior]:
    """Return the posterior of every band, from scratch.

    Parameters
    ----------
    bands : sequence of (d, v)
        Differences and formal variances, shape (n,) each, n >= 1.
    max_outlier_fraction : float
        See ``Posterior.p_mostly_outliers``.
    """
    answer: dict[int, Posterior] = {}
    starts = [starting_points(d, v) for d, v in bands]
    stars = [condense(d, v) for d, v in bands]
    for block in _blocks(stars):
        maxima = _climb_block([starts[k] for k in block], [stars[k] for k in block])
        for row, k in enumerate(block):
            mine = np.flatnonzero(maxima.owner == row)
            mine = mine[maxima.value[mine] > maxima.value[mine].max() - 15.0]
            modes = Maxima(*(part[mine] for part in maxima))
            answer[k] = integrate(modes, stars[k], max_outlier_fraction)
    return [answer[k] for k in range(len(bands))]


def _log_likelihood(points: Array, stars: Weighted) -> Array:
    """Return the log likelihood of parameter vectors (k, 5); a cacheful of them at a time."""
    size = max(_BLOCK // len(stars.d), 1)
    parts = [points[k : k + size] for k in range(0, len(points), size)]
    return np.concatenate([star_log_density(p, stars.d, stars.v) @ stars.weight for p in parts])


def _blocks(bands: Sequence[Weighted]) -> list[list[int]]:
    """Return indices of bands to be worked on together: of one padded length, fit for the cache.

    Sums depend in their last bit on the length of what is summed, so bands of one padded length
    only: a band's numbers are the same whatever other bands there are.
    """
    by_length: dict[int, list[int]] = {}
    for k, stars in enumerate(bands):
        by_length.setdefault(_padded_length(len(stars.d)), []).append(k)
    blocks = []
    for length, members in sorted(by_length.items()):
        size = max(_BLOCK // length, 1)
        blocks += [members[k : k + size] for k in range(0, len(members), size)]
    return blocks


def _padded_length(n: int) -> int:
    """Return n rounded up by at most a half."""
    step = max(16, 1 << max(n.bit_length() - 2, 0))
    return -(-n // step) * step


def _climb_block(starts: Sequence[Array], bands: Sequence[Weighted]) -> Maxima:
    owner = np.repeat(np.arange(len(bands)), [len(start) for start in starts])
    return climb(np.concatenate(starts), owner, _padded(bands))


def highest_maxima(samples: Sequence[tuple[Array, Array]]) -> Array:
    """Return the parameters of the highest maximum of each sample's mixture, shape (b, 5).

    Parameters
    ----------
    samples : sequence of (d, v)
        Differences and formal variances, shape (n,) each, n >= 1.
    """
    theta = np.empty((len(samples), N_PARAMETERS))
    stars = [Weighted(d, v, np.ones(len(d))) for d, v in samples]
    for block in _blocks(stars):
        starts = [starting_points(*samples[k]) for k in block]
        maxima = _climb_block(starts, [stars[k] for k in block])
        best = np.lexsort((-maxima.value, maxima.owner))
        theta[block] = maxima.theta[best[np.searchsorted(maxima.owner[best], range(len(block)))]]
    return theta


def follow(before: Sequence[Posterior], bands: Sequence[tuple[Array, Array]]) -> list[Posterior]:
    """Return the posteriors after a few stars were taken out or put back: a warm start.

    The maxima are climbed anew from the old ones; the distances of the means from them and the
    widths, which hardly change, are kept. Net and weights are left empty.

    Parameters
    ----------
    before : sequence of Posterior
    bands : sequence of (d, v)
        Differences and formal variances now, shape (n,) each.
    """
    if not bands:
        return []
    inverse = np.linalg.inv(np.stack([p.covariance for p in before]))
    start = np.stack([p.theta for p in before])
    theta, _, steps = ascend(start, _padded([condense(d, v) for d, v in bands]), inverse)
    return [
        replace(
            old,
            zero_point=float(top[0] + old.shift[0]),
            theta=top,
            scatter=float(old.scatter * np.exp(top[1] - old.theta[1])),
            points=old.points[:0],
            weights=old.weights[:0],
            steps=int(taken),
        )
        for old, top, taken in zip(before, theta, steps, strict=True)
    ]


def _padded(bands: Sequence[Weighted]) -> tuple[Array, Array, Array]:
    """Return differences, variances and weights of all bands as arrays (b, longest)."""
    shape = len(bands), max(_padded_length(len(stars.d)) for stars in bands)
    d_all, v_all, weight = np.zeros(shape), np.ones(shape), np.zeros(shape)
    for k, stars in enumerate(bands):
        n = len(stars.d)
        d_all[k] = stars.d[0]
        d_all[k, :n], v_all[k, :n], weight[k, :n] = stars
    return d_all, v_all, weight
