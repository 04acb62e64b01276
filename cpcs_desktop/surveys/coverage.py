"""Which part of the sky a cached survey covers: sorted ranges of HEALPix cells, and MOCs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.surveys.motion import unit_vectors
from cpcs_desktop.surveys.star_table import HEALPIX_ORDER

#: Area of the sky in square degrees.
SKY_DEG2 = 129600.0 / np.pi
_FINEST_IMPORT_ORDER = 11  # 1.7 arcmin
_COARSEST_IMPORT_ORDER = 5  # 1.8 deg
_STARS_PER_CELL = 4.0
_BASE_CELL_DEG = 58.6  # root of the area of a cell of order 0; half of it at every order more
_FARTHEST_CORNER_DEG = 61.3  # no corner of a cell is farther from its centre, by the same halving
_ORDERS_A_STEP = 3  # a call of the library costs as much as some hundred cells


@dataclass(frozen=True)
class Coverage:
    """A region of the sky as sorted, disjoint, non-touching ranges of order-29 cells.

    Parameters
    ----------
    start, end : ndarray of int64, shape (n,)
        Half-open ranges ``[start, end)``.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]

    @classmethod
    def nowhere(cls) -> Coverage:
        """Return the empty region."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def of_ranges(cls, start: NDArray[np.int64], end: NDArray[np.int64]) -> Coverage:
        """Return the union of any ranges; they may overlap and come in any order."""
        if len(start) == 0:
            return cls.nowhere()
        order = np.argsort(start, kind="stable")
        start, end = start[order], np.maximum.accumulate(end[order])
        first = np.concatenate(([True], start[1:] > end[:-1]))
        last = np.concatenate((first[1:], [True]))
        return cls(start[first], end[last])

    @classmethod
    def of_cells(cls, order: NDArray[np.integer] | int, cells: NDArray[np.int64]) -> Coverage:
        """Return the region of nested HEALPix cells, all of one order or each of its own."""
        cells = np.asarray(cells, np.int64)
        shift = 2 * (HEALPIX_ORDER - np.asarray(order, np.int64))
        return cls.of_ranges(cells << shift, (cells + 1) << shift)

    @property
    def is_empty(self) -> bool:
        """Say whether the region is empty."""
        return len(self.start) == 0

    @property
    def area_deg2(self) -> float:
        """Area in square degrees."""
        cells = float(np.sum((self.end - self.start).astype(np.float64)))
        return cells / (12.0 * 4.0**HEALPIX_ORDER) * SKY_DEG2

    def union(self, other: Coverage) -> Coverage:
        """Return what either covers."""
        return Coverage.of_ranges(
            np.concatenate((self.start, other.start)), np.concatenate((self.end, other.end))
        )

    def intersection(self, other: Coverage) -> Coverage:
        """Return what both cover."""
        if self.is_empty or other.is_empty:
            return Coverage.nowhere()
        first = np.searchsorted(self.end, other.start, side="right")
        last = np.searchsorted(self.start, other.end, side="left")
        counts = np.maximum(last - first, 0)
        mine = np.repeat(first, counts) + _counting(counts)
        theirs = np.repeat(np.arange(len(other.start)), counts)
        return Coverage.of_ranges(
            np.maximum(self.start[mine], other.start[theirs]),
            np.minimum(self.end[mine], other.end[theirs]),
        )

    def difference(self, other: Coverage) -> Coverage:
        """Return what this region covers and the other does not."""
        sky = 12 << (2 * HEALPIX_ORDER)
        gaps = Coverage(
            np.concatenate(([0], other.end)).astype(np.int64),
            np.concatenate((other.start, [sky])).astype(np.int64),
        )
        keep = gaps.end > gaps.start
        return self.intersection(Coverage(gaps.start[keep], gaps.end[keep]))

    def touches(self, other: Coverage) -> bool:
        """Say whether the two regions share a cell."""
        first = np.searchsorted(self.end, other.start, side="right")
        last = np.searchsorted(self.start, other.end, side="left")
        return bool(np.any(last > first))

    def contains(self, cells: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say for each order-29 cell whether it is covered."""
        if self.is_empty:
            return np.zeros(len(cells), np.bool_)
        place = np.searchsorted(self.start, cells, side="right") - 1
        return (place >= 0) & (cells < self.end[np.maximum(place, 0)])

    def cells(self, finest: int = HEALPIX_ORDER) -> dict[int, NDArray[np.int64]]:
        """Return the region as the fewest nested cells: order -> sorted cells.

        Parameters
        ----------
        finest : int
            Ranges are widened to whole cells of this order first.
        """
        unit = 1 << (2 * (HEALPIX_ORDER - finest))
        region = Coverage.of_ranges(self.start // unit * unit, -(-self.end // unit) * unit)
        found: dict[int, NDArray[np.int64]] = {}
        start, end = region.start, region.end
        for order in range(finest + 1):
            size = 1 << (2 * (HEALPIX_ORDER - order))
            low, high = -(-start // size), end // size
            counts = np.maximum(high - low, 0)
            if np.any(counts > 0):
                found[order] = np.repeat(low, counts) + _counting(counts)
                whole = counts > 0
                start, end = (
                    np.concatenate((start[~whole], start[whole], high[whole] * size)),
                    np.concatenate((end[~whole], low[whole] * size, end[whole])),
                )
                keep = end > start
                start, end = start[keep], end[keep]
        return {order: np.sort(c) for order, c in found.items()}

    def as_moc_text(self) -> str:
        """Return the ASCII serialisation of IVOA MOC 2.0, which Aladin and mocpy open."""
        parts = []
        for order, cells in self.cells().items():
            first = np.concatenate(([True], np.diff(cells) > 1))
            last = np.concatenate((first[1:], [True]))
            runs = zip(cells[first].tolist(), cells[last].tolist(), strict=True)
            parts.append(f"{order}/" + " ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs))
        return " ".join(parts) + "\n"

    def save_moc(self, path: Path) -> None:
        """Save the region as a MOC: FITS for ``.fits``, JSON for ``.json``, else ASCII.

        Raises
        ------
        OSError
        """
        # an empty region has no resolution of its own, and readers ask for one
        text = "0/\n" if self.is_empty else self.as_moc_text()
        kind = path.suffix[1:].lower()
        if kind not in {"fits", "json"}:
            path.write_text(text, encoding="utf-8")
            return
        from mocpy import MOC

        path.unlink(missing_ok=True)
        MOC.from_string(text).save(str(path), format=kind)

    @classmethod
    def from_moc_text(cls, text: str) -> Coverage:
        """Read the ASCII serialisation of a MOC; a bare ``order/`` states the resolution only."""
        start: list[int] = []
        end: list[int] = []
        shift = 0
        for token in text.replace(",", " ").split():
            head, slash, tail = token.rpartition("/")
            if slash:
                shift = 2 * (HEALPIX_ORDER - int(head))
            if tail:
                low, dash, high = tail.partition("-")
                start.append(int(low) << shift)
                end.append((int(high if dash else low) + 1) << shift)
        return cls.of_ranges(np.array(start, np.int64), np.array(end, np.int64))


def _counting(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return 0, 1 .. c-1 for each count c, one after the other."""
    total = int(np.sum(counts))
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    return np.arange(total, dtype=np.int64) - begins.astype(np.int64)


@lru_cache(maxsize=256)
def cone_coverage(ra: float, dec: float, radius_deg: float) -> Coverage:
    """Return cells that hold a cone, a little too many at its edge and none too few.

    The last ones are kept: all surveys are asked for the same field.

    Parameters
    ----------
    ra, dec, radius_deg : float
        Degrees; the radius up to 180.
    """
    # not the library's cone_search: version 0.9 leaves a cell out of one wide cone in 500
    radius = max(radius_deg, 1e-4)
    centre = unit_vectors(np.array([ra]), np.array([dec]))
    # cells about a tenth of the radius wide: few ranges, little read in vain
    finest = int(np.clip(np.ceil(np.log2(_BASE_CELL_DEG / radius * 8.0)), 0, 22))
    order = int(np.clip(np.floor(np.log2(_BASE_CELL_DEG / radius / 4.0)), 0, finest))
    cells = _around(ra, dec, order)
    while True:
        step = min(_ORDERS_A_STEP, finest - order)
        cells = (4**step * cells[:, None] + np.arange(4**step)).ravel()
        order += step
        reach = min(radius_deg + _FARTHEST_CORNER_DEG / 2**order, 180.0)
        chord2 = np.sum((_cell_centres(cells, order) - centre) ** 2, axis=0)
        cells = cells[chord2 <= (2.0 * np.sin(np.radians(reach) / 2.0)) ** 2]
        if order == finest:
            return Coverage.of_cells(order, np.sort(cells))


def _around(ra: float, dec: float, order: int) -> NDArray[np.int64]:
    """Return cells that hold any cone a quarter as wide as a cell: its middle's and those beside.

    At order 0 that is the whole sky, and holds any cone.
    """
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix, neighbours

    if order == 0:
        return np.arange(12, dtype=np.int64)
    middle = lonlat_to_healpix(Longitude([ra % 360.0], "deg"), Latitude([dec], "deg"), order)
    beside = neighbours(middle, order).ravel()
    return np.unique(beside[beside >= 0]).astype(np.int64)


def _cell_centres(cells: NDArray[np.int64], order: int) -> NDArray[np.float64]:
    from cdshealpix.nested import healpix_to_lonlat

    lon, lat = healpix_to_lonlat(cells.astype(np.uint64), order)
    return unit_vectors(lon.deg, lat.deg)


def coverage_of_stars(cells: NDArray[np.int64]) -> Coverage:
    """Return the region that imported stars stand for.

    A file of stars does not say which cone was asked for. Cells are taken as fine as still leaves
    about four stars in each (orders 5 to 11), and single empty cells amid occupied ones are filled;
    nothing is added outside the outermost stars' own cells.

    Parameters
    ----------
    cells : ndarray of int64, shape (n,)
        Order-29 cells of the stars.
    """
    if len(cells) == 0:
        return Coverage.nowhere()
    for order in range(_FINEST_IMPORT_ORDER, _COARSEST_IMPORT_ORDER - 1, -1):
        occupied = np.unique(cells >> (2 * (HEALPIX_ORDER - order)))
        if len(cells) >= _STARS_PER_CELL * len(occupied):
            break
    return Coverage.of_cells(order, _closed(occupied, order))


def _closed(cells: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    """Fill holes: grow by one cell all round, then shrink by one."""
    from cdshealpix.nested import neighbours

    grown = np.unique(neighbours(cells, order))
    grown = grown[grown >= 0].astype(np.int64)
    around = neighbours(grown, order)
    inside = np.isin(around, grown) | (around < 0)
    return np.union1d(cells, grown[inside.all(axis=1)])
