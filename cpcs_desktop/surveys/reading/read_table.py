"""Any file of reference stars, told by its content, never by its name."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.reading.raw_table import RawTable
from cpcs_desktop.surveys.reading.text_table import read_text_table

if TYPE_CHECKING:
    from astropy.table import Table

_COMPRESSIONS = (
    (b"\x1f\x8b", gzip.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ\x00", lzma.decompress),
)


def read_table(path: str | Path) -> RawTable:
    """Read FITS, VOTable, ECSV, Parquet, JSON of TAP and MAST, CSV, TSV or blank-separated text.

    Compressed files (gz, bz2, xz) are opened on the way.

    Raises
    ------
    CpcsError
        Code ``unreadable``.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise CpcsError(
            "unreadable",
            f"{path} cannot be opened: {error.strerror}.",
            "Check the path and its permissions.",
        ) from error
    try:
        for magic, decompress in _COMPRESSIONS:
            if content.startswith(magic):
                content = decompress(content)
        return _read_content(content)
    except CpcsError as error:
        raise CpcsError(error.code, f"{path}: {error.message}", error.hint, error.found) from error
    except Exception as error:
        # whatever a parser stumbles over in a foreign file is a file that cannot be read
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CpcsError(
            "unreadable",
            f"{path} cannot be read as a table: {reason}.",
            "FITS, VOTable, ECSV, Parquet, CSV and TSV tables are understood.",
        ) from error


def _read_content(content: bytes) -> RawTable:
    head = content[:4096].lstrip()
    if not head:
        raise CpcsError("unreadable", "The file is empty.", "Fetch or export it again.")
    if content.startswith(b"SIMPLE"):
        return _read_fits(content)
    if content.startswith(b"PAR1"):
        return _read_parquet(content)
    if head.startswith((b"<?xml", b"<VOTABLE", b"<!DOCTYPE VOTABLE")):
        return _read_votable(content)
    if head.startswith(b"# %ECSV"):
        from astropy.table import Table

        return from_astropy(Table.read(content.decode().splitlines(), format="ascii.ecsv"))
    if head.startswith(b"{"):
        return _read_json(content)
    return read_text_table(content)


def from_astropy(table: Table) -> RawTable:
    """Return an astropy table's one-dimensional columns; masked numbers become NaN."""
    columns, units = {}, {}
    for name in table.colnames:
        column = table[name]
        if column.ndim != 1:
            continue
        masked = np.ma.asarray(column)
        values, mask = np.asarray(masked.data), np.ma.getmaskarray(masked)
        if mask.any():
            # a 64-bit id would lose digits as a float; as a text it keeps them
            if values.dtype.kind in "fiub" and values.dtype.itemsize < 8 + (
                values.dtype.kind == "f"
            ):
                values = np.where(mask, np.nan, values.astype(np.float64))
            else:
                values = np.where(mask, "", values.astype(np.str_))
        columns[name] = values
        if column.unit is not None:
            units[name] = str(column.unit)
    return RawTable(columns, units)


def _read_fits(content: bytes) -> RawTable:
    from astropy.io import fits
    from astropy.table import Table

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd units and display formats do not touch the values
        with fits.open(io.BytesIO(content)) as hdus:
            tables = [
                hdu
                for hdu in hdus
                if isinstance(hdu, fits.BinTableHDU | fits.TableHDU) and hdu.name != "LDAC_IMHEAD"
            ]
            if not tables:
                raise CpcsError(
                    "unreadable",
                    "The FITS file holds no table.",
                    "Give the file of the reference stars, not the frame.",
                )
            largest = max(tables, key=lambda hdu: int(hdu.header["NAXIS2"]))
            return from_astropy(Table.read(largest))


def _read_votable(content: bytes) -> RawTable:
    from astropy.io import votable

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # services bend the standard; the values are what counts
        document = votable.parse(io.BytesIO(content), verify="ignore")
        tables = list(document.iter_tables())
        if not tables:
            raise CpcsError("unreadable", "The VOTable holds no table.", "Fetch it again.")
        largest = max(tables, key=lambda t: t.nrows)
        return from_astropy(largest.to_table(use_names_over_ids=True))


def _read_parquet(content: bytes) -> RawTable:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(content))
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_nested(column.type):
            continue
        if pa.types.is_int64(column.type) and column.null_count:
            values: Any = np.array(["" if v is None else str(v) for v in column.to_pylist()])
        else:
            values = column.to_numpy(zero_copy_only=False)
        columns[name] = np.asarray(values)
    return RawTable(columns, _parquet_units(table.schema.metadata or {}))


def _parquet_units(metadata: dict[bytes, bytes]) -> dict[str, str]:
    """Return the units that astropy keeps in a Parquet file's metadata."""
    header = metadata.get(b"table_meta_yaml")
    if header is None:
        return {}
    from astropy.table import meta

    described = meta.get_header_from_yaml(header.decode().splitlines())["datatype"]
    return {c["name"]: str(c["unit"]) for c in described if c.get("unit")}


def _read_json(content: bytes) -> RawTable:
    """Read the JSON of TAP services (``metadata``) and of MAST (``info``)."""
    answer = json.loads(content)
    fields = answer.get("metadata") or answer.get("info") or answer.get("fields")
    if not fields or "data" not in answer:
        raise CpcsError("unreadable", "The JSON holds no table of a TAP service or MAST.", "")
    names = [f["name"] for f in fields]
    rows = answer["data"]
    if rows and isinstance(rows[0], dict):
        rows = [[row.get(n) for n in names] for row in rows]
    by_column = list(zip(*rows, strict=True)) or [()] * len(names)
    columns = {n: _json_column(values) for n, values in zip(names, by_column, strict=True)}
    return RawTable(columns, {f["name"]: f["unit"] for f in fields if f.get("unit")})


def _json_column(values: tuple[Any, ...]) -> NDArray[np.generic]:
    if all(isinstance(v, bool) for v in values):
        return np.array(values)
    if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        return np.array(values, dtype=np.int64)
    if all(v is None or isinstance(v, int | float) for v in values):
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    return np.array(["" if v is None else str(v) for v in values])
