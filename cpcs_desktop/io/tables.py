"""Columns of a source list, whatever the file's format."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.daophot import allstar_table, iraf_table
from cpcs_desktop.io.header_cards import card_value
from cpcs_desktop.io.opening import fits_failures, open_fits, quiet, unreadable, whole_content
from cpcs_desktop.io.sniff import TableFormat, table_format

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header
    from astropy.table import Table

#: Lists above this many bytes are something else.
LIST_LIMIT = 1 << 30
_COLUMN_LINE = re.compile(r"^#\s*(\d+)\s+([A-Za-z]\w*)")


@dataclass(frozen=True)
class ListColumns:
    """Columns of a list as they stand in the file.

    Parameters
    ----------
    columns : mapping from name to ndarray
        Shape (n,), or (n, k) for vector columns such as MAG_APER(3).
    header : astropy.io.fits.Header or None
        Header of the frame the list was made from, where the file carries it.
    format : str
    """

    columns: Mapping[str, NDArray[Any]]
    header: Header | None
    format: TableFormat

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0


def read_columns(path: str | os.PathLike[str]) -> ListColumns:
    """Read all columns of a list.

    Columns of a plain text file without names are called ``col1``, ``col2`` ...

    Raises
    ------
    CpcsError
        ``unreadable`` with the reason, ``not_fits`` when it is no list at all.
    """
    kind = table_format(path)
    if kind == "fits":
        with open_fits(path) as hdus:
            return _fits_columns(path, hdus)
    content = whole_content(path, LIST_LIMIT)
    if kind == "sextractor":
        return ListColumns(_sextractor_columns(path, content), None, kind)
    with quiet():
        try:
            table = _astropy_table(content, kind)
        except fits_failures() as error:
            raise unreadable(path, f"is damaged ({' '.join(str(error).split())[:100]})") from error
    columns = {name: np.ma.asanyarray(table[name]) for name in table.colnames}
    plain = {name: _plain(column) for name, column in columns.items()}
    return ListColumns(plain, _header_of_meta(table.meta), kind)


def _header_of_meta(meta: Mapping[str, Any]) -> Header | None:
    """Make a header of what a table says of its frame, such as MJD-AVG, EXPTIME and FILTER."""
    from astropy.io.fits import Header

    header = Header()
    for name, value in meta.items():
        short = isinstance(value, int | float | str) and len(str(value)) < 60
        if short and re.fullmatch(r"[A-Za-z0-9_-]{1,8}", str(name)):
            text = value.encode("ascii", "replace").decode() if isinstance(value, str) else value
            header[str(name).upper()] = text
    return header if len(header) else None


def _plain(column: Any) -> NDArray[Any]:
    """Fill the gaps of a masked column: NaN for numbers, nothing for texts."""
    if not np.ma.isMaskedArray(column):
        return np.asarray(column)
    if column.dtype.kind in "iufb":
        return np.asarray(np.ma.filled(column.astype(np.float64), np.nan))
    return np.asarray(np.ma.filled(column, "" if column.dtype.kind in "US" else None))


def _astropy_table(content: bytes, kind: TableFormat) -> Table:
    from astropy.table import Table

    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pq.read_table(io.BytesIO(content))
        columns = {
            name: np.array(rows[name].to_pylist())
            if pa.types.is_list(rows[name].type)
            else rows[name].to_numpy()
            for name in rows.column_names
        }
        known = json.loads((rows.schema.metadata or {}).get(b"frame", b"{}"))
        return Table(columns, meta=known)
    if kind == "votable":
        return Table.read(io.BytesIO(_with_array_sizes(content)), format="votable", table_id=0)
    text = content.decode("utf-8", errors="replace")
    if kind == "ecsv":
        return Table.read(text, format="ascii.ecsv")
    if kind == "daophot":
        return iraf_table(text)
    if kind == "allstar":
        return allstar_table(text)
    return _text_table(text)


def _with_array_sizes(content: bytes) -> bytes:
    """Declare vector columns: source-extractor writes MAG_APER(3) as a FIELD without arraysize."""
    row = re.search(rb"<TR>(.*?)</TR>", content, re.DOTALL)
    fields = list(re.finditer(rb"<FIELD\b[^>]*>", content))
    if row is None or len(fields) == 0:
        return content
    cells = re.findall(rb"<TD>(.*?)</TD>", row.group(1), re.DOTALL)
    parts, place = [], 0
    for field, cell in zip(fields, cells, strict=False):
        size = len(cell.split())
        if size > 1 and b"arraysize" not in field.group() and b'"char"' not in field.group():
            at = field.start() + len(b"<FIELD")
            parts += [content[place:at], b' arraysize="%d"' % size]
            place = at
    return b"".join([*parts, content[place:]])


def _text_table(text: str) -> Table:
    """Read CSV, TSV or blanks, with names in the first line, in a comment, or nowhere."""
    from astropy.table import Table

    lines = text.splitlines()
    rows = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    first = rows[0]
    delimiter = next((d for d in ("\t", ";", ",", "|") if d in first), None)
    cells = [cell.strip().strip('"') for cell in first.split(delimiter)]
    named = all(
        re.match(r"[A-Za-z_]", cell) and cell.lower() not in {"nan", "inf"} for cell in cells
    )
    names = None
    if not named:
        comments = [line.lstrip("# ").split(delimiter) for line in lines if line.startswith("#")]
        same = [c for c in comments if len(c) == len(cells) and all(part.strip() for part in c)]
        names = [part.strip() for part in same[-1]] if same else None
        if names is not None and len(set(names)) != len(names):
            names = None
    return Table.read(
        rows,
        format="ascii.csv" if delimiter == "," else "ascii.basic",
        delimiter=delimiter or " ",
        header_start=0 if named else None,
        data_start=1 if named else 0,
        names=names if names is not None or named else [f"col{n + 1}" for n in range(len(cells))],
        fast_reader=True,
    )


def _sextractor_columns(path: str | os.PathLike[str], content: bytes) -> dict[str, NDArray[Any]]:
    """Read ASCII_HEAD; where the header's numbers jump, the column before is a vector."""
    text = content.decode("latin-1")
    starts: dict[int, str] = {}
    for line in text.splitlines():
        if match := _COLUMN_LINE.match(line):
            starts[int(match.group(1)) - 1] = match.group(2).upper()
        elif line.strip() and not line.startswith("#"):
            break
    places = sorted(starts)
    rows = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        empty = np.empty((0, max(places) + 1))
        cells = np.loadtxt(rows, comments="#", ndmin=2, dtype=np.float64) if rows else empty
    except ValueError as error:
        reason = str(error).split(";", maxsplit=1)[0]
        raise unreadable(
            path, f"is damaged ({reason})", "Write the list again with source-extractor."
        ) from error
    if cells.shape[1] <= max(places):
        raise unreadable(path, f"has {cells.shape[1]} columns where its header names more")
    columns = {}
    for place, after in zip(places, [*places[1:], cells.shape[1]], strict=True):
        columns[starts[place]] = cells[:, place] if after == place + 1 else cells[:, place:after]
    return columns


