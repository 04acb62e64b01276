"""Stars of one survey in the columns of the cache."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Order of ``_healpix_29``, the sorting key of HATS catalogues (nested, 12 * 4**29 cells).
HEALPIX_ORDER = 29


@dataclass(frozen=True)
class StarTable:
    """Stars as stored; positions ICRS at the survey's epoch.

    Parameters
    ----------
    healpix_29 : ndarray of int64, shape (n,)
        Nested HEALPix cell at order 29.
    source_id : ndarray of int64 or str, shape (n,)
    ra, dec : ndarray of float64, shape (n,)
        Degrees.
    pmra, pmdec : ndarray of float32 or None, shape (n,)
        mas/yr, RA already multiplied by cos(dec); NaN where unknown; None for a survey without.
    mag, mag_err : ndarray of float32, shape (n, n_bands)
        NaN where missing; columns in the order of the survey's declaration.
    flags : ndarray of int32, shape (n,)
        Bits of StarFlag.
    """

    healpix_29: NDArray[np.int64]
    source_id: NDArray[Any]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    pmra: NDArray[np.float32] | None
    pmdec: NDArray[np.float32] | None
    mag: NDArray[np.float32]
    mag_err: NDArray[np.float32]
    flags: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ra)

    def rows(self, index: NDArray[Any] | slice) -> StarTable:
        """Return some rows, by index, mask or slice."""
        chosen = {
            f.name: value[index]
            for f in fields(self)
            if (value := getattr(self, f.name)) is not None
        }
        return replace(self, **chosen)

    def sorted(self) -> StarTable:
        """Return the rows sorted by ``_healpix_29``, ties by source_id: one order for one set."""
        return self.rows(np.lexsort((self.source_id, self.healpix_29)))


def healpix_29(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the nested HEALPix cell at order 29 of positions in degrees, shape (n,)."""
    return healpix_cells(ra, dec, HEALPIX_ORDER)


def healpix_cells(
    ra: NDArray[np.float64], dec: NDArray[np.float64], order: int
) -> NDArray[np.int64]:
    """Return the nested HEALPix cells of positions in degrees at an order, shape (n,)."""
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    if len(ra) == 0:
        return np.empty(0, np.int64)
    cells = lonlat_to_healpix(Longitude(ra, "deg"), Latitude(dec, "deg"), order)
    return np.asarray(cells).astype(np.int64)


def concatenate(tables: list[StarTable]) -> StarTable:
    """Join tables of one survey; ids become texts as soon as one table has texts."""
    if len(tables) == 1:
        return tables[0]
    joined: dict[str, Any] = {}
    for f in fields(StarTable):
        parts = [getattr(t, f.name) for t in tables]
        if parts[0] is None:
            joined[f.name] = None
            continue
        if f.name == "source_id" and any(p.dtype.kind != "i" for p in parts):
            parts = [p.astype(str) for p in parts]
        joined[f.name] = np.concatenate(parts)
    return StarTable(**joined)
