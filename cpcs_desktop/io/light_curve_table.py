"""A light curve as one table: the common ground of every export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.point import LightCurve

JD_OF_MJD_ZERO = 2400000.5
LIGHT_KM_S = 299792.458
AU_KM = 149597870.7


@dataclass(frozen=True)
class Column:
    """One column of an exported light curve.

    Parameters
    ----------
    name, description : str
    values : list
        One a point; None where unknown.
    unit, ucd : str or None
        Unit as in the VOUnits standard, and the word of the UCD1+ vocabulary.
    kind : type
        float, int, bool or str.
    """

    name: str
    description: str
    values: list[Any]
    kind: type
    unit: str | None = None
    ucd: str | None = None


def light_curve_columns(curve: LightCurve, event: Event | None = None) -> list[Column]:
    """Return the columns of a light curve, in the order of its points.

    Parameters
    ----------
    curve : LightCurve
    event : Event, optional
        With a position, HJD and BJD stand beside MJD.
    """
    points = curve.points
    mjd = np.array([p.mjd for p in points], dtype=np.float64)
    columns = [
        Column("mjd", "Mid-exposure, Modified Julian Date, UTC", mjd.tolist(), float, "d",
               "time.epoch;obs.exposure"),
    ]  # fmt: skip
    if event is not None and event.ra is not None and event.dec is not None:
        hjd, bjd = sun_and_barycentre_dates(mjd, event.ra, event.dec)
        columns += [
            Column("hjd_utc", "Heliocentric Julian Date, UTC, from the geocentre",
                   hjd.tolist(), float, "d", "time.epoch"),
            Column("bjd_tdb", "Barycentric Julian Date, TDB, from the geocentre",
                   bjd.tolist(), float, "d", "time.epoch"),
        ]  # fmt: skip
    columns += [
        Column("mag", "Magnitude, or the limit where is_limit is true", [p.mag for p in points],
               float, "mag", "phot.mag"),
        Column("mag_err", "Instrumental error", [p.mag_err for p in points],
               float, "mag", "stat.error;phot.mag"),
        Column("mag_err_total", "Error of the whole budget, in quadrature",
               [p.mag_err_total for p in points], float, "mag", "stat.error;phot.mag"),
        Column("calib_err", "Scatter of the zero-point fit", [p.calib_err for p in points],
               float, "mag", "stat.error;phot.calib"),
        Column("is_limit", "The magnitude is an upper limit of brightness",
               [p.kind == "UPPER_LIMIT" for p in points], bool, None, "meta.code.qual"),
        Column("band", "Reference survey and band", [p.band for p in points],
               str, None, "instr.bandpass"),
        Column("observatory", "Observatory", [p.observatory for p in points],
               str, None, "meta.id;instr.obsty"),
        Column("id", "Identity of the point", [p.id for p in points],
               str, None, "meta.id;meta.main"),
        Column("revision", "Revision of the point", [p.revision for p in points],
               int, None, "meta.version"),
        Column("withdrawn", "Taken back by its observer", [p.withdrawn for p in points],
               bool, None, "meta.code"),
    ]  # fmt: skip
    return columns


def sun_and_barycentre_dates(
    mjd: NDArray[np.float64], ra: float, dec: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return HJD (UTC) and BJD (TDB) of moments seen from the geocentre.

    The observer's own place changes them by less than 22 ms. The Earth's place is that of
    ERFA's epv00, so that no download of Earth orientation is ever needed.

    Parameters
    ----------
    mjd : ndarray of float64, shape (n,)
        UTC.
    ra, dec : float
        Degrees, ICRS.
    """
    import erfa  # type: ignore[import-untyped]
    from astropy.time import Time

    jd = mjd + JD_OF_MJD_ZERO
    if not len(mjd):
        return jd, jd
    tdb = Time(mjd, format="mjd", scale="utc").tdb
    heliocentric, barycentric = erfa.epv00(tdb.jd1, tdb.jd2)
    a, d = np.radians(ra), np.radians(dec)
    towards = np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    days_per_au = AU_KM / LIGHT_KM_S / 86400.0
    hjd = jd + heliocentric["p"] @ towards * days_per_au
    bjd = np.asarray(tdb.jd, dtype=np.float64) + barycentric["p"] @ towards * days_per_au
    return np.asarray(hjd, dtype=np.float64), np.asarray(bjd, dtype=np.float64)
