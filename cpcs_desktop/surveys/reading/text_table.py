"""Tables written as text: CSV and TSV of VizieR, MAST and the Gaia archive, REFCAT2, IRAF."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.reading.raw_table import MISSING_TEXTS, RawTable

_SEPARATORS = ("\t", ",", ";", "|")
_RULE = re.compile(r"[-=+\s|,;]*-{1,}[-=+\s|,;]*")
_IRAF_FIELD = re.compile(r"#\s*(\S+)\s+(\d+)\s+\d+\s+[a-z]\s")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")

#: Columns of the one-degree files of ATLAS-REFCAT2 in order, and what their integers are divided
#: by (README of the distribution; Tonry et al. 2018, ApJ 867, 105, table 4); 0 for texts.
REFCAT2_DIVISORS = {
    "RA": 10**8, "Dec": 10**8, "plx": 100, "dplx": 100,
    "pmra": 100, "dpmra": 100, "pmdec": 100, "dpmdec": 100,
    "Gaia": 1000, "dGaia": 1000, "BP": 1000, "dBP": 1000, "RP": 1000, "dRP": 1000,
    "Teff": 1, "AGaia": 1000, "dupvar": 1, "Ag": 1000, "rp1": 10, "r1": 10, "r10": 10,
    "g": 1000, "dg": 1000, "gchi": 100, "gcontrib": 0,
    "r": 1000, "dr": 1000, "rchi": 100, "rcontrib": 0,
    "i": 1000, "di": 1000, "ichi": 100, "icontrib": 0,
    "z": 1000, "dz": 1000, "zchi": 100, "zcontrib": 0, "nstat": 1,
    "J": 1000, "dJ": 1000, "H": 1000, "dH": 1000, "K": 1000, "dK": 1000,
}  # fmt: skip


def read_text_table(content: bytes) -> RawTable:
    """Read a table of text.

    Understood are comment lines with ``#``, a header line (also inside the last comment), VizieR's
    line of units and line of dashes, separators tab, comma, semicolon, bar or blanks, IRAF's
    catalogue header, and the headerless scaled integers of the REFCAT2 distribution.

    Raises
    ------
    CpcsError
        Code ``unreadable`` when no table can be seen in it.
    """
    text = content.decode("utf-8-sig", errors="replace")
    comments, body = _split_comments(text)
    if not body:
        raise CpcsError("unreadable", "The file holds no rows.", "Export it again.")
    separator = _separator(body)
    first = _fields(body[0], separator)
    units: list[str] = []
    if _is_data(first):
        names = _header_of_comments(comments, len(first), separator)
        if names is None and len(first) == len(REFCAT2_DIVISORS):
            return _refcat2_integers(body, separator)
        rows = body
    else:
        names, rows = first, body[1:]
        for place in range(min(2, len(rows))):
            if _RULE.fullmatch(rows[place]):
                units = _fields(rows[0], separator) if place == 1 else []
                rows = rows[place + 1 :]
                break
    if names is None:
        raise CpcsError(
            "missing_column",
            "The table has no line with column names.",
            "Put a first line such as ra,dec,V,V_err above the rows.",
        )
    columns = _columns(names, rows, separator)
    named_units = {n: u for n, u in zip(names, units, strict=False) if u}
    return RawTable(columns, named_units)


def _split_comments(text: str) -> tuple[list[str], list[str]]:
    comments, body = [], []
    for line in text.splitlines():
        if line.startswith("#") or line.lstrip().startswith(("# ", "#\t")):
            comments.append(line.strip())
        elif line.strip():
            body.append(line)
    return comments, body


def _separator(body: list[str]) -> str | None:
    """Return the separator that most sample lines agree on, None for blanks."""
    sample = body[:1] + body[3:20]
    for separator in _SEPARATORS:
        counts = [line.count(separator) for line in sample]
        if min(counts) >= 1 and counts.count(counts[0]) > len(counts) // 2:
            return separator
    return None


def _fields(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return line.split()
    if '"' in line and separator == ",":
        row = next(csv.reader([line]))
        return [field.strip() for field in row]
    return [field.strip() for field in line.split(separator)]


def _is_data(fields: list[str]) -> bool:
    """Say whether a line is a row: among its first columns stand at least two numbers."""
    numbers = [bool(_NUMBER.fullmatch(f)) for f in fields]
    return sum(numbers) >= max(2, sum(f.lower() not in MISSING_TEXTS for f in fields) // 3)


def _header_of_comments(comments: list[str], width: int, separator: str | None) -> list[str] | None:
    iraf = {int(m[2]): m[1] for m in map(_IRAF_FIELD.match, comments) if m}
    if iraf and min(iraf) == 1 and max(iraf) <= width:
        return [iraf.get(n, f"column{n}") for n in range(1, width + 1)]
    for comment in reversed(comments):
        names = _fields(comment.lstrip("# \t"), separator)
        if len(names) == width and not _is_data(names):
            return names
    return None


def _columns(
    names: list[str], rows: list[str], separator: str | None
) -> dict[str, NDArray[np.generic]]:
    unique = [n if names.index(n) == i else f"{n}_{i + 1}" for i, n in enumerate(names)]
    if separator is None:
        cells = [line.split() for line in rows]
        width = len(unique)
        short = [row for row in cells if len(row) >= width]
        if not short:
            raise CpcsError(
                "unreadable", "No row has as many values as there are column names.", ""
            )
        by_column = list(zip(*(row[:width] for row in short), strict=True))
        return {n: np.array(v) for n, v in zip(unique, by_column, strict=True)}
    from pyarrow import ArrowInvalid
    from pyarrow import csv as arrow_csv

    options = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(unique, "string"), strings_can_be_null=False
    )
    try:
        table = arrow_csv.read_csv(
            io.BytesIO("\n".join(rows).encode()),
            read_options=arrow_csv.ReadOptions(column_names=unique),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator,
                invalid_row_handler=lambda _: "skip",
                quote_char='"' if separator == "," else False,
            ),
            convert_options=options,
        )
    except ArrowInvalid as error:
        raise CpcsError("unreadable", f"The rows cannot be read: {error}.", "") from error
    return {n: np.asarray(table.column(n).to_numpy(zero_copy_only=False), str) for n in unique}


def _refcat2_integers(rows: list[str], separator: str | None) -> RawTable:
    """Undo the scaling of the REFCAT2 distribution; some copies are already in plain units."""
    columns = _columns(list(REFCAT2_DIVISORS), rows, separator)
    if any("." in text for text in columns["RA"][:100]):
        return RawTable(columns)
    # dividing by the exact power of ten gives the double nearest to the decimal number
    scaled = {
        name: column.astype(np.float64) / divisor
        if (divisor := REFCAT2_DIVISORS[name]) > 1
        else column
        for name, column in columns.items()
    }
    return RawTable(scaled)
