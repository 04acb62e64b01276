"""One pixel's Parquet file: stars sorted by ``_healpix_29``, zstd, row groups of about 20,000."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.survey import ReferenceSurvey
from cpcs_desktop.surveys.decoded import DecodedGroups, LatestUsed
from cpcs_desktop.surveys.places import readable, version_of
from cpcs_desktop.surveys.star_table import StarTable

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 20_000
#: A file's footer and the first and last cell of each of its row groups.
Footer = tuple[Any, NDArray[np.int64], NDArray[np.int64]]


def schema_of(survey: ReferenceSurvey, *, text_ids: bool) -> pa.Schema:
    """Return the columns of a survey's catalogue."""
    import pyarrow as pa

    fields = [
        pa.field("_healpix_29", pa.int64()),
        pa.field("source_id", pa.string() if text_ids else pa.int64()),
        pa.field("ra", pa.float64()),
        pa.field("dec", pa.float64()),
    ]
    if survey.has_proper_motion:
        fields += [pa.field("pmra", pa.float32()), pa.field("pmdec", pa.float32())]
    for band in survey.bands:
        fields += [
            pa.field(f"{band.letter}_mag", pa.float32()),
            pa.field(f"{band.letter}_mag_err", pa.float32()),
        ]
    return pa.schema([*fields, pa.field("flags", pa.int32())])


def write_pixel(path: Path, stars: StarTable, survey: ReferenceSurvey, *, text_ids: bool) -> None:
    """Write one pixel; no stars make an empty file with the same columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    stars = stars.sorted()
    ids = stars.source_id.astype(str).tolist() if text_ids else stars.source_id
    arrays: list[Any] = [stars.healpix_29, ids, stars.ra, stars.dec]
    if survey.has_proper_motion:
        arrays += [stars.pmra, stars.pmdec]
    for k in range(len(survey.bands)):
        arrays += [np.ascontiguousarray(stars.mag[:, k]), np.ascontiguousarray(stars.mag_err[:, k])]
    arrays.append(stars.flags)
    schema = schema_of(survey, text_ids=text_ids)
    table = pa.Table.from_arrays(
        [pa.array(a, type=f.type) for a, f in zip(arrays, schema, strict=True)], schema=schema
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP, use_dictionary=False)


def write_schema(path: Path, survey: ReferenceSurvey, *, text_ids: bool) -> None:
    """Write the catalogue's ``_common_metadata``: the columns of every pixel."""
    import pyarrow.parquet as pq

    pq.write_metadata(schema_of(survey, text_ids=text_ids), path)


def read_pixel(path: Path, survey: ReferenceSurvey) -> StarTable:
    """Read all stars of one pixel."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return from_arrow(file.read(use_threads=False), survey)


def from_arrow(table: pa.Table, survey: ReferenceSurvey) -> StarTable:
    """Return the stars of an arrow table with the columns of :func:`schema_of`."""
    columns = {name: table.column(name) for name in table.column_names}

    def numpy(name: str) -> NDArray[Any]:
        return np.asarray(columns[name].to_numpy())

    n = table.num_rows
    mag = np.empty((n, len(survey.bands)), np.float32)
    err = np.empty_like(mag)
    for k, band in enumerate(survey.bands):
        mag[:, k] = numpy(f"{band.letter}_mag")
        err[:, k] = numpy(f"{band.letter}_mag_err")
    ids = numpy("source_id")
    return StarTable(
        healpix_29=numpy("_healpix_29"),
        source_id=ids.astype(np.str_) if ids.dtype == object else ids,
        ra=numpy("ra"),
        dec=numpy("dec"),
        pmra=numpy("pmra") if survey.has_proper_motion else None,
        pmdec=numpy("pmdec") if survey.has_proper_motion else None,
        mag=mag,
        mag_err=err,
        flags=numpy("flags"),
    )


def empty_stars(survey: ReferenceSurvey, *, text_ids: bool) -> StarTable:
    """Return a table without stars."""
    return from_arrow(schema_of(survey, text_ids=text_ids).empty_table(), survey)


class PixelReader:
    """Reads parts of one pixel's file; knows which row group holds which cells.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = version_of(path)
        #: Opened for its footer and not yet read: opening costs as much as decoding.
        self._opened: Any = None
        footer = _FOOTERS.get((str(path), self._version), self._read_footer)
        self._footer, self._low, self._high = footer

    def read(
        self, start: NDArray[np.int64], end: NDArray[np.int64], survey: ReferenceSurvey
    ) -> StarTable | None:
        """Return the stars whose cells lie in sorted, disjoint ranges; None without any.

        Only the row groups that touch a range are read.
        """
        first = np.searchsorted(end, self._low, side="right")
        last = np.searchsorted(start, self._high, side="right")
        groups = np.flatnonzero(last > first).tolist()
        if not groups:
            self._opened = None
            return None
        key = (str(self.path), self._version, tuple(groups))
        table = _DECODED.get(key, lambda: self._decode(groups))
        cells = table.column("_healpix_29").to_numpy()
        low, high = np.searchsorted(cells, start), np.searchsorted(cells, end)
        rows = high > low
        if not rows.any():
            return None
        low, high = low[rows], high[rows]
        chosen = np.concatenate([np.arange(a, b) for a, b in zip(low, high, strict=True)])
        begin = int(chosen[0])
        part = table.slice(begin, int(chosen[-1]) + 1 - begin)
        return from_arrow(part, survey).rows(chosen - begin)

    def _decode(self, groups: list[int]) -> Any:
        import pyarrow.parquet as pq

        opened, self._opened = self._opened, None
        with opened or pq.ParquetFile(readable(self.path), metadata=self._footer) as file:
            return file.read_row_groups(groups, use_threads=len(groups) > 4)

    def _read_footer(self) -> Footer:
        import pyarrow.parquet as pq

        self._opened = pq.ParquetFile(readable(self.path))
        return _understood(self._opened.metadata)


_DECODED = DecodedGroups()
_FOOTERS: LatestUsed[tuple[str, Hashable], Footer] = LatestUsed(512)


def _understood(footer: Any) -> Footer:
    """Return a footer with each row group's first and last cell."""
    column = footer.schema.names.index("_healpix_29")
    stats = [footer.row_group(k).column(column).statistics for k in range(footer.num_row_groups)]
    known = [s is not None and s.has_min_max for s in stats]
    # a group that does not say where it lies is read every time
    low = [s.min if k else 0 for s, k in zip(stats, known, strict=True)]
    high = [s.max if k else 1 << 62 for s, k in zip(stats, known, strict=True)]
    return footer, np.array(low, np.int64), np.array(high, np.int64)
