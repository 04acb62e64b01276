"""Comparison-star sequences that write one row for each star and band, as the AAVSO does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.survey import ReferenceSurvey
from cpcs_desktop.surveys.reading.raw_table import RawTable

_BAND_NAMES = ("band", "filter", "passband")
_MAGNITUDE_NAMES = ("mag", "magnitude")
_ERROR_NAMES = ("error", "mag_err", "err", "magerr", "e_mag")

#: Band names of AAVSO sequences beside the plain letters.
_BAND_LETTERS = {"Rc": "R", "Ic": "I", "SU": "u", "SG": "g", "SR": "r", "SI": "i", "SZ": "z"}


def from_long(table: RawTable, survey: ReferenceSurvey) -> RawTable:
    """Return one row a star when the table has a column of band names, else the table itself.

    Rows of one star share all columns but band, magnitude and error; bands that the survey does
    not have are left out.
    """
    letters = {b.letter for b in survey.bands}
    band, mag = _first(table, _BAND_NAMES), _first(table, _MAGNITUDE_NAMES)
    if band is None or mag is None:
        return table
    raw_names = np.array([_BAND_LETTERS.get(t, t) for t in table.texts(band)])
    if not letters & set(raw_names):
        return table
    error = _first(table, _ERROR_NAMES)
    magnitudes = table.numbers(mag)
    errors = None if error is None else table.numbers(error)
    star_of_row, first_row = _stars(table)
    columns: dict[str, NDArray[np.generic]] = {
        name: column[first_row]
        for name, column in table.columns.items()
        if name not in {band, mag, error}
    }
    for letter in sorted(letters & set(raw_names)):
        rows = raw_names == letter
        values = np.full(len(first_row), np.nan)
        values[star_of_row[rows]] = magnitudes[rows]
        columns[f"{letter}mag"] = values
        if errors is not None:
            values = np.full(len(first_row), np.nan)
            values[star_of_row[rows]] = errors[rows]
            columns[f"e_{letter}mag"] = values
    return RawTable(columns, {n: u for n, u in table.units.items() if n in columns})


def _first(table: RawTable, names: tuple[str, ...]) -> str | None:
    folded = {n.casefold(): n for n in table.names}
    return next((folded[n] for n in names if n in folded), None)


def _stars(table: RawTable) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for each row the number of its star, and for each star its first row."""
    for name in ("auid", "id", "source_id", "name", "star", "label"):
        found = _first(table, (name,))
        if found is not None:
            keys = table.texts(found)
            break
    else:
        ra, dec = _first(table, ("ra", "raj2000")), _first(table, ("dec", "dej2000"))
        keys = np.char.add(
            table.texts(ra or table.names[0]), np.char.add(" ", table.texts(dec or table.names[1]))
        )
    _, first_row, star_of_row = np.unique(keys, return_index=True, return_inverse=True)
    return star_of_row, first_row
