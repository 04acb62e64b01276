"""Into which HEALPix pixels, that is files, a catalogue is divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.surveys.coverage import Coverage
from cpcs_desktop.surveys.star_table import HEALPIX_ORDER

#: Order of a pixel that is fetched or imported by itself: 0.84 square degrees.
PIXEL_ORDER = 6
#: A pixel with more stars is split.
MAX_STARS = 1_000_000
_MOST_NEW_PIXELS = 256


@dataclass(frozen=True, order=True)
class Pixel:
    """One nested HEALPix pixel: a file of the catalogue."""

    order: int
    number: int

    @property
    def start(self) -> int:
        """First order-29 cell."""
        return self.number << (2 * (HEALPIX_ORDER - self.order))

    @property
    def end(self) -> int:
        """One beyond the last order-29 cell."""
        return (self.number + 1) << (2 * (HEALPIX_ORDER - self.order))

    @property
    def path(self) -> str:
        """Place inside a HATS catalogue, with forward slashes."""
        folder = self.number // 10000 * 10000
        return f"dataset/Norder={self.order}/Dir={folder}/Npix={self.number}.parquet"

    @property
    def coverage(self) -> Coverage:
        """The region of the pixel."""
        return Coverage(np.array([self.start], np.int64), np.array([self.end], np.int64))

    def children(self) -> tuple[Pixel, ...]:
        """Return the four pixels of the next order."""
        return tuple(Pixel(self.order + 1, 4 * self.number + k) for k in range(4))

    def __str__(self) -> str:
        return f"{self.order}/{self.number}"


@dataclass(frozen=True)
class Partition:
    """Disjoint pixels of a catalogue, sorted along the sky.

    Parameters
    ----------
    pixels : tuple of Pixel
    start, end : ndarray of int64, shape (n,)
    """

    pixels: tuple[Pixel, ...]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    @classmethod
    def of(cls, pixels: list[Pixel]) -> Partition:
        """Sort pixels along the sky."""
        ordered = tuple(sorted(pixels, key=lambda p: p.start))
        return cls(
            ordered,
            np.array([p.start for p in ordered], np.int64),
            np.array([p.end for p in ordered], np.int64),
        )

    def touched_by(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> list[int]:
        """Return the places of pixels that share a cell with any of the sorted ranges."""
        first = np.searchsorted(self.end, start, side="right")
        last = np.searchsorted(self.start, end, side="left")
        touched = {
            k for a, b in zip(first.tolist(), last.tolist(), strict=True) for k in range(a, b)
        }
        return sorted(touched)

    def has_room_for(self, pixel: Pixel) -> bool:
        """Say whether a pixel is one of these or touches none of them."""
        own = pixel.coverage
        return all(self.pixels[k] == pixel for k in self.touched_by(own.start, own.end))

    def assign(self, cells: NDArray[np.int64]) -> dict[Pixel, NDArray[np.intp]]:
        """Say which rows go into which pixel: existing ones first, new ones beside them.

        New pixels have order 6, or a lower one when that would make more than 256 files.

        Parameters
        ----------
        cells : ndarray of int64, shape (n,)
            Order-29 cells.
        """
        assigned: dict[Pixel, NDArray[np.intp]] = {}
        place = np.searchsorted(self.start, cells, side="right") - 1
        inside = (place >= 0) if len(self.start) else np.zeros(len(cells), np.bool_)
        inside &= cells < self.end[np.maximum(place, 0)] if len(self.end) else inside
        for k in np.unique(place[inside]).tolist():
            assigned[self.pixels[k]] = np.flatnonzero(inside & (place == k))
        outside = np.flatnonzero(~inside)
        order = PIXEL_ORDER
        while order > 0 and _n_pixels(cells[outside], order) > _MOST_NEW_PIXELS:
            order -= 1
        todo = _grouped(cells, outside, order)
        while todo:
            pixel, rows = todo.pop()
            if self.touched_by(np.array([pixel.start]), np.array([pixel.end])):
                todo.extend(_grouped(cells, rows, pixel.order + 1))
            else:
                assigned[pixel] = rows
        return assigned


def split(pixel: Pixel, cells: NDArray[np.int64]) -> dict[Pixel, NDArray[np.intp]]:
    """Divide a pixel's rows among descendants so that none holds more than ``MAX_STARS``."""
    done: dict[Pixel, NDArray[np.intp]] = {}
    todo = [(pixel, np.arange(len(cells)))]
    while todo:
        current, rows = todo.pop()
        if len(rows) <= MAX_STARS or current.order >= 14:
            done[current] = rows
        else:
            todo.extend(_grouped(cells, rows, current.order + 1))
    return done


def _n_pixels(cells: NDArray[np.int64], order: int) -> int:
    return len(np.unique(cells >> (2 * (HEALPIX_ORDER - order))))


def _grouped(
    cells: NDArray[np.int64], rows: NDArray[np.intp], order: int
) -> list[tuple[Pixel, NDArray[np.intp]]]:
    if len(rows) == 0:
        return []
    numbers = cells[rows] >> (2 * (HEALPIX_ORDER - order))
    by_number = np.argsort(numbers, kind="stable")
    values, first = np.unique(numbers[by_number], return_index=True)
    parts = np.split(rows[by_number], first[1:])
    return [(Pixel(order, int(v)), part) for v, part in zip(values, parts, strict=True)]
