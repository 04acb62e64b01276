"""From the columns of a published table to the columns of the cache."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.survey import ReferenceSurvey
from cpcs_desktop.surveys.motion import move
from cpcs_desktop.surveys.reading.column_formula import evaluate, names_in
from cpcs_desktop.surveys.reading.long_table import from_long
from cpcs_desktop.surveys.reading.quality import apply_quality_rules
from cpcs_desktop.surveys.reading.raw_table import RawTable, as_numbers
from cpcs_desktop.surveys.star_table import StarTable, healpix_29

ColumnMap = Mapping[str, str]

#: Positions that VizieR computes for equinox and epoch J2000 where it knows a proper motion.
_J2000_NAMES = frozenset({"RAJ2000", "_RAJ2000"})
_POSITIONAL = ("source_id", "ra", "dec", "pmra", "pmdec", "epoch")
_MJD_OF_J2000 = 51544.5
_MJD_YEAR = 365.25
_MAS_PER_YEAR = {
    "rad": np.degrees(3.6e6),
    "rad/yr": np.degrees(3.6e6),
    "arcsec/yr": 1e3,
    "rad/year": np.degrees(3.6e6),
}


@dataclass(frozen=True)
class ImportedStars:
    """Stars read from one file, and how its columns were understood.

    Parameters
    ----------
    stars : StarTable
        Only rows with a position and at least one magnitude.
    columns : dict of str to str
        For each of our columns the published column or formula.
    n_rows : int
        Rows of the file.
    """

    stars: StarTable
    columns: dict[str, str]
    n_rows: int


def read_column_map(path: str | Path) -> dict[str, str]:
    """Read a column map, ``{"ra": "RAJ2000", "g": "gmag", "g_err": "e_gmag"}``, JSON or TOML.

    Raises
    ------
    CpcsError
        Code ``bad_columns``.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        content = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise CpcsError(
            "bad_columns",
            f"The column map {path} cannot be read: {error}.",
            'Write it as {"ra": "RAJ2000", "dec": "DEJ2000", "g": "gmag", "g_err": "e_gmag"}.',
        ) from error
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise CpcsError(
            "bad_columns",
            f"The column map {path} is not a table of names.",
            "Give one published column name for each of our names.",
        )
    return content


def choose_columns(
    table: RawTable, survey: ReferenceSurvey, columns: ColumnMap | None = None
) -> dict[str, str]:
    """Find a published column for each of ours.

    With a map the bands are those of the map; positions, proper motions and ids that it does not
    name are looked up among the usual names.

    Raises
    ------
    CpcsError
        Code ``missing_column`` naming what the file holds and the map that would fix it;
        ``bad_columns`` when the map itself is wrong.
    """
    letters = [b.letter for b in survey.bands]
    ours = [*_POSITIONAL, *letters, *(f"{n}_err" for n in letters)]
    given = dict(columns or {})
    strange = [name for name in given if name not in ours]
    if strange:
        raise CpcsError(
            "bad_columns",
            f"{survey.key} has no {', '.join(strange)}.",
            f"A column map of {survey.key} may name {', '.join(ours)}.",
        )
    chosen: dict[str, str] = {}
    for name, published in given.items():
        if names_in(published, table) is None:
            raise _missing(table, survey, f"there is no column “{published}” for {name}", chosen)
        chosen[name] = published
    by_map = any(n in given for n in letters)
    motion = {"pmra", "pmdec", "epoch"}
    for name in ours:
        is_band = name not in _POSITIONAL
        if name in chosen or (is_band and by_map):
            continue
        if name in motion and not survey.has_proper_motion:
            continue
        found = _first_known(table, survey.column_aliases.get(name, ()), strict=is_band)
        if found is not None and found not in chosen.values():
            chosen[name] = found
    for name in ("ra", "dec"):
        if name not in chosen:
            raise _missing(table, survey, f"no column for {name} is known", chosen)
    if not any(n in chosen for n in letters):
        raise _missing(table, survey, "no column of a magnitude is known", chosen)
    if ("pmra" in chosen) != ("pmdec" in chosen):
        chosen.pop("pmra", None)
        chosen.pop("pmdec", None)
    return {n: c for n, c in chosen.items() if not n.endswith("_err") or n[:-4] in chosen}


