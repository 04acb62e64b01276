"""Which column of a list is which quantity: SExtractor's names first, then the usual others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.io.header_cards import parse_angle
from cpcs_desktop.io.tables import ListColumns, missing_column

Array = NDArray[np.float64]

_POSITIONS = (
    *(("ALPHA_J2000", "DELTA_J2000"), ("ALPHAWIN_J2000", "DELTAWIN_J2000")),
    *(("ALPHAPSF_J2000", "DELTAPSF_J2000"), ("ALPHAPEAK_J2000", "DELTAPEAK_J2000")),
    *(("ALPHA_SKY", "DELTA_SKY"), ("ALPHAWIN_SKY", "DELTAWIN_SKY")),
    *(("X_WORLD", "Y_WORLD"), ("XWIN_WORLD", "YWIN_WORLD"), ("XPEAK_WORLD", "YPEAK_WORLD")),
    *(("RA", "DEC"), ("RAJ2000", "DEJ2000"), ("_RAJ2000", "_DEJ2000"), ("RA_ICRS", "DE_ICRS")),
    *(("RA_DEG", "DEC_DEG"), ("RADEG", "DECDEG"), ("RA_J2000", "DEC_J2000"), ("ALPHA", "DELTA")),
    *(("RIGHT_ASCENSION", "DECLINATION"), ("RA(J2000)", "DEC(J2000)"), ("RA2000", "DEC2000")),
    *(("RA_T1", "DEC_T1"), ("SKY_CENTROID.RA", "SKY_CENTROID.DEC"), ("COORDS.RA", "COORDS.DEC")),
)
_PIXELS = (
    *(("X_IMAGE", "Y_IMAGE"), ("XWIN_IMAGE", "YWIN_IMAGE"), ("X_IMAGE_DBL", "Y_IMAGE_DBL")),
    *(("XPSF_IMAGE", "YPSF_IMAGE"), ("XPEAK_IMAGE", "YPEAK_IMAGE"), ("XCENTER", "YCENTER")),
    *(("X", "Y"), ("XPOS", "YPOS"), ("X_PIX", "Y_PIX"), ("X(FITS)_T1", "Y(FITS)_T1")),
)
#: Written by numpy people: the first pixel's centre is (0, 0) already.
_PIXELS_FROM_ZERO = (("XCENTROID", "YCENTROID"), ("X_CENTROID", "Y_CENTROID"), ("X_FIT", "Y_FIT"))
_MAGNITUDES = {
    "AUTO": (
        *(("MAG_AUTO", "MAGERR_AUTO"), ("MAG_BEST", "MAGERR_BEST"), ("MAG_PSF", "MAGERR_PSF")),
        *(("MAG_INST", "MAG_INST_ERR"), ("INST_MAG", "INST_MAG_ERR"), ("INSTMAG", "INSTMAGERR")),
        *(("MAG", "MAG_ERR"), ("MAG", "MAGERR"), ("MAG", "E_MAG"), ("MAG", "MERR")),
        *(("MAG_INST", "MAG_ERROR"), ("MAG", "MAG_ERROR"), ("MAG", "ERR"), ("MAG", "DMAG")),
        *(("MAGNITUDE", "MAGNITUDE_ERR"), ("MAGNITUDE", "MAGNITUDE_ERROR"), ("MAG", "EMAG")),
    ),
    "APER": (
        *(
            ("MAG_APER", "MAGERR_APER"),
            ("MAG_APER1", "MAGERR_APER1"),
            ("MAG_APER_1", "MAGERR_APER_1"),
        ),
        ("MAG_APER_0", "MAGERR_APER_0"),
    ),
}
_FLUXES = {
    "AUTO": (
        *(("FLUX_AUTO", "FLUXERR_AUTO"), ("FLUX_BEST", "FLUXERR_BEST"), ("FLUX", "FLUXERR")),
        *(("FLUX", "FLUX_ERR"), ("KRON_FLUX", "KRON_FLUXERR"), ("FLUX", "FLUX_ERROR")),
        *(("FLUX_FIT", "FLUX_ERR"), ("SOURCE-SKY_T1", "SOURCE_ERROR_T1")),
    ),
    "APER": (
        *(("FLUX_APER", "FLUXERR_APER"), ("FLUX_APER1", "FLUXERR_APER1")),
        *(("FLUXAPER1", "FLUXERR1"), ("FLUX_APER_1", "FLUXERR_APER_1")),
        *(("FLUX_APER_0", "FLUXERR_APER_0"), ("APERTURE_SUM", "APERTURE_SUM_ERR")),
    ),
}
_FWHM = ("FWHM_IMAGE", "FWHM", "FWHM_PIX", "FWHMPSF_IMAGE")
_FLAGS = ("FLAGS", "FLAG", "SEFLAGS", "SE_FLAGS")
#: SExtractor's "not measured".
UNMEASURED_MAG = 50.0
#: Quantities the observer may assign to columns by hand.
CHOOSABLE = ("ra", "dec", "mag", "mag_err", "flux", "flux_err", "x", "y", "fwhm", "flags")


@dataclass(frozen=True)
class Measured:
    """One kind of magnitude of a list: flux, flux error, magnitude, error; each shape (n,)."""

    flux: Array
    flux_err: Array
    mag: Array
    mag_err: Array


class ColumnReader:
    """Finds quantities among a list's columns, regardless of case.

    Parameters
    ----------
    path : path
        For error sentences.
    table : ListColumns
    chosen : mapping, optional
        Quantity of ``CHOOSABLE`` to column name, the observer's own choice; wins over all names.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        table: ListColumns,
        chosen: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.columns = {name.upper(): column for name, column in table.columns.items()}
        self.rows = len(table)
        self.chosen = {quantity: name.upper() for quantity, name in (chosen or {}).items()}
        for quantity, name in self.chosen.items():
            if name not in self.columns or quantity not in CHOOSABLE:
                raise missing_column(path, name, table.columns)

    def values(self, name: str) -> Array | None:
        """Return one column as float64, the first element of a vector; None when absent."""
        column = self.columns.get(name)
        if column is None:
            return None
        while column.ndim > 1:
            if column.shape[1] == 0:
                return None
            column = column[:, 0]
        try:
            with np.errstate(invalid="ignore", over="ignore"):  # damaged numbers
                return column.astype(np.float64)
        except (TypeError, ValueError):
            return None

    def pair(
        self, pairs: tuple[tuple[str, str], ...], chosen: tuple[str, str]
    ) -> tuple[Array, Array] | None:
        """Return the first pair of columns that is there, the observer's choice before all."""
        own = self.chosen.get(chosen[0]), self.chosen.get(chosen[1])
        candidates = [(own[0], own[1])] if own[0] and own[1] else list(pairs)
        for first, second in candidates:
            one, other = self.values(str(first)), self.values(str(second))
            if one is not None and other is not None:
                return one, other
        return None

    def single(self, names: tuple[str, ...], chosen: str) -> Array | None:
        """Return the first of these columns that is there."""
        candidates = (self.chosen[chosen],) if chosen in self.chosen else names
        return next((v for v in map(self.values, candidates) if v is not None), None)

    def has_position(self) -> bool:
        """Whether the list has columns of right ascension and declination."""
        chosen = {"ra", "dec"} <= self.chosen.keys()
        return chosen or any(a in self.columns and b in self.columns for a, b in _POSITIONS)

    def position(self) -> tuple[Array, Array]:
        """Return right ascension (0..360) and declination in degrees, NaN where nonsense.

        Raises
        ------
        CpcsError
            ``missing_column`` naming ALPHA_J2000 or DELTA_J2000.
        """
        found = self.pair(_POSITIONS, ("ra", "dec")) or self._sexagesimal_position()
        if found is None:
            half = any(first in self.columns for first, _ in _POSITIONS)
            wanted = "DELTA_J2000 (declination)" if half else "ALPHA_J2000 (right ascension)"
            raise missing_column(self.path, wanted, self.columns)
        ra, dec = found
        sane = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90) & (np.abs(ra) <= 720)
        return np.where(sane, np.mod(ra, 360.0), np.nan), np.where(sane, dec, np.nan)

    def _sexagesimal_position(self) -> tuple[Array, Array] | None:
        own = (self.chosen.get("ra", ""), self.chosen.get("dec", ""))
        for first, second in (own, *_POSITIONS):
            if first in self.columns and second in self.columns:
                ra = [parse_angle(str(v), hours=True) for v in self.columns[first].tolist()]
                dec = [parse_angle(str(v), hours=False) for v in self.columns[second].tolist()]
                return _with_gaps(ra), _with_gaps(dec)
        return None

    def pixels(self) -> tuple[Array, Array] | None:
        """Return x and y, 0-based, or None."""
        if (found := self.pair(_PIXELS, ("x", "y"))) is not None:
            with np.errstate(invalid="ignore"):
                return found[0] - 1, found[1] - 1
        return self.pair(_PIXELS_FROM_ZERO, ("x", "y"))

    def fwhm(self) -> Array | None:
        """Return the FWHM in pixels, NaN where not positive, or None."""
        found = self.single(_FWHM, "fwhm")
        if found is None and (radius := self.values("FLUX_RADIUS")) is not None:
            found = 2 * radius  # half-light radius of a Gaussian is half its FWHM
        return None if found is None else np.where(found > 0, found, np.nan)

    def flags(self) -> NDArray[np.int32] | None:
        """Return FLAGS, or None."""
        found = self.single(_FLAGS, "flags")
        if found is None:
            return None
        sane = np.isfinite(found) & (np.abs(found) < 2**31)
        return np.where(sane, found, 0).astype(np.int32)

    def magnitudes(self) -> Iterator[tuple[str, Measured]]:
        """Yield the kinds of magnitude there are, made from fluxes where only those stand.

        Raises
        ------
        CpcsError
            ``missing_column`` when a kind's errors are missing and no other kind is whole.
        """
        partial = None
        for kind in ("AUTO", "APER"):
            if self.chosen.keys() & {"mag", "flux"} and kind == "APER":
                continue
            mags = self.pair(_MAGNITUDES[kind], ("mag", "mag_err"))
            fluxes = self.pair(_FLUXES[kind], ("flux", "flux_err"))
            if mags is not None or fluxes is not None:
                yield kind, measured(mags, fluxes)
                partial = False
            elif partial is None and any(m in self.columns for m, _ in _MAGNITUDES[kind]):
                partial = True
        if partial is True:
            raise missing_column(self.path, "MAGERR_AUTO (magnitude error)", self.columns)


