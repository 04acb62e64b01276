"""Sources measured on a frame, extracted here or read from a SExtractor list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class PsfPhotometry:
    """What came of PSF photometry of the target, where the observer asked for it.

    Parameters
    ----------
    refused : str or None
        Why no PSF could be fitted; the target's aperture magnitudes stay then.
    flux, flux_err : float or None
        On the PSF's own scale, ADU.
    reduced_chi2 : float or None
        Of the joint fit, around the target.
    neighbours : int
        Sources fitted together with the target.
    stars : int
        Stars the PSF was made of.
    fwhm_pix : float or None
    correction, correction_err : mapping from magnitude kind to float
        Added to PSF magnitudes to put them on the scale of the kind, mag, and its error.
    is_there : bool
        False when nothing above 3 sigma is left beside the neighbours.
    """

    refused: str | None = None
    flux: float | None = None
    flux_err: float | None = None
    reduced_chi2: float | None = None
    neighbours: int = 0
    stars: int = 0
    fwhm_pix: float | None = None
    correction: Mapping[str, float] = field(default_factory=dict)
    correction_err: Mapping[str, float] = field(default_factory=dict)
    is_there: bool = False


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
    psf : PsfPhotometry or None
        Where the target's row comes from a PSF fit, or was meant to.
    """

    frame: Frame
    catalogs: Mapping[MagnitudeKind, SourceCatalog]
    blank_sky: BlankSky | None = None
    missing: frozenset[str] = frozenset()
    psf: PsfPhotometry | None = None

    def sources(self, kind: MagnitudeKind = "AUTO") -> SourceCatalog:
        """Return the catalogue of this kind, or the only one there is."""
        return self.catalogs[kind] if kind in self.catalogs else next(iter(self.catalogs.values()))
