"""Kron and aperture photometry as SExtractor does it, neighbours replaced by mirror images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.extract.detection import Detections
from cpcs_desktop.extract.mirrored import (
    OVERSAMPLING,
    Apertures,
    Array,
    Index,
    Plane,
    foreign_share,
    mirrored_sums,
)

#: The Kron radius is measured inside this many times the isophotal ellipse (SExtractor).
KRON_LIMIT = 6.0
#: Share of neighbours' pixels in that ellipse above which a source is flagged as biased.
CROWDED_SHARE = 0.1
POGSON = 2.5 / math.log(10)


@dataclass(frozen=True)
class Fluxes:
    """Background-subtracted sums in apertures; arrays have shape (n,).

    Parameters
    ----------
    flux, flux_err : ndarray of float64
        ADU.
    incomplete : ndarray of bool
        Part of the aperture lies outside the image or on bad pixels.
    """

    flux: Array
    flux_err: Array
    incomplete: NDArray[np.bool_]

    @property
    def magnitudes(self) -> tuple[Array, Array]:
        """``-2.5 log10 flux`` and its error; NaN where the flux is not positive."""
        with np.errstate(divide="ignore", invalid="ignore"):
            mag = np.where(self.flux > 0, -2.5 * np.log10(np.abs(self.flux)), np.nan)
            err = np.where(self.flux > 0, POGSON * self.flux_err / self.flux, np.nan)
        return mag, err


@dataclass(frozen=True)
class KronFluxes:
    """AUTO photometry; arrays have shape (n,).

    Parameters
    ----------
    fluxes : Fluxes
    radius : ndarray of float64
        Kron aperture in units of A and B (KRON_RADIUS).
    crowded : ndarray of bool
        Neighbours may bias the flux (FLAGS 1).
    """

    fluxes: Fluxes
    radius: Array
    crowded: NDArray[np.bool_]


def kron_photometry(
    plane: Plane, found: Detections, kron_factor: float, min_radius: float
) -> KronFluxes:
    """Measure AUTO fluxes.

    Parameters
    ----------
    plane : Plane
    found : Detections
    kron_factor, min_radius : float
        PHOT_AUTOPARAMS; ``min_radius`` counts in units of A and B like the radius itself.

    Notes
    -----
    Kron (1980): ``r_k = sum(r I) / sum(I)`` inside 6 isophotal ellipses; the flux is summed over
    whole pixels inside ``max(kron_factor * r_k, min_radius)`` ellipses. Pixels of neighbours are
    left out of ``r_k`` and replaced in the sum (MASK_TYPE CORRECT).
    """
    import sep

    s = found.shapes
    shape = (s["x"], s["y"], s["a"], s["b"], s["theta"])
    kron, flags = sep.kron_radius(
        plane.pixels,
        *shape,
        KRON_LIMIT,
        mask=plane.bad,
        seg_id=found.ids,
        segmap=found.segments,
    )
    crowded = _crowded(plane, found, np.flatnonzero(flags & sep.APER_HASMASKED))
    kron = np.where(np.isfinite(kron) & (kron > 0), kron, 0.0)
    radius = np.maximum(kron_factor * kron, min_radius)
    flux, err, flags = sep.sum_ellipse(
        plane.pixels,
        *shape,
        radius,
        err=plane.rms,
        gain=plane.gain,
        mask=plane.bad,
        seg_id=found.ids,
        segmap=found.segments,
        subpix=1,
    )
    flux, err = np.array(flux, dtype=np.float64), np.array(err, dtype=np.float64)
    touched = np.flatnonzero(flags & sep.APER_HASMASKED)
    _replace_neighbours(plane, found, flux, err, _ellipses(found, touched, radius[touched]))
    incomplete = _outside(plane, _ellipses(found, slice(None), np.maximum(radius, KRON_LIMIT)))
    share = foreign_share(plane, found, _ellipses(found, touched, radius[touched]))
    crowded[touched] |= share > CROWDED_SHARE
    return KronFluxes(Fluxes(flux, err, incomplete), radius, crowded)


def aperture_photometry(plane: Plane, found: Detections, diameter_pix: float) -> Fluxes:
    """Measure fluxes in circular apertures of one diameter, pixels (PHOT_APERTURES)."""
    import sep

    s = found.shapes
    flux, err, flags = sep.sum_circle(
        plane.pixels,
        s["x"],
        s["y"],
        diameter_pix / 2,
        err=plane.rms,
        gain=plane.gain,
        mask=plane.bad,
        seg_id=found.ids,
        segmap=found.segments,
        subpix=OVERSAMPLING,
    )
    flux, err = np.array(flux, dtype=np.float64), np.array(err, dtype=np.float64)
    touched = np.flatnonzero(flags & sep.APER_HASMASKED)
    _replace_neighbours(plane, found, flux, err, _circles(found, touched, diameter_pix / 2))
    incomplete = _outside(plane, _circles(found, slice(None), diameter_pix / 2))
    return Fluxes(flux, err, incomplete)


def _replace_neighbours(
    plane: Plane, found: Detections, flux: Array, err: Array, apertures: Apertures
) -> None:
    """Measure these apertures again with neighbours replaced, in place."""
    corrected, area = mirrored_sums(plane, found, apertures)
    variance = area * plane.rms**2
    if plane.gain is not None:
        variance += np.maximum(corrected, 0.0) / plane.gain
    flux[apertures.rows] = corrected
    err[apertures.rows] = np.sqrt(variance)


def _crowded(plane: Plane, found: Detections, touched: Index) -> NDArray[np.bool_]:
    """Say where neighbours fill much of the ellipse in which the Kron radius is measured.

    ``touched`` are the rows whose ellipse holds a pixel of somebody else, or a bad one.
    """
    crowded = np.zeros(len(found), dtype=bool)
    limit = np.full(len(touched), KRON_LIMIT)
    share = foreign_share(plane, found, _ellipses(found, touched, limit))
    crowded[touched] = share > CROWDED_SHARE
    return crowded


def _ellipses(found: Detections, rows: Index | slice, radius: Array) -> Apertures:
    s = found.shapes[rows]
    places = np.arange(len(found), dtype=np.int64)[rows]
    return Apertures(
        places, s["x"], s["y"], s["a"] * radius, s["b"] * radius, s["theta"], circular=False
    )


def _circles(found: Detections, rows: Index | slice, radius: float) -> Apertures:
    s = found.shapes[rows]
    places = np.arange(len(found), dtype=np.int64)[rows]
    radii = np.full(len(s), radius)
    return Apertures(places, s["x"], s["y"], radii, radii, np.zeros(len(s)), circular=True)


def _outside(plane: Plane, apertures: Apertures) -> NDArray[np.bool_]:
    """Say which apertures leave the image."""
    ny, nx = plane.pixels.shape
    reach_x, reach_y = apertures.reach()
    x, y = apertures.x, apertures.y
    outside = (x - reach_x < -0.5) | (x + reach_x > nx - 0.5)
    outside |= (y - reach_y < -0.5) | (y + reach_y > ny - 0.5)
    return np.asarray(outside)
