"""Sources measured on a frame, extracted here or read from a SExtractor list."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.frame import Frame

MagnitudeKind = Literal["AUTO", "APER"]
Origin = Literal["extracted", "sextractor", "table"]


class SourceFlag(IntFlag):
    """SExtractor's FLAGS values."""

    NEIGHBOURS = 1
    BLENDED = 2
    SATURATED = 4
    TRUNCATED = 8
    APERTURE_INCOMPLETE = 16
    ISOPHOTAL_INCOMPLETE = 32
    DEBLEND_OVERFLOW = 64
    EXTRACT_OVERFLOW = 128


@dataclass(frozen=True)
class SourceCatalog:
    """Sources with one kind of instrumental magnitude.

    All arrays have shape (n,). ``mag_inst = -2.5 log10(flux [ADU])`` without an exposure term.

    Parameters
    ----------
    x, y : ndarray of float64
        Pixels, 0-based; NaN where the list has none.
    ra, dec : ndarray of float64
        Degrees, ICRS; NaN where there is no WCS.
    flux, flux_err : ndarray of float64
        ADU; NaN where not measured.
    mag_inst, mag_inst_err : ndarray of float64
        Magnitudes; NaN where not measured (a list's 99 becomes NaN at the reader).
    fwhm : ndarray of float64
        Pixels; NaN where unknown.
    flags : ndarray of int32
        SExtractor's values, :class:`SourceFlag`.
    kind : {"AUTO", "APER"}
    origin : {"extracted", "sextractor", "table"}
    aperture_diameter_pix : float or None
        Diameter for kind ``APER``, where known.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    flux: NDArray[np.float64]
    flux_err: NDArray[np.float64]
    mag_inst: NDArray[np.float64]
    mag_inst_err: NDArray[np.float64]
    fwhm: NDArray[np.float64]
    flags: NDArray[np.int32]
    kind: MagnitudeKind
    origin: Origin
    aperture_diameter_pix: float | None = None

    def __len__(self) -> int:
        return len(self.ra)


@dataclass(frozen=True)
class BlankSky:
    """Fluxes of apertures on blank sky, spread over the frame: the ground of upper limits.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Centres, pixels, 0-based.
    flux : ndarray of float64, shape (n,)
        Background-subtracted sums, ADU.
    aperture_diameter_pix : float
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    flux: NDArray[np.float64]
    aperture_diameter_pix: float


@dataclass(frozen=True)
class Exposure:
    """A frame with everything measured on it: the input of calibration.

    Parameters
    ----------
    frame : Frame
    catalogs : mapping from magnitude kind to SourceCatalog
        At least one; all have the same rows (row n is the same source in each).
    blank_sky : BlankSky or None
        Only for frames.
    missing : frozenset of str
        Quantities a list does not carry: ``x``, ``flags``, ``fwhm``, ``mjd`` ...
    """

    frame: Frame
    catalogs: Mapping[MagnitudeKind, SourceCatalog]
    blank_sky: BlankSky | None = None
    missing: frozenset[str] = frozenset()

    def sources(self, kind: MagnitudeKind = "AUTO") -> SourceCatalog:
        """Return the catalogue of this kind, or the only one there is."""
        return self.catalogs[kind] if kind in self.catalogs else next(iter(self.catalogs.values()))