def to_stars(
    table: RawTable, survey: ReferenceSurvey, columns: ColumnMap | None = None
) -> ImportedStars:
    """Turn a published table into stars of a survey.

    Magnitudes of 0, below -5 or above 50 (services write 0, 99, -99, -999) are missing, errors that
    are not positive or not below 9 are unknown (NaN). A missing error *column* means the survey's
    floor error. Rows without a position or without any magnitude are left out.

    Raises
    ------
    CpcsError
        Code ``missing_column``, ``bad_columns`` or ``unreadable`` (a column that is no number).
    """
    table = from_long(table, survey)
    chosen = choose_columns(table, survey, columns)
    try:
        return _convert(table, survey, chosen)
    except ValueError as error:
        raise CpcsError(
            "unreadable", f"A column holds texts that are no numbers: {error}.", "Check the file."
        ) from error


def _convert(table: RawTable, survey: ReferenceSurvey, chosen: dict[str, str]) -> ImportedStars:
    n = len(table)
    ra = _angle(table, chosen["ra"], hours=True)
    dec = _angle(table, chosen["dec"], hours=False)
    mag = np.full((n, len(survey.bands)), np.nan, np.float32)
    err = np.full_like(mag, np.nan)
    for k, band in enumerate(survey.bands):
        if band.letter not in chosen:
            continue
        values = _in_magnitudes(table, chosen[band.letter])
        values[(values == 0.0) | ~(values > -5.0) | ~(values < 50.0)] = np.nan
        mag[:, k] = values
        error_column = chosen.get(f"{band.letter}_err")
        if error_column is None:
            errors = np.full(n, survey.floor_err)
        else:
            errors = _in_magnitudes(table, error_column)
            if _in_hundredths(errors):
                errors = errors / 100.0
            errors[~(errors > 0.0) | ~(errors < 9.0)] = np.nan
        err[:, k] = np.where(np.isfinite(mag[:, k]), errors, np.nan)
    flags = apply_quality_rules(table, survey, err)
    pmra = pmdec = None
    if survey.has_proper_motion:
        pmra, pmdec = _proper_motion(table, chosen, n)
        ra, dec = _to_survey_epoch(table, survey, chosen, (ra, dec), (pmra, pmdec))
    keep = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90.0) & np.isfinite(mag).any(axis=1)
    ra, dec = ra[keep] % 360.0, dec[keep]
    cells = healpix_29(ra, dec)
    stars = StarTable(
        healpix_29=cells,
        source_id=_source_ids(table, chosen.get("source_id"), keep, cells),
        ra=ra,
        dec=dec,
        pmra=None if pmra is None else pmra[keep].astype(np.float32),
        pmdec=None if pmdec is None else pmdec[keep].astype(np.float32),
        mag=mag[keep],
        mag_err=err[keep],
        flags=flags[keep],
    )
    return ImportedStars(stars, chosen, n)


def _first_known(table: RawTable, names: tuple[str, ...], *, strict: bool) -> str | None:
    for name in names:
        needed = names_in(name, table)
        if needed is not None and (not strict or all(_holds_numbers(table, n) for n in needed)):
            return name
    if strict:  # b and B are two bands
        return None
    folded = {n.casefold(): n for n in reversed(table.names)}
    return next((folded[n.casefold()] for n in names if n.casefold() in folded), None)


def _holds_numbers(table: RawTable, name: str) -> bool:
    """Say whether a column is one of numbers: VizieR calls a column of letters ``r``, too."""
    try:
        as_numbers(table.columns[name][:50])
    except ValueError:
        return False
    return True


def _missing(
    table: RawTable, survey: ReferenceSurvey, what: str, chosen: dict[str, str]
) -> CpcsError:
    letters = [b.letter for b in survey.bands]
    example = {
        "ra": chosen.get("ra", "NAME"),
        "dec": chosen.get("dec", "NAME"),
        letters[0]: chosen.get(letters[0], "NAME"),
        f"{letters[0]}_err": "NAME",
    }
    listed = ", ".join(table.names[:60]) + (" ..." if len(table.names) > 60 else "")
    return CpcsError(
        "missing_column",
        f"As a table of {survey.key}, {what}; the file holds {listed}.",
        "Give a map with --columns: "
        f"{json.dumps(example)}; bands of {survey.key}: {' '.join(letters)}.",
        {"columns": table.names, "map": example},
    )


