"""A table as a file gave it: named columns, units where known, nothing interpreted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: Texts that stand for a missing value in the tables of the services.
MISSING_TEXTS = frozenset(
    {"", "na", "n/a", "nan", "null", "none", "--", "-", "indef", "\\n", "inf", "masked", "~"}
)


@dataclass(frozen=True)
class RawTable:
    """Columns of one file.

    Parameters
    ----------
    columns : dict of str to ndarray, shape (n,)
        Numbers (masked values are NaN), booleans or texts.
    units : dict of str to str
        Units as the file wrote them, for the columns that carry one.
    """

    columns: dict[str, NDArray[np.generic]]
    units: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    @property
    def names(self) -> list[str]:
        """Column names in the file's order."""
        return list(self.columns)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as float64, NaN where missing.

        Raises
        ------
        ValueError
            When a text is neither a number nor one of the words for missing.
        """
        return as_numbers(self.columns[name])

    def texts(self, name: str) -> NDArray[np.str_]:
        """Return a column as stripped texts; whole numbers without a decimal point."""
        column = self.columns[name]
        if column.dtype.kind == "f":
            return np.array([f"{v:.15g}" for v in column], dtype=np.str_)
        if column.dtype.kind in "iub":
            return column.astype(np.str_)
        return np.char.strip(as_text(column))


def as_text(column: NDArray[np.generic]) -> NDArray[np.str_]:
    """Return bytes, str or Python objects as a str array; None becomes an empty text."""
    if column.dtype.kind == "U":
        return column.astype(np.str_)
    if column.dtype.kind == "S":
        return np.char.decode(column.astype(np.bytes_), "utf-8", "replace")
    return np.array(["" if v is None else str(v) for v in column], dtype=np.str_)


def as_numbers(column: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return a column of numbers or texts as float64, NaN where missing.

    Raises
    ------
    ValueError
        When a text is neither a number nor one of the words for missing.
    """
    if column.dtype.kind in "fiub":
        return column.astype(np.float64)
    text = np.char.strip(as_text(column))
    try:
        return text.astype(np.float64)
    except ValueError:
        missing = np.isin(np.char.lower(text), list(MISSING_TEXTS))
        return np.where(missing, "nan", text).astype(np.float64)
