"""Column names with a little arithmetic, for column maps and declarations.

A formula is a column name, or one of

- ``0.001*NAME``, ``0.001*NAME/OTHER``: scaled, or a scaled ratio
- ``1.0857/NAME``: a signal-to-noise ratio turned into a magnitude error
- ``25.0-2.5*log10(NAME)``: a flux turned into a magnitude

and a name may ask for a unit, ``NAME[nJy]``: the column is converted, and counts as absent when
it carries no such unit. A column that is really called like a formula wins.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.surveys.reading.raw_table import RawTable

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NAME = r"[^*/()\[\]]+(?:\[[^\]]+\])?"
_SCALED = re.compile(rf"\s*({_NUMBER})\s*\*\s*({_NAME})(?:/({_NAME}))?\s*")
_INVERSE = re.compile(rf"\s*({_NUMBER})\s*/\s*({_NAME})\s*")
_MAGNITUDE = re.compile(rf"\s*({_NUMBER})\s*-\s*2\.5\s*\*\s*log10\(({_NAME})\)\s*")
_WITH_UNIT = re.compile(r"(.+)\[([^\]]+)\]")


def names_in(formula: str, table: RawTable) -> list[str] | None:
    """Return the columns that a formula needs, or None when the table lacks one of them."""
    if formula in table.columns:
        return [formula]
    for pattern in (_MAGNITUDE, _SCALED, _INVERSE):
        match = pattern.fullmatch(formula)
        if match:
            wanted = [name.strip() for name in match.groups()[1:] if name]
            break
    else:
        wanted = [formula]
    found = [_column_of(name, table) for name in wanted]
    return None if None in found else [name for name in found if name is not None]


def evaluate(formula: str, table: RawTable) -> NDArray[np.float64]:
    """Return the formula's values, float64 of shape (n,); NaN where a value is missing or absurd.

    Raises
    ------
    KeyError
        When the table lacks a column; :func:`names_in` tells beforehand.
    ValueError
        When a column holds texts that are no numbers.
    """
    with np.errstate(all="ignore"):
        if formula in table.columns:
            return table.numbers(formula)
        if match := _MAGNITUDE.fullmatch(formula):
            flux = _values(match[2], table)
            values = float(match[1]) - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))
        elif match := _SCALED.fullmatch(formula):
            values = float(match[1]) * _values(match[2], table)
            if match[3]:
                values = values / _values(match[3], table)
        elif match := _INVERSE.fullmatch(formula):
            values = float(match[1]) / _values(match[2], table)
        else:
            values = _values(formula, table)
    return np.where(np.isinf(values), np.nan, values)


def _column_of(name: str, table: RawTable) -> str | None:
    if name in table.columns:
        return name
    match = _WITH_UNIT.fullmatch(name)
    if match and match[1] in table.columns and _factor(table.units.get(match[1]), match[2]):
        return match[1]
    return None


def _values(name: str, table: RawTable) -> NDArray[np.float64]:
    name = name.strip()
    if name in table.columns:
        return table.numbers(name)
    match = _WITH_UNIT.fullmatch(name)
    if match is None:
        raise KeyError(name)
    return table.numbers(match[1]) * (_factor(table.units.get(match[1]), match[2]) or np.nan)


def _factor(have: str | None, want: str) -> float | None:
    """Return the factor from one unit to another, None when there is none."""
    if not have:
        return None
    from astropy import units as u

    try:
        return float(u.Unit(have, parse_strict="silent").to(u.Unit(want)))
    except (u.UnitConversionError, ValueError, TypeError):
        return None
