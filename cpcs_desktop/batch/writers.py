"""Where the lines of a batch go: JSON Lines, ECSV or Parquet, appearing whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["jsonl", "ecsv", "parquet"]
#: Lines kept in memory before they become a row group.
ROW_GROUP = 500

#: Columns of the tables: name -> (path in the JSON line, type, unit, meaning).
COLUMNS: dict[str, tuple[str, type, str | None, str]] = {
    "path": ("path", str, None, "input as typed"),
    "status": ("status", str, None, "ok or failed"),
    "error_code": ("error.code", str, None, "why it failed"),
    "error_message": ("error.message", str, None, "one sentence"),
    "error_hint": ("error.hint", str, None, "what to do"),
    "sha256": ("sha256", str, None, "digest of the file"),
    "hdu": ("hdu", int, None, "image of the file"),
    "kind": ("kind", str, None, "frame or list"),
    "event": ("event", str, None, "ivorn"),
    "target_ra": ("target.ra", float, "deg", "position asked for"),
    "target_dec": ("target.dec", float, "deg", "position asked for"),
    "mjd": ("mjd", float, "d", "mid-exposure, UTC"),
    "exposure_s": ("exposure_s", float, "s", "exposure time"),
    "filter_header": ("filter_header", str, None, "filter as the header says"),
    "band": ("band", str, None, "chosen band"),
    "choice_ambiguous": ("choice.ambiguous", bool, None, "whether the band is a best guess"),
    "choice_runner_up": ("choice.runner_up", str, None, "next best band"),
    "choice_margin": ("choice.margin", float, None, "by how much the band was better"),
    "magnitude_kind": ("magnitude_kind", str, None, "AUTO or APER"),
    "mag": ("mag", float, "mag", "of the target, or its limit"),
    "mag_err": ("mag_err", float, "mag", "photon noise"),
    "mag_err_total": ("mag_err_total", float, "mag", "all known errors"),
    "is_limit": ("is_limit", bool, None, "whether mag is an upper limit"),
    "limit_reason": ("limit_reason", str, None, "why it was not found"),
    "source_ra": ("source.ra", float, "deg", "measured position"),
    "source_dec": ("source.dec", float, "deg", "measured position"),
    "offset_arcsec": ("source.offset_arcsec", float, "arcsec", "from the position asked for"),
    "zero_point": ("zero_point", float, "mag", "m_ref - m_inst"),
    "zero_point_err": ("zero_point_err", float, "mag", "1 sigma"),
    "scatter": ("scatter", float, "mag", "intrinsic scatter of the stars"),
    "outlier_fraction": ("outlier_fraction", float, None, "share of stars that do not belong"),
    "n_sources": ("n_sources", int, None, "sources on the frame"),
    "n_matched": ("n_matched", int, None, "pairs with reference stars"),
    "n_used": ("n_used", float, None, "sum of memberships"),
    "match_radius_arcsec": ("match_radius_arcsec", float, "arcsec", "acceptance radius"),
    "sigma_radec_arcsec": ("sigma_radec_arcsec", float, "arcsec", "scatter of positions"),
    "comment": ("comment", str, None, "the observer's"),
    "software": ("software", str, None, "what calibrated it"),
    "settings_digest": ("settings_digest", str, None, "of the quality parameters"),
}


class LineWriter(Protocol):
    """Takes the lines of a batch one after the other."""

    def __init__(self, file: IO[bytes]) -> None: ...

    def write(self, line: str) -> None:
        """Take one JSON line."""

    def finish(self) -> None:
        """Write what is left."""


def format_of(path: Path, wanted: str | None) -> Format:
    """Return the format asked for, or the one that the file's name says."""
    if wanted in {"jsonl", "ecsv", "parquet"}:
        return wanted  # type: ignore[return-value]
    suffix = path.suffix.lower()
    return "parquet" if suffix == ".parquet" else "ecsv" if suffix == ".ecsv" else "jsonl"


@contextmanager
def written(path: Path, how: Format) -> Iterator[LineWriter]:
    """Open an output that takes its name only when it is complete.

    Raises
    ------
    CpcsError
        ``unwritable``.
    """
    with replacing(path) as file:
        kinds: dict[Format, type[LineWriter]]
        kinds = {"jsonl": _JsonLines, "ecsv": _Ecsv, "parquet": _Parquet}
        writer = kinds[how](file)
        try:
            yield writer
        finally:  # of what was interrupted too: the file is still open, and about to be removed
            writer.finish()


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside its name and rename it at the end; an exception leaves the old one.

    Raises
    ------
    CpcsError
        ``unwritable``.
    """
    try:
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115  it lives on under another name
            dir=path.absolute().parent, prefix=f".{path.name}.", suffix=".part", delete=False
        )
    except OSError as error:
        raise _unwritable(path, error) from error
    temporary = Path(file.name)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def row_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of one JSON line."""
    row = {}
    for name, (place, *_) in COLUMNS.items():
        value: Any = line
        for key in place.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        row[name] = value
    return row


class _JsonLines:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, line: str) -> None:
        self._file.write(line.encode() + b"\n")

    def finish(self) -> None:
        pass


class _Ecsv:
    """Comma-separated values under an ECSV header; an unknown value is an empty field."""

    def __init__(self, file: IO[bytes]) -> None:
        from astropy.table import Column, Table

        empty = [
            Column([], name=name, dtype=kind, unit=unit, description=meaning)
            for name, (_, kind, unit, meaning) in COLUMNS.items()
        ]
        text = io.StringIO()
        Table(empty).write(text, format="ascii.ecsv", delimiter=",")
        file.write(text.getvalue().encode())
        self._file = file

    def write(self, line: str) -> None:
        text = io.StringIO()
        row = row_of(json.loads(line)).values()
        csv.writer(text, lineterminator="\n").writerow(["" if v is None else v for v in row])
        self._file.write(text.getvalue().encode())

    def finish(self) -> None:
        pass


class _Parquet:
    """Columns as above, and the fits of all bands and the checks as lists."""

    def __init__(self, file: IO[bytes]) -> None:
        import pyarrow.parquet as pq

        self._schema = _schema()
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, line: str) -> None:
        content = json.loads(line)
        lists = {name: content.get(name) for name in ("fits", "checks", "observers")}
        self._rows.append({**row_of(content), **lists})
        if len(self._rows) == ROW_GROUP:
            self._flush()

    def finish(self) -> None:
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows.clear()


def _schema() -> pa.Schema:
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}

    def record(**fields: type) -> pa.DataType:
        return pa.list_(pa.struct([pa.field(n, types[k]) for n, k in fields.items()]))

    fits = record(
        band=str, status=str, zero_point=float, zero_point_err=float, scatter=float,
        scatter_err=float, outlier_fraction=float, n_matched=int, n_used=float, colour_slope=float,
        colour_slope_err=float, largest_weight=float, rank=int, reason=str, converged=str,
    )  # fmt: skip
    checks = record(code=str, level=str, value=float, message=str)
    flat = [
        pa.field(name, types[kind], metadata={"unit": unit or "", "description": meaning})
        for name, (_, kind, unit, meaning) in COLUMNS.items()
    ]
    nested = [("fits", fits), ("checks", checks), ("observers", pa.list_(pa.string()))]
    return pa.schema([*flat, *(pa.field(name, kind) for name, kind in nested)])


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> CpcsError:
    return CpcsError(
        "unwritable",
        f"{path} cannot be written: {error.strerror}.",
        "Choose another file with -o.",
    )
