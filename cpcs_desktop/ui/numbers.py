"""How numbers are written for observers, in one place."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from cpcs_desktop.wire import UNIX_EPOCH_MJD

DASH = "–"
MINUS = "−"


def number(value: float | None, digits: int, *, sign: bool = False) -> str:
    """Write a number, an en dash for unknown."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", MINUS)


def magnitude(mag: float | None, err: float | None, *, is_limit: bool) -> str:
    """Write a magnitude with its error, or a limit."""
    if mag is None:
        return DASH
    if is_limit:
        return f"> {number(mag, 2)}"
    return f"{number(mag, 3)} ± {number(err, 3)}"


def when(mjd: float | None) -> datetime | None:
    """Return the UTC time of an MJD."""
    if mjd is None or not math.isfinite(mjd):
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=mjd - UNIX_EPOCH_MJD)


def clock(mjd: float | None) -> str:
    """Write the UTC hour and minute of an MJD."""
    time = when(mjd)
    return DASH if time is None else f"{time:%H:%M:%S}"


def iso(mjd: float | None) -> str:
    """Write an MJD as ISO date and time, UTC."""
    time = when(mjd)
    return DASH if time is None else f"{time:%Y-%m-%d %H:%M:%S}"


def sexagesimal(ra: float, dec: float) -> str:
    """Write a position in hours and degrees."""
    ra_cs = round(ra / 15.0 * 360_000) % (24 * 360_000)
    dec_ds = round(abs(dec) * 36_000)
    h, rest = divmod(ra_cs, 360_000)
    m, cs = divmod(rest, 6_000)
    d, rest = divmod(dec_ds, 36_000)
    dm, ds = divmod(rest, 600)
    sign = MINUS if dec < 0 else "+"
    return f"{h:02d}:{m:02d}:{cs / 100:05.2f} {sign}{d:02d}:{dm:02d}:{ds / 10:04.1f}"


def degrees(ra: float, dec: float) -> str:
    """Write a position in degrees."""
    return f"{ra:.5f} {dec:+.5f}".replace("-", MINUS)


def parse_position(text: str) -> tuple[float, float] | None:
    """Read a position in degrees or sexagesimal, with colons, blanks, letters or a comma.

    Returns
    -------
    (float, float) or None
        RA and Dec in degrees; None when it cannot be understood.
    """
    for mark in "hmsd°'\"′″:,":
        text = text.replace(mark, " ")
    parts = text.replace(MINUS, "-").split()
    try:
        values = [float(p) for p in parts]
    except ValueError:
        return None
    if len(values) == 2:
        ra, dec = values
    elif len(values) == 6:
        ra = 15.0 * (values[0] + values[1] / 60.0 + values[2] / 3600.0)
        dec = abs(values[3]) + values[4] / 60.0 + values[5] / 3600.0
        dec = -dec if parts[3].startswith("-") else dec
    else:
        return None
    return (ra % 360.0, dec) if -90.0 <= dec <= 90.0 and -360.0 <= ra <= 360.0 else None
