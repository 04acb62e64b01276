"""Light curves as VOTable 1.4 with UCDs, TIMESYS and COOSYS."""

from __future__ import annotations

import io
from typing import Any

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.point import LightCurve
from cpcs_desktop.io.light_curve_table import light_curve_columns

_TYPES = {
    float: {"datatype": "double"},
    int: {"datatype": "long"},
    bool: {"datatype": "boolean"},
    str: {"datatype": "unicodeChar", "arraysize": "*"},
}
_VERSION = {"version": "1.4", "version_1_4_or_later": True}
#: Columns that count from a time origin: the element they refer to.
_TIMES = {
    "mjd": ("time_mjd", "MJD-origin", "UTC", "TOPOCENTER"),
    "hjd_utc": ("time_hjd", "JD-origin", "UTC", "HELIOCENTER"),
    "bjd_tdb": ("time_bjd", "JD-origin", "TDB", "BARYCENTER"),
}


def votable_bytes(curve: LightCurve, event: Event | None) -> bytes:
    """Return a VOTable document.

    Time columns refer to TIMESYS elements (VOTable 1.4, section 3.3), the event's position to a
    COOSYS; magnitudes name their band row by row, because a combined light curve has many.
    """
    from astropy.io.votable.tree import (
        CooSys,
        Field,
        Info,
        Param,
        Resource,
        TableElement,
        TimeSys,
        VOTableFile,
    )

    votable = VOTableFile(version="1.4")
    resource = Resource(name="light_curve")
    votable.resources.append(resource)
    table = TableElement(votable, name="light_curve")
    table.description = f"Light curve of {curve.event}"
    columns = light_curve_columns(curve, event)
    for name, (identity, origin, scale, place) in _TIMES.items():
        if any(c.name == name for c in columns):
            resource.time_systems.append(
                TimeSys(
                    ID=identity,
                    timeorigin=origin,
                    timescale=scale,
                    refposition=place,
                    config=_VERSION,
                )
            )
    table.infos.append(Info(name="event", value=curve.event))
    if event is not None and event.ra is not None and event.dec is not None:
        resource.coordinate_systems.append(CooSys(ID="icrs", system="ICRS", config=_VERSION))
        for name, value, ucd in (
            ("ra", event.ra, "pos.eq.ra;meta.main"),
            ("dec", event.dec, "pos.eq.dec;meta.main"),
        ):
            parameter = Param(
                votable, name=name, value=value, datatype="double", unit="deg", ucd=ucd, ref="icrs"
            )
            table.params.append(parameter)
    for c in columns:
        words: dict[str, Any] = {**_TYPES[c.kind]}
        if c.unit:
            words["unit"] = c.unit
        if c.name in _TIMES:
            words["ref"] = _TIMES[c.name][0]
        field = Field(votable, name=c.name, ID=c.name, ucd=c.ucd, **words)
        field.description = c.description
        table.fields.append(field)
    resource.tables.append(table)
    table.create_arrays(len(curve.points))
    for c in columns:
        for row, value in enumerate(c.values):
            if value is None:
                table.array.mask[c.name][row] = True
                table.array[c.name].data[row] = float("nan") if c.kind is float else 0
            else:
                table.array[c.name][row] = value
    stream = io.BytesIO()
    votable.to_xml(stream, tabledata_format="tabledata")
    return stream.getvalue()