def known_columns(names: Iterable[str]) -> dict[str, str]:
    """Return which quantities these column names are known to be, the surest first.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    dict
        Quantity of ``CHOOSABLE`` to the name as it stands in the list.
    """
    there = {name.upper(): name for name in names}
    found: dict[str, str] = {}
    for quantities, candidates in (
        (("ra", "dec"), _POSITIONS),
        (("mag", "mag_err"), _MAGNITUDES["AUTO"] + _MAGNITUDES["APER"]),
        (("flux", "flux_err"), _FLUXES["AUTO"] + _FLUXES["APER"]),
        (("x", "y"), _PIXELS),
        (("fwhm",), tuple((name,) for name in _FWHM)),
        (("flags",), tuple((name,) for name in _FLAGS)),
    ):
        best = next((c for c in candidates if all(name in there for name in c)), None)
        if best is not None:
            found |= {q: there[name] for q, name in zip(quantities, best, strict=True)}
    return found


def measured(mags: tuple[Array, Array] | None, fluxes: tuple[Array, Array] | None) -> Measured:
    """Complete magnitudes from fluxes and the other way round.

    ``mag = -2.5 log10(flux)``, ``mag_err = 2.5 / ln 10 * flux_err / flux``; 99 becomes NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if fluxes is None:
            assert mags is not None
            mag, mag_err = _without_99(*mags)
            flux = 10.0 ** (-0.4 * mag)
            return Measured(flux, flux * mag_err * np.log(10) / 2.5, mag, mag_err)
        flux, flux_err = fluxes
        if mags is not None:
            mag, mag_err = _without_99(*mags)
        else:
            mag = np.where(flux > 0, -2.5 * np.log10(np.abs(flux)), np.nan)
            mag_err = np.where(flux > 0, 2.5 / np.log(10) * flux_err / flux, np.nan)
        return Measured(flux, flux_err, _finite(mag), _finite(mag_err))


def _without_99(mag: Array, mag_err: Array) -> tuple[Array, Array]:
    good = np.isfinite(mag) & (np.abs(mag) < UNMEASURED_MAG)
    return (
        np.where(good, mag, np.nan),
        np.where(good & (mag_err >= 0) & (mag_err < UNMEASURED_MAG), mag_err, np.nan),
    )


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, np.nan)


def _with_gaps(values: list[Any]) -> Array:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
