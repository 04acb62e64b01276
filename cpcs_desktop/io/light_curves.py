"""Light curves out of the program, in the formats other programs read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.point import LightCurve
from cpcs_desktop.io.aavso import AavsoHeader, aavso_text
from cpcs_desktop.io.light_curve_table import Column, light_curve_columns

FORMATS = ("cpcs", "csv", "votable", "aavso", "ecsv", "parquet")


def write_light_curve(
    curve: LightCurve,
    file: Path | BinaryIO,
    file_format: str,
    *,
    event: Event | None = None,
    aavso: AavsoHeader | None = None,
) -> None:
    """Write a light curve.

    Parameters
    ----------
    curve : LightCurve
    file : Path or binary stream
        A path is replaced as a whole or not at all.
    file_format : {"cpcs", "csv", "votable", "aavso", "ecsv", "parquet"}
    event : Event, optional
        Its position gives HJD and BJD, and COOSYS.
    aavso : AavsoHeader, optional
        Who observed, for ``aavso``.

    Raises
    ------
    CpcsError
        ``bad_format``, ``unwritable``.
    """
    if file_format not in FORMATS:
        raise CpcsError(
            "bad_format",
            f"“{file_format}” is no format of a light curve.",
            f"Choose one of {', '.join(FORMATS)}.",
        )
    content = _WRITERS[file_format](curve, event, aavso)
    if not isinstance(file, Path):
        file.write(content)
        return
    temporary = file.with_name(file.name + ".part")
    try:
        temporary.write_bytes(content)
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CpcsError(
            "unwritable", f"{file} cannot be written: {error.strerror}.", "Choose another place."
        ) from error


def cpcs_arrays(curve: LightCurve) -> dict[str, Any]:
    """Return the old server's light-curve object: parallel arrays, ``magerr`` -1 for a limit."""
    return {
        "alert_name": curve.event,
        "mjd": [p.mjd for p in curve.points],
        "mag": [p.mag for p in curve.points],
        "magerr": [
            -1.0 if p.kind == "UPPER_LIMIT" or p.mag_err is None else p.mag_err
            for p in curve.points
        ],
        "caliberr": [p.calib_err for p in curve.points],
        "filter": [p.band.partition("/")[2] or p.band for p in curve.points],
        "catalog": [p.band.partition("/")[0] for p in curve.points],
        "observatory": [p.observatory for p in curve.points],
        "id": [p.id for p in curve.points],
    }


def _cpcs(curve: LightCurve, event: Event | None, aavso: AavsoHeader | None) -> bytes:
    del event, aavso
    return (json.dumps(cpcs_arrays(curve), ensure_ascii=False) + "\n").encode()


def _csv(curve: LightCurve, event: Event | None, aavso: AavsoHeader | None) -> bytes:
    del aavso
    columns = light_curve_columns(curve, event)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([c.name for c in columns])
    for row in zip(*(c.values for c in columns), strict=True):
        writer.writerow([_cell(value) for value in row])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _aavso(curve: LightCurve, event: Event | None, aavso: AavsoHeader | None) -> bytes:
    del event
    return aavso_text(curve, aavso or AavsoHeader()).encode("ascii", "replace")


def _ecsv(curve: LightCurve, event: Event | None, aavso: AavsoHeader | None) -> bytes:
    del aavso
    text = io.StringIO()
    _astropy_table(curve, event).write(text, format="ascii.ecsv", serialize_method="data_mask")
    return text.getvalue().encode()


def _votable(curve: LightCurve, event: Event | None, aavso: AavsoHeader | None) -> bytes:
    del aavso
    from cpcs_desktop.io.light_curve_votable import votable_bytes

    return votable_bytes(curve, event)


def _parquet(curve: LightCurve, event: Event | None, aavso: AavsoHeader | None) -> bytes:
    del aavso
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {float: pa.float64(), int: pa.int64(), bool: pa.bool_(), str: pa.string()}
    columns = light_curve_columns(curve, event)
    schema = pa.schema(
        [pa.field(c.name, types[c.kind], metadata=_column_words(c)) for c in columns],
        metadata={"event": curve.event, "time_scale": "UTC", "time_origin": "MJD"},
    )
    table = pa.table([pa.array(c.values, types[c.kind]) for c in columns], schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _column_words(column: Column) -> dict[str, str]:
    words = {"description": column.description, "unit": column.unit, "ucd": column.ucd}
    return {name: word for name, word in words.items() if word}


def _astropy_table(curve: LightCurve, event: Event | None) -> Any:
    import numpy as np
    from astropy.table import MaskedColumn, Table

    columns = []
    blanks: dict[type, Any] = {float: np.nan, int: 0, bool: False, str: ""}
    types: dict[type, Any] = {float: np.float64, int: np.int64, bool: np.bool_, str: np.str_}
    for c in light_curve_columns(curve, event):
        mask = [v is None for v in c.values]
        # A line of ECSV is a row, quoted or not: line breaks in names become blanks.
        values = np.array(
            [
                blanks[c.kind] if v is None else " ".join(v.split()) if c.kind is str else v
                for v in c.values
            ],
            dtype=types[c.kind],
        )
        columns.append(
            MaskedColumn(
                values,
                name=c.name,
                mask=mask,
                unit=c.unit,
                description=c.description,
                meta={"ucd": c.ucd} if c.ucd else None,
            )
        )
    table = Table(columns)
    table.meta["event"] = curve.event
    table.meta["time_scale"] = "UTC"
    return table


_Writer = Callable[[LightCurve, Event | None, AavsoHeader | None], bytes]
_WRITERS: dict[str, _Writer] = {
    "cpcs": _cpcs,
    "csv": _csv,
    "votable": _votable,
    "aavso": _aavso,
    "ecsv": _ecsv,
    "parquet": _parquet,
}