def _fits_columns(path: str | os.PathLike[str], hdus: HDUList) -> ListColumns:
    """Read FITS_LDAC (frame header inside), FITS_1.0 and other single tables."""
    from astropy.io import fits

    tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)]
    tables = [hdu for hdu in tables if not isinstance(hdu, fits.CompImageHDU)]
    chosen = next((hdu for hdu in tables if hdu.name == "LDAC_OBJECTS"), None)
    head = next((hdu for hdu in tables if hdu.name == "LDAC_IMHEAD"), None)
    chosen = chosen or next((hdu for hdu in tables if hdu is not head), None)
    if chosen is None:
        raise unreadable(path, "holds no table of sources")
    header = hdus[0].header if card_value(hdus[0].header, "DATE-OBS") is not None else None
    if head is not None and len(head.data):
        header = _ldac_header(head.data[0][0])
    data = chosen.data
    if data is None:
        raise unreadable(path, "holds an empty table")
    columns = {name.upper(): _native(data[name]) for name in chosen.columns.names}
    return ListColumns(columns, header, "fits")


def _native(column: Any) -> NDArray[Any]:
    values = np.asarray(column)
    return values.astype(values.dtype.newbyteorder("=")) if values.dtype.kind in "iuf" else values


def _ldac_header(cards: Any) -> Header:
    """Rebuild a frame's header from the 80-character cards of LDAC_IMHEAD."""
    from astropy.io.fits import Header

    lines = [cards] if isinstance(cards, str) else [str(card) for card in np.ravel(cards)]
    if len(lines) == 1:
        lines = [lines[0][n : n + 80] for n in range(0, len(lines[0]), 80)]
    header: Header = Header.fromstring("".join(line.ljust(80)[:80] for line in lines))
    return header


def missing_column(
    path: str | os.PathLike[str], wanted: str, present: Mapping[str, Any]
) -> CpcsError:
    """Return the error for a list without a column that calibration needs."""
    names = ", ".join(list(present)[:40])
    return CpcsError(
        "missing_column",
        f"{Path(path).name} has no column {wanted}.",
        "Add it to the parameters of source-extractor, or say which column it is (window: Columns"
        f" of a list; command line: --columns). The list has {names}.",
    )
