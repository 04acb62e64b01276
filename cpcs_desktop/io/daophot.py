"""Lists of DAOPHOT: those of IRAF, and those of Stetson's own programs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from astropy.table import Table

#: ALLSTAR writes a star a line: these, whatever the version.
_ALLSTAR = ("ID", "X", "Y", "MAG", "ERR", "SKY", "NITER", "CHI", "SHARP")
#: What IRAF calls what every header calls otherwise.
_CARDS = {"IMAGE": "IMAGE", "IFILTER": "FILTER", "ITIME": "EXPTIME", "XAIRMASS": "AIRMASS"}


def iraf_table(text: str) -> Table:
    """Read a list of IRAF's daophot package; ``meta`` gets IMAGE, FILTER, EXPTIME, AIRMASS.

    Raises
    ------
    ValueError
        Or what else astropy raises for damaged text.
    """
    from astropy.table import Table

    table = Table.read(text, format="ascii.daophot")
    keywords = table.meta.get("keywords", {})
    told: dict[str, Any] = {}
    for name, card in _CARDS.items():
        value = keywords.get(name, {}).get("value")
        if value is None and name in table.colnames and len(table):
            value = table[name][0]  # PHOT repeats it in every row
        text_value = "" if value is None or np.ma.is_masked(value) else str(value).strip()
        if text_value and text_value != "INDEF":
            number = re.fullmatch(r"[-+]?\d*\.?\d*(?:[eE][-+]?\d+)?", text_value)
            told[card] = float(text_value) if number and card != "IMAGE" else text_value
    table.meta.clear()
    table.meta.update(told)
    return table


def allstar_table(text: str) -> Table:
    """Read a list of ALLSTAR: two lines about the frame, an empty one, then a star a line.

    Raises
    ------
    ValueError
        For other lists of these programs, and for damaged ones.
    """
    from astropy.table import Table

    rows = [line.split() for line in text.splitlines()[2:] if line.strip()]
    if any(len(row) != len(_ALLSTAR) for row in rows):
        raise ValueError("a line that is not one star of ALLSTAR: give the .als list")
    cells = np.array(rows, dtype=np.float64).reshape(len(rows), len(_ALLSTAR))
    return Table(cells, names=_ALLSTAR)
