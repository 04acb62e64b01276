"""Aperture sums in crowds: pixels of neighbours are replaced by those opposite the centre.

This is SExtractor's ``MASK_TYPE CORRECT``. Only apertures that neighbours or bad pixels reach into
come here; all of them are worked on together, in batches of pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.extract.detection import Detections

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: SExtractor's subsampling of circular apertures.
OVERSAMPLING = 5
_BATCH_PIXELS = 400_000


@dataclass(frozen=True)
class Plane:
    """A background-subtracted image with what photometry must know of it.

    Parameters
    ----------
    pixels : ndarray of float32, shape (ny, nx)
        ADU.
    bad : ndarray of bool or None
    rms : float
        Noise of one pixel, ADU.
    gain : float or None
        e-/ADU; None leaves photon noise out, as SExtractor does with GAIN 0.
    """

    pixels: NDArray[np.float32]
    bad: NDArray[np.bool_] | None
    rms: float
    gain: float | None


@dataclass(frozen=True)
class Apertures:
    """Ellipses (whole pixels) or circles (subsampled) around sources; arrays have shape (m,).

    Parameters
    ----------
    rows : ndarray of int64
        Rows of the sources.
    x, y : ndarray of float64
        Centres, pixels, 0-based.
    a, b, theta : ndarray of float64
        Half axes in pixels, angle in radians; ``a == b`` for circles.
    circular : bool
        Circles are subsampled, ellipses take whole pixels, both as SExtractor does.
    """

    rows: Index
    x: Array
    y: Array
    a: Array
    b: Array
    theta: Array
    circular: bool

    def reach(self) -> tuple[Array, Array]:
        """Half width and half height, pixels."""
        cosine, sine = np.cos(self.theta), np.sin(self.theta)
        return (
            np.hypot(self.a * cosine, self.b * sine),
            np.hypot(self.a * sine, self.b * cosine),
        )


@dataclass(frozen=True)
class _Pixels:
    """Pixels of many apertures, one after the other; arrays have shape (pixels,)."""

    member: Index
    x: Index
    y: Index
    share: Array


def foreign_share(plane: Plane, found: Detections, apertures: Apertures) -> Array:
    """Return which share of each aperture belongs to other sources or is bad, shape (m,)."""
    count = len(apertures.rows)
    foreign, area = np.zeros(count), np.zeros(count)
    for pixels in _batches(plane, apertures):
        strange = _foreign(plane, found, apertures.rows[pixels.member], pixels.x, pixels.y)
        area += np.bincount(pixels.member, pixels.share, minlength=count)
        foreign += np.bincount(pixels.member, pixels.share * strange, minlength=count)
    return foreign / np.maximum(area, 1.0)


def mirrored_sums(plane: Plane, found: Detections, apertures: Apertures) -> tuple[Array, Array]:
    """Return fluxes and areas (ADU, pixels), each shape (m,), neighbours replaced.

    A foreign pixel whose mirror image is foreign too, or outside, counts as sky: zero.
    """
    ny, nx = plane.pixels.shape
    count = len(apertures.rows)
    flux, area = np.zeros(count), np.zeros(count)
    for pixels in _batches(plane, apertures):
        rows = apertures.rows[pixels.member]
        values = plane.pixels[pixels.y, pixels.x].astype(np.float64)
        strange = np.flatnonzero(_foreign(plane, found, rows, pixels.x, pixels.y))
        centre = pixels.member[strange]
        x = np.floor(2 * apertures.x[centre] + 0.49999 - pixels.x[strange]).astype(np.int64)
        y = np.floor(2 * apertures.y[centre] + 0.49999 - pixels.y[strange]).astype(np.int64)
        inside = (x >= 0) & (x < nx) & (y >= 0) & (y < ny)
        x, y = np.clip(x, 0, nx - 1), np.clip(y, 0, ny - 1)
        usable = inside & ~_foreign(plane, found, rows[strange], x, y)
        values[strange] = np.where(usable, plane.pixels[y, x], 0.0)
        flux += np.bincount(pixels.member, values * pixels.share, minlength=count)
        area += np.bincount(pixels.member, pixels.share, minlength=count)
    return flux, area


def _foreign(plane: Plane, found: Detections, rows: Index, x: Index, y: Index) -> NDArray[np.bool_]:
    owner = found.segments[y, x]
    foreign: NDArray[np.bool_] = (owner != 0) & (owner != rows + 1)
    if plane.bad is not None:
        foreign |= plane.bad[y, x]
    return foreign


def _batches(plane: Plane, apertures: Apertures) -> Iterator[_Pixels]:
    """Yield the pixels of the apertures that lie on the image, a batch at a time."""
    ny, nx = plane.pixels.shape
    reach_x, reach_y = apertures.reach()
    x0 = np.clip(np.floor(apertures.x - reach_x), 0, nx).astype(np.int64)
    x1 = np.clip(np.ceil(apertures.x + reach_x) + 1, 0, nx).astype(np.int64)
    y0 = np.clip(np.floor(apertures.y - reach_y), 0, ny).astype(np.int64)
    y1 = np.clip(np.ceil(apertures.y + reach_y) + 1, 0, ny).astype(np.int64)
    width = np.maximum(x1 - x0, 0)
    sizes = width * np.maximum(y1 - y0, 0)
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        base = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, base + _BATCH_PIXELS, side="right")), first + 1)
        members = np.arange(first, last)
        member = np.repeat(members, sizes[members])
        place = np.arange(len(member)) - np.repeat(
            ends[members] - sizes[members] - base, sizes[members]
        )
        x = x0[member] + place % width[member]
        y = y0[member] + place // width[member]
        share = _shares(apertures, member, x, y)
        inside = share > 0
        yield _Pixels(member[inside], x[inside], y[inside], share[inside])
        first = last


def _shares(apertures: Apertures, member: Index, x: Index, y: Index) -> Array:
    """Return the share of each pixel inside its aperture."""
    dx, dy = x - apertures.x[member], y - apertures.y[member]
    if not apertures.circular:
        cosine, sine = np.cos(apertures.theta), np.sin(apertures.theta)
        along = dx * cosine[member] + dy * sine[member]
        across = dy * cosine[member] - dx * sine[member]
        inside = (along / apertures.a[member]) ** 2 + (across / apertures.b[member]) ** 2 <= 1
        return inside.astype(np.float64)
    radius = apertures.a[member]
    distance = np.hypot(dx, dy)
    share = (distance < radius).astype(np.float64)
    edge = np.flatnonzero(np.abs(distance - radius) < 0.75)
    steps = (np.arange(OVERSAMPLING) + 0.5) / OVERSAMPLING - 0.5
    fine_x = dx[edge, None, None] + steps[None, None, :]
    fine_y = dy[edge, None, None] + steps[None, :, None]
    inside_fine = fine_x**2 + fine_y**2 < (radius[edge] ** 2)[:, None, None]
    share[edge] = inside_fine.mean(axis=(1, 2))
    return share
