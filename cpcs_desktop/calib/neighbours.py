"""Which points on the sphere lie within a small distance of which others.

Points are sorted into square columns as wide as the distance, on the plane of the two axes that
tell them apart: a neighbour is in the same column or in one that touches it. For some thousands of
points this is quicker than a k-d tree, and needs no more than sorting: loading one would take
longer than all matching of a frame.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_CELLS = 1 << 20  # along an axis; the smallest distance is a millionth of the sphere's diameter


class Pairs(NamedTuple):
    """All pairs within the distance; rows of both sets, and the squared chord."""

    one: Rows
    other: Rows
    chord2: Array


def close_pairs(one: Array, other: Array, chord: float) -> Pairs:
    """Return all pairs of points no further apart than a chord.

    Parameters
    ----------
    one, other : ndarray, shape (n, 3) and (m, 3)
        Unit vectors.
    chord : float
        Length of the straight line between two points, 2 sin(angle / 2).
    """
    width = max(chord, 4.0 / _CELLS)
    # the axis along which the field is seen tells its points apart the least
    axes = np.argsort(np.abs(np.sum(one, axis=0)), kind="stable")[:2]
    key_one, order_one = _sorted_cells(one[:, axes], width)
    key, order = _sorted_cells(other[:, axes], width)
    ones, others = [], []
    for strip in (-_CELLS, 0, _CELLS):
        # three cells along a strip follow each other; sorted needles are found the quickest
        low = np.searchsorted(key, key_one + (strip - 1), side="left")
        high = np.searchsorted(key, key_one + (strip + 1), side="right")
        count = high - low
        first = np.repeat(low - (np.cumsum(count) - count), count)
        ones.append(np.repeat(order_one, count))
        others.append(order[first + np.arange(len(first))])
    row_one, row_other = np.concatenate(ones), np.concatenate(others)
    away = one[row_one] - other[row_other]
    chord2 = np.einsum("ij,ij->i", away, away)
    near = chord2 <= chord * chord
    return Pairs(row_one[near], row_other[near], chord2[near])


def mutual_nearest(pairs: Pairs, n_one: int, n_other: int) -> tuple[Rows, Rows]:
    """Return the rows of both sets that are each other's nearest, in the order of the first."""
    nearest_other = _nearest(pairs.one, pairs.other, pairs.chord2, n_one)
    nearest_one = _nearest(pairs.other, pairs.one, pairs.chord2, n_other)
    rows = np.flatnonzero(nearest_other >= 0)
    rows = rows[nearest_one[nearest_other[rows]] == rows]
    return rows, nearest_other[rows]


def _nearest(of: Rows, to: Rows, chord2: Array, n: int) -> Rows:
    """Return the nearest of each of n rows, -1 where there is none."""
    nearest = np.full(n, np.inf)
    np.minimum.at(nearest, of, chord2)
    best = chord2 == nearest[of]
    answer = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(answer, of[best], to[best])  # of equally near ones the first
    answer[np.isinf(nearest)] = -1
    return answer


def _sorted_cells(points: Array, width: float) -> tuple[Rows, Rows]:
    """Return the sorted cell numbers of points (n, 2), and the row of each."""
    cell = np.floor(points / width).astype(np.int64) + _CELLS // 2
    key = cell[:, 0] * _CELLS + cell[:, 1]
    order = np.argsort(key, kind="stable")
    return key[order], order
