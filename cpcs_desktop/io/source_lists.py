"""Reading source lists: SExtractor's catalogues and other tables of measured stars."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.sources import Exposure, MagnitudeKind, SourceCatalog
from cpcs_desktop.io.celestial import celestial_wcs, pixel_scale_arcsec
from cpcs_desktop.io.frames import read_frame
from cpcs_desktop.io.header_cards import card_value, header_rows
from cpcs_desktop.io.header_values import header_values
from cpcs_desktop.io.list_columns import Array, ColumnReader
from cpcs_desktop.io.opening import file_sha256, quiet
from cpcs_desktop.io.tables import missing_column, read_columns

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    from cpcs_desktop.io.reading import Reading


_FRAME_ENDINGS = (".fits", ".fit", ".fts", ".fits.fz", ".fits.gz", ".fits.bz2")


def read_source_catalog(
    path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    reading: Reading | None = None,
) -> Exposure:
    """Read a source list.

    Parameters
    ----------
    path : path
        SExtractor's ASCII_HEAD, FITS_1.0, FITS_LDAC or ASCII_VOTABLE, DAOPHOT, CSV, ECSV,
        VOTable, Parquet or plain text; gzip and bzip2 are unpacked.
    columns : mapping, optional
        The observer's own choice, quantity (``list_columns.CHOOSABLE``) to column name.
    reading : Reading, optional
        What the observer chose for earlier lists; numbers of cameras, for the frame's header in an
        FITS_LDAC.

    Returns
    -------
    Exposure
        Catalogues AUTO, APER or both; pixels shifted to 0-based; magnitudes of 99 are NaN;
        ``missing`` names the quantities the list does not carry.

    Raises
    ------
    CpcsError
        ``unreadable``, ``not_fits``, ``missing_column``, or ``no_wcs`` for a list whose positions
        are all the same.
    """
    table = read_columns(path)
    if columns is None and reading is not None:
        columns = reading.chosen(tuple(table.columns))
    reader = ColumnReader(path, table, columns)
    with quiet():
        frame = _frame_of_list(path, table.header, reading)
    pixels = reader.pixels()
    if frame.wcs is None and pixels is not None and not reader.has_position():
        frame = _frame_beside(path, table.header, reading) or frame
    ra, dec = _positions(reader, pixels, frame.wcs)
    if len(ra) > 1 and np.ptp(ra) == 0 and np.ptp(dec) == 0:
        raise CpcsError(
            "no_wcs",
            f"All positions in {Path(path).name} are the same.",
            "The list was made from a frame without WCS: solve the frame and extract it again.",
        )
    kinds = dict(reader.magnitudes())
    if not kinds:
        raise missing_column(path, "MAG_AUTO or MAG_APER (magnitude)", table.columns)
    rows = len(ra)
    fwhm, flags = reader.fwhm(), reader.flags()
    unknown = np.full(rows, np.nan)
    x, y = pixels if pixels is not None else (unknown, unknown)
    catalogs = {
        cast("MagnitudeKind", kind): SourceCatalog(
            x=x,
            y=y,
            ra=ra,
            dec=dec,
            flux=values.flux,
            flux_err=values.flux_err,
            mag_inst=values.mag,
            mag_inst_err=values.mag_err,
            fwhm=fwhm if fwhm is not None else unknown,
            flags=flags if flags is not None else np.zeros(rows, dtype=np.int32),
            kind=cast("MagnitudeKind", kind),
            origin="table" if columns else "sextractor",
        )
        for kind, values in kinds.items()
    }
    absent = {
        "x": pixels is None,
        "y": pixels is None,
        "fwhm": fwhm is None,
        "flags": flags is None,
        "mjd": frame.mjd is None,
        "exposure_s": frame.exposure_s is None,
        "filter_header": frame.filter_header is None,
        "saturation": frame.saturation is None,
        "wcs": frame.wcs is None,
    }
    missing = frozenset(name for name, is_absent in absent.items() if is_absent)
    return Exposure(frame=frame, catalogs=catalogs, missing=missing)


def column_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the names of a list's columns, for the column chooser.

    Raises
    ------
    CpcsError
        As :func:`read_source_catalog`.
    """
    return tuple(read_columns(path).columns)


def _positions(
    reader: ColumnReader, pixels: tuple[Array, Array] | None, wcs: WCS | None
) -> tuple[Array, Array]:
    """Return the list's positions, or those its pixels have in the frame's WCS."""
    try:
        return reader.position()
    except CpcsError as error:
        if pixels is None:
            raise
        if wcs is None:
            error.hint += (
                " A list in pixels also does with its solved frame beside it, of the same name."
            )
            raise
    ra, dec = wcs.all_pix2world(*pixels, 0)
    return np.asarray(ra), np.asarray(dec)


def _frame_beside(
    path: str | os.PathLike[str], header: Header | None, reading: Reading | None
) -> Frame | None:
    """Return what is known of the solved frame that lies beside a list in pixels.

    It has the name the list tells (DAOPHOT's IMAGE), or the list's own with a frame's ending.
    """
    file = Path(path)
    named = str(card_value(header, "IMAGE") or "") if header is not None else ""
    stems = [Path(named.partition("[")[0]).name] if named else []
    stems += [file.name.removesuffix(file.suffix)]
    names = [stem + ending for stem in stems for ending in ("", *_FRAME_ENDINGS)]
    for name in names:
        beside = file.with_name(name)
        if beside == file or not beside.is_file():
            continue
        try:
            camera = None if reading is None else reading.camera_of(beside, None)
            frame = read_frame(beside, None, camera)
        except CpcsError:
            continue
        if frame.wcs is not None:
            return replace(
                frame, sha256=file_sha256(path), hdu=0, path=os.fspath(path), kind="list"
            )
    return None


def _frame_of_list(
    path: str | os.PathLike[str], header: Header | None, reading: Reading | None
) -> Frame:
    """Return the frame a list was made from, as far as the list tells."""
    sha256, name = file_sha256(path), os.fspath(path)
    if header is None:
        return Frame(sha256=sha256, hdu=0, path=name, kind="list")
    values = header_values(header)
    camera = None if reading is None else reading.camera(values.instrument)
    if camera is not None:
        values = header_values(header, camera)
    columns, rows = card_value(header, "NAXIS1"), card_value(header, "NAXIS2")
    shape = (
        (int(rows), int(columns)) if isinstance(rows, int) and isinstance(columns, int) else None
    )
    if shape is not None and min(shape) < 2:
        shape = None
    wcs = celestial_wcs(header, shape)
    return Frame(
        sha256=sha256,
        hdu=0,
        path=name,
        kind="list",
        mjd=values.mjd,
        exposure_s=values.exposure_s,
        filter_header=values.filter_header,
        gain=values.gain,
        saturation=values.saturation,
        read_noise=values.read_noise,
        wcs=wcs,
        shape=shape,
        pixel_scale_arcsec=pixel_scale_arcsec(wcs)
        if wcs is not None
        else values.pixel_scale_arcsec,
        airmass=values.airmass,
        telescope=values.telescope,
        instrument=values.instrument,
        object_name=values.object_name,
        pointing=values.pointing,
        guessed=values.guessed,
        header=header_rows(header),
    )