def _angle(table: RawTable, name: str, *, hours: bool) -> NDArray[np.float64]:
    """Return an angle in degrees, from degrees, radians, hours or sexagesimal texts."""
    column = table.columns.get(name)
    if column is not None and column.dtype.kind not in "fiub":
        texts = table.texts(name)
        if any(re.fullmatch(r"[-+]?\d+[:\s]\d+([:\s][\d.]+)?", t) for t in texts[:20]):
            return _sexagesimal(texts) * (15.0 if hours else 1.0)
    values = evaluate(name, table)
    unit = table.units.get(name, "")
    if unit == "rad":
        return np.degrees(values)
    if unit in {"h", "hourangle", "hr"}:
        return values * 15.0
    return values


def _sexagesimal(texts: NDArray[np.str_]) -> NDArray[np.float64]:
    values = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        parts = re.split(r"[:\s]+", text.strip().lstrip("+-"))
        if parts != [""]:
            value = sum(float(p) / 60.0**k for k, p in enumerate(parts))
            values[i] = -value if text.startswith("-") else value
    return values


def _in_magnitudes(table: RawTable, name: str) -> NDArray[np.float64]:
    values = evaluate(name, table)
    factor = {"mmag": 1e-3, "cmag": 1e-2, "0.01mag": 1e-2, "0.01 mag": 1e-2}.get(
        table.units.get(name, ""), 1.0
    )
    return values * factor


def _in_hundredths(errors: NDArray[np.float64]) -> bool:
    """Say whether errors are whole hundredths of a magnitude, as UCAC4 writes them."""
    known = errors[np.isfinite(errors) & (errors != 0.0)]
    return len(known) >= 5 and bool(np.all(known == np.round(known)) and known.min() >= 1.0)


def _proper_motion(
    table: RawTable, chosen: dict[str, str], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    motion = []
    for name in ("pmra", "pmdec"):
        if name not in chosen:
            motion.append(np.full(n, np.nan))
            continue
        values = evaluate(chosen[name], table)
        unit = table.units.get(chosen[name], "mas/yr").replace(" ", "")
        motion.append(values * _MAS_PER_YEAR.get(unit, 1.0))
    return motion[0], motion[1]


def _to_survey_epoch(
    table: RawTable,
    survey: ReferenceSurvey,
    chosen: dict[str, str],
    position: tuple[NDArray[np.float64], NDArray[np.float64]],
    motion: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring positions of another epoch to the survey's, so that a cone moves them once only."""
    if "epoch" in chosen:
        epoch = evaluate(chosen["epoch"], table)
        epoch = np.where(epoch > 10000.0, 2000.0 + (epoch - _MJD_OF_J2000) / _MJD_YEAR, epoch)
        epoch = np.where((epoch > 1850.0) & (epoch < 2200.0), epoch, survey.epoch)
    elif chosen["ra"] in _J2000_NAMES:
        epoch = np.full(len(table), 2000.0)
    else:
        return position
    years = survey.epoch - epoch
    years[np.abs(years) < 0.001] = 0.0
    return move(*position, *motion, years)


def _source_ids(
    table: RawTable, name: str | None, keep: NDArray[np.bool_], cells: NDArray[np.int64]
) -> NDArray[Any]:
    """Return the published ids, as int64 where they are whole numbers.

    Without ids, or when one id stands at several places, the position is the id.
    """
    if name is None:
        return cells
    column = table.columns[name][keep]
    if len(column) == 0:
        return cells if column.dtype.kind in "iuf" else np.empty(0, np.str_)
    ids: NDArray[Any]
    if column.dtype.kind in "iu":
        ids = column.astype(np.int64)
    elif column.dtype.kind == "f":
        values = as_numbers(column)
        if not np.all(np.isfinite(values)) or np.any(np.abs(values) > 2**53):
            return cells
        ids = values.astype(np.int64)
    else:
        texts = RawTable({name: column}).texts(name)
        digits = np.char.isdigit(texts)
        whole = bool(digits.all()) and int(np.char.str_len(texts).max()) <= 18
        ids = _as_int64(texts) if whole or digits.all() else texts
        if (texts == "").any():
            return cells
    order = np.argsort(ids, kind="stable")
    same = ids[order][1:] == ids[order][:-1]
    apart = np.abs(cells[order][1:] - cells[order][:-1]) > 4**9  # about 0.2 arcsec
    return cells if np.any(same & apart) else ids


def _as_int64(texts: NDArray[np.str_]) -> NDArray[Any]:
    try:
        return texts.astype(np.int64)
    except (ValueError, OverflowError):
        return texts
