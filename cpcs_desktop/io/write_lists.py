"""Writing source lists that SExtractor's readers, astropy and we ourselves can read."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.sources import Exposure, SourceCatalog

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.table import Table

ListFormat = Literal["ascii-head", "fits", "fits-ldac", "ecsv", "votable", "parquet"]
LIST_FORMATS: tuple[ListFormat, ...] = (
    "ascii-head",
    "fits",
    "fits-ldac",
    "ecsv",
    "votable",
    "parquet",
)
#: SExtractor's "not measured".
UNMEASURED = 99.0
#: name -> (text of the header, unit, unit for FITS and VOTable, format of the ASCII column)
_COLUMNS = {
    "NUMBER": ("Running object number", "", "", "%10d"),
    "X_IMAGE": ("Object position along x", "pixel", "pix", "%11.4f"),
    "Y_IMAGE": ("Object position along y", "pixel", "pix", "%11.4f"),
    "ALPHA_J2000": ("Right ascension of barycenter (J2000)", "deg", "deg", "%12.7f"),
    "DELTA_J2000": ("Declination of barycenter (J2000)", "deg", "deg", "%+12.7f"),
    "FLUX_AUTO": ("Flux within a Kron-like elliptical aperture", "count", "ct", "%14.7g"),
    "MAG_AUTO": ("Kron-like elliptical aperture magnitude", "mag", "mag", "%9.4f"),
    "MAGERR_AUTO": ("RMS error for AUTO magnitude", "mag", "mag", "%9.5f"),
    "MAG_APER": ("Fixed aperture magnitude vector", "mag", "mag", "%9.4f"),
    "MAGERR_APER": ("RMS error vector for fixed aperture mag.", "mag", "mag", "%9.5f"),
    "FWHM_IMAGE": ("FWHM assuming a gaussian core", "pixel", "pix", "%8.3f"),
    "FLAGS": ("Extraction flags", "", "", "%4d"),
}


def write_sources(
    exposure: Exposure,
    file: BinaryIO,
    format: ListFormat = "ascii-head",  # noqa: A002  the word of the command line
    apertures: Sequence[SourceCatalog] | None = None,
) -> None:
    """Write a source list with the columns of ``cpcs extract``.

    Parameters
    ----------
    exposure : Exposure
        Catalogues AUTO and APER; an absent kind is written as not measured.
    file : binary file
        Open for writing.
    format : {"ascii-head", "fits", "fits-ldac", "ecsv", "votable", "parquet"}
        ``fits`` and ``fits-ldac`` are SExtractor's FITS_1.0 and FITS_LDAC; the latter carries the
        frame's header.
    apertures : sequence of SourceCatalog, optional
        Several apertures make MAG_APER a vector; default the one of the exposure.

    Notes
    -----
    Pixels are written 1-based and unmeasured magnitudes as 99 in SExtractor's own formats; in
    ECSV, VOTable and Parquet they are written as NaN.
    """
    sextractor = format in {"ascii-head", "fits", "fits-ldac"}
    columns = _columns(exposure, apertures, unmeasured=UNMEASURED if sextractor else np.nan)
    if format == "ascii-head":
        file.write(_ascii_head(columns))
    elif format == "fits":
        _write_fits(columns, None, file)
    elif format == "fits-ldac":
        _write_fits(columns, exposure, file)
    else:
        _write_table(columns, exposure, file, format)


def _columns(
    exposure: Exposure, apertures: Sequence[SourceCatalog] | None, unmeasured: float
) -> dict[str, NDArray[Any]]:
    one = exposure.sources()
    auto = exposure.catalogs.get("AUTO")
    if apertures is None:
        apertures = [exposure.catalogs["APER"]] if "APER" in exposure.catalogs else []

    def filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(np.isfinite(values), values, unmeasured)

    def stacked(name: str) -> NDArray[np.float64]:
        parts = [filled(getattr(catalog, name)) for catalog in apertures]
        if not parts:
            return np.full(len(one), unmeasured)
        return parts[0] if len(parts) == 1 else np.column_stack(parts)

    nothing = np.full(len(one), np.nan)
    return {
        "NUMBER": np.arange(1, len(one) + 1, dtype=np.int32),
        "X_IMAGE": one.x + 1,
        "Y_IMAGE": one.y + 1,
        "ALPHA_J2000": one.ra,
        "DELTA_J2000": one.dec,
        "FLUX_AUTO": auto.flux if auto is not None else nothing,
        "MAG_AUTO": filled(auto.mag_inst if auto is not None else nothing),
        "MAGERR_AUTO": filled(auto.mag_inst_err if auto is not None else nothing),
        "MAG_APER": stacked("mag_inst"),
        "MAGERR_APER": stacked("mag_inst_err"),
        "FWHM_IMAGE": np.where(np.isfinite(one.fwhm), one.fwhm, 0.0),
        "FLAGS": one.flags.astype(np.int32),
    }


def _ascii_head(columns: dict[str, NDArray[Any]]) -> bytes:
    lines, place, cells, formats = [], 1, [], []
    for name, values in columns.items():
        text, unit, _, form = _COLUMNS[name]
        end = f" [{unit}]" if unit else ""
        lines.append(f"# {place:3d} {name:22s} {text:58s}{end}".rstrip())
        width = values.shape[1] if values.ndim > 1 else 1
        cells.append(values.reshape(len(values), width))
        formats += [form] * width
        place += width
    stream = io.StringIO()
    stream.write("\n".join(lines) + "\n")
    if len(columns["NUMBER"]):
        np.savetxt(stream, np.hstack(cells), fmt=formats)
    return stream.getvalue().encode("ascii")


def _write_fits(
    columns: dict[str, NDArray[Any]], exposure: Exposure | None, file: BinaryIO
) -> None:
    from astropy.io import fits

    hdus: list[Any] = [fits.PrimaryHDU()]
    name = "OBJECTS"
    if exposure is not None:
        cards = _frame_header(exposure)
        text = cards.tostring(sep="", endcard=True, padding=False)
        shape = f"(80,{len(text) // 80})"
        column = fits.Column(
            "Field Header Card", f"{len(text)}A", dim=shape, array=_card_rows(text)
        )
        hdus.append(fits.BinTableHDU.from_columns([column], name="LDAC_IMHEAD"))
        name = "LDAC_OBJECTS"
    stored = []
    for column_name, values in columns.items():
        letter = {"i": "J", "f": "D"}[values.dtype.kind]
        repeat = values.shape[1] if values.ndim > 1 else 1
        unit = _COLUMNS[column_name][2] or None
        stored.append(
            fits.Column(column_name, f"{repeat if repeat > 1 else ''}{letter}", unit, array=values)
        )
    hdus.append(fits.BinTableHDU.from_columns(stored, name=name))
    fits.HDUList(hdus).writeto(file)


def _card_rows(text: str) -> NDArray[Any]:
    cards = [text[n : n + 80] for n in range(0, len(text), 80)]
    return np.array([cards], dtype="U80")


def _frame_header(exposure: Exposure) -> Header:
    """Return a header that says of the frame what we know of it, mid-exposure time included."""
    from astropy.io.fits import Header

    frame = exposure.frame
    header = Header([("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 2)])
    if frame.shape is not None:
        header["NAXIS2"], header["NAXIS1"] = frame.shape
    if frame.wcs is not None:
        header.extend(frame.wcs.to_header(relax=True), update=True)
    for keyword, value, comment in (
        ("MJD-AVG", frame.mjd, "[d] middle of the exposure, UTC"),
        ("EXPTIME", frame.exposure_s, "[s] exposure time"),
        ("FILTER", frame.filter_header, ""),
        ("GAIN", frame.gain, "[e-/ADU]"),
        ("SATURATE", frame.saturation, "[ADU]"),
        ("RDNOISE", frame.read_noise, "[e-]"),
        ("AIRMASS", frame.airmass, ""),
        ("TELESCOP", frame.telescope, ""),
        ("INSTRUME", frame.instrument, ""),
        ("OBJECT", frame.object_name, ""),
    ):
        if value is not None:
            kept = value.encode("ascii", "replace").decode() if isinstance(value, str) else value
            header[keyword] = (kept, comment)
    return header


def _write_table(
    columns: dict[str, NDArray[Any]], exposure: Exposure, file: BinaryIO, kind: ListFormat
) -> None:
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        flat = {
            name: pa.array(values.tolist() if values.ndim > 1 else values)
            for name, values in columns.items()
        }
        known = {b"frame": json.dumps(_known(exposure)).encode()}
        pq.write_table(pa.table(flat).replace_schema_metadata(known), file)
        return
    table = _astropy_table(columns, exposure)
    if kind == "votable":
        table.write(file, format="votable")
    else:
        text = io.StringIO()
        table.write(text, format="ascii.ecsv")
        file.write(text.getvalue().encode("utf-8"))


def _astropy_table(columns: dict[str, NDArray[Any]], exposure: Exposure) -> Table:
    from astropy.table import Table

    table = Table(columns)
    for name in table.colnames:
        text, _, unit, _ = _COLUMNS[name]
        table[name].description = text
        if unit:
            table[name].unit = unit
    table.meta.update(_known(exposure))
    return table


def _known(exposure: Exposure) -> dict[str, float | str]:
    """Return what the list should carry of its frame."""
    frame = exposure.frame
    known = {"MJD-AVG": frame.mjd, "EXPTIME": frame.exposure_s, "FILTER": frame.filter_header}
    return {name: value for name, value in known.items() if value is not None}
