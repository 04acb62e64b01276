"""Mid-exposure times from the date dialects of headers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from cpcs_desktop.io.header_cards import as_number, card_comment, card_value, parse_angle

if TYPE_CHECKING:
    from astropy.io.fits import Header

Phase = Literal["start", "mid", "end"]

DAY_S = 86400.0
JD_OF_MJD = 2400000.5
#: Sane range of dates: photographic plates to the far future.
OLDEST_MJD, NEWEST_MJD = -18000.0, 90000.0

_MID_MJD = ("MJD-AVG", "MJD-MID", "MJDMID", "MJD_MID", "MIDMJD", "MJDAVG", "MJD-MIDP", "MJD_UTC")
_MID_JD = ("JD-MID", "JDMID", "JD_MID", "MIDJD", "JDAVG", "JD_UTC", "JD-AVG")
_MID_DATE = ("DATE-AVG", "DATE-MID", "DATEMID", "MIDDATE", "DATE_MID")
_START_MJD = ("MJD-BEG", "MJD-STR", "MJDSTART", "MJD-OBS", "MJD_OBS", "MJDOBS", "MJD", "MJDATE")
_START_JD = ("JD-BEG", "JDSTART", "JD-OBS", "JD_OBS", "JULDATE", "JULDAT", "JD", "JULIAN")
_START_DATE = ("DATE-BEG", "DATE-STA", "DATE-OBS", "DATE_OBS", "DATEOBS", "UTDATE", "DATE-UTC")
_START_TIME = (
    *("TIME-OBS", "TIME-BEG", "UTSTART", "UT-START", "UT_START", "STARTUT", "UTC-OBS", "UTC_OBS"),
    *("UT-OBS", "UTOBS", "TIME_OBS", "UTSHUT", "UTC-STA", "EXPSTART", "OPENTIME", "TM-START"),
    *("TIMEOBS", "UTC", "UT", "TIME-UT", "TIME", "UT-TIME"),
)
_MID_TIME = ("UTMIDDLE", "UT-MID", "UTMID", "UTC-MID", "TIME-MID", "MIDTIME")
_END_MJD = ("MJD-END", "MJDEND", "MJD_END")
_END_DATE = ("DATE-END", "DATE_END", "DATEEND")
#: Corrected to the Sun or the barycentre: up to 8 minutes off, better than nothing.
_CORRECTED = ("HJD", "HJD-OBS", "HJD-MID", "BJD", "BJD_TDB", "BJD-MID", "HJD_UTC", "MHJD", "HELJD")
#: Seconds that a time scale is ahead of UTC, for dates whose leap seconds do not matter here.
_SCALES = {"TAI", "TT", "TDB", "TDT", "GPS", "TCB", "TCG"}

_ISO = re.compile(
    r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T\s_]+(\d{1,2}[:\-hH ]\d{1,2}[^Zz+]*))?.*$"
)
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2}(?:\.\d+)?))?$")
_OLD = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{2}|\d{4})$")


@dataclass(frozen=True)
class ExposureTime:
    """When the exposure was taken.

    Parameters
    ----------
    mjd : float
        Mid-exposure, MJD, UTC.
    guessed : bool
        True when half the exposure could not be added or the time is a heliocentric one.
    source : str
        Keywords the time was read from.
    """

    mjd: float
    guessed: bool
    source: str


def parse_date(text: Any) -> tuple[float, bool] | None:
    """Read a calendar date, with or without time of day.

    Returns
    -------
    (mjd, has_time) or None
        ``26/10/92`` is read as day/month/year of the twentieth century, as the FITS standard of
        its time had it.
    """
    text = str(text).strip().strip("'\"").strip()
    hours = 0.0
    has_time = False
    if match := _COMPACT.match(text):
        year, month, day = (int(part) for part in match.groups()[:3])
        if match.group(4):
            hours = int(match.group(4)) + int(match.group(5)) / 60 + float(match.group(6)) / 3600
            has_time = True
    elif match := _ISO.match(text):
        year, month, day = (int(part) for part in match.groups()[:3])
        if match.group(4):
            clock = parse_clock(match.group(4).strip().replace("-", ":"))
            if clock is not None:
                hours, has_time = clock, True
    elif match := _OLD.match(text):
        day, month, year = (int(part) for part in match.groups())
        if month > 12 >= day:
            day, month = month, day
        year += 1900 if year < 100 else 0
    else:
        return None
    try:
        days = date(year, month, day).toordinal() - date(1858, 11, 17).toordinal()
    except ValueError:
        return None
    return days + hours / 24, has_time


def parse_clock(value: Any) -> float | None:
    """Return hours of the day from ``hh:mm:ss``, decimal hours, or (ESO) seconds of the day."""
    if isinstance(value, str):
        text = value.strip()
        if "T" in text and (parsed := parse_date(text)) is not None and parsed[1]:
            return (parsed[0] % 1) * 24
        afternoon = re.search(r"(?i)\b([ap])\.?m\.?$", text)
        text = re.sub(r"(?i)\s*([ap]\.?m\.?|UTC?|Z)$", "", text)
        hours = parse_angle(text, hours=False)
        if hours is not None and afternoon:
            hours = hours % 12 + (12 if afternoon.group(1).lower() == "p" else 0)
    else:
        hours = as_number(value)
        if hours is not None and 24 < hours < DAY_S:
            hours /= 3600
    return hours if hours is not None and 0 <= hours <= 24 else None


def exposure_middle(
    header: Header, exposure_s: float | None, keyword: str | None = None
) -> ExposureTime | None:
    """Return the middle of the exposure, or None when the header does not tell.

    Parameters
    ----------
    header : astropy.io.fits.Header
    exposure_s : float or None
        Exposure time, s; half of it is added to times of the start.
    keyword : str, optional
        The camera's own date keyword, which then is the only one asked.

    Notes
    -----
    A keyword of the middle wins over one of the start, a start over an end. A card's comment
    (``mid``, ``end``) overrules what its keyword usually means.
    """
    start = _first_of(header, keyword)
    if start is None:
        return None
    mjd, phase, source, corrected = start
    mjd = _to_utc(mjd, header)
    if phase != "mid" and exposure_s is not None:
        mjd += (0.5 if phase == "start" else -0.5) * exposure_s / DAY_S
    if not OLDEST_MJD < mjd < NEWEST_MJD:
        return None
    return ExposureTime(mjd, corrected or (phase != "mid" and exposure_s is None), source)


def _first_of(header: Header, keyword: str | None) -> tuple[float, Phase, str, bool] | None:
    if keyword is not None:
        value = card_value(header, keyword)
        parsed = parse_date(value) if isinstance(value, str) else None
        days = parsed[0] if parsed is not None else _days(as_number(value))
        return None if days is None else (days, _phase(header, keyword, "start"), keyword, False)
    found = (
        _from_days(header, _MID_MJD, "mid")
        or _from_days(header, _MID_JD, "mid")
        or _from_dates(header, _MID_DATE, (), "mid")
        or _from_dates(header, ("DATE-OBS", "UTDATE"), _MID_TIME, "mid")
        or _from_dates(header, _START_DATE, _START_TIME, "start")
        or _from_days(header, _START_MJD, "start")
        or _from_days(header, _START_JD, "start")
        or _from_days(header, _END_MJD, "end")
        or _from_dates(header, _END_DATE, (), "end")
    )
    if found is not None:
        return (*found, False)
    found = _from_days(header, _CORRECTED, "mid")
    return None if found is None else (*found, True)


def _days(number: float | None) -> float | None:
    """Return an MJD from an MJD, a JD or a truncated JD; None for whole days and nonsense."""
    if number is None or not math.isfinite(number):
        return None
    if number > 2_000_000:
        number -= JD_OF_MJD
    if not OLDEST_MJD < number < NEWEST_MJD or number == 0:
        return None
    return number


def _from_days(
    header: Header, keywords: tuple[str, ...], usual: Phase
) -> tuple[float, Phase, str] | None:
    for keyword in keywords:
        number = as_number(card_value(header, keyword))
        days = _days(number)
        if days is None or number is None or number == math.floor(number):
            continue  # a whole number is a date without a time
        return days, _phase(header, keyword, usual), keyword
    return None


def _from_dates(
    header: Header, dates: tuple[str, ...], clocks: tuple[str, ...], usual: Phase
) -> tuple[float, Phase, str] | None:
    for keyword in dates:
        value = card_value(header, keyword)
        parsed = None if value is None else parse_date(value)
        if parsed is None or not OLDEST_MJD < parsed[0] < NEWEST_MJD:
            continue
        mjd, has_time = parsed
        if has_time and not (clocks and usual == "mid"):
            return mjd, _phase(header, keyword, usual), keyword
        for clock in clocks:
            hours = parse_clock(card_value(header, clock))
            if hours is not None:
                source = f"{keyword} {clock}"
                return math.floor(mjd) + hours / 24, _phase(header, clock, usual), source
    return None


def _phase(header: Header, keyword: str, usual: Phase) -> Phase:
    comment = card_comment(header, keyword).lower()
    if re.search(r"\bmid(dle|point|-?exp|time)?\b|\bcent(er|re) of\b", comment):
        return "mid"
    if re.search(r"\b(end|finish|stop) (of|time)|\bat end\b", comment):
        return "end"
    if re.search(r"\b(start|begin|beginning|opened)\b", comment):
        return "start"
    return usual


def _to_utc(mjd: float, header: Header) -> float:
    scale = str(card_value(header, "TIMESYS") or "UTC").strip().upper()
    if scale not in _SCALES:
        return mjd
    from astropy.time import Time, TimeDelta

    if scale == "GPS":
        return float((Time(mjd, format="mjd", scale="tai") + TimeDelta(19, format="sec")).utc.mjd)
    known = {"TDT": "tt"}.get(scale, scale.lower())
    return float(Time(mjd, format="mjd", scale=known).utc.mjd)
