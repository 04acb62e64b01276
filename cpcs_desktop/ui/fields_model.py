"""Which survey covers this camera's field at each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.surveys.registry import SURVEYS
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.table_model import Column

COVERED, TOUCHED = 0.999, 0.001


@dataclass(frozen=True)
class FieldRow:
    """One target.

    Parameters
    ----------
    name : str
    ra, dec : float
        Degrees.
    covered : mapping of str to float
        Survey key -> which part of the field is cached, 0..1.
    """

    name: str
    ra: float
    dec: float
    covered: Mapping[str, float]


def field_rows(
    cache_folder: Path, events: Sequence[Event], target: Event | None, radius_deg: float
) -> list[FieldRow]:
    """Look up every target's field in every cached survey; made for a background thread.

    Parameters
    ----------
    events : sequence of Event
        Those without a position are left out.
    target : Event or None
        The frame's target, first in the list where it is no event of the list.
    radius_deg : float
        Of the camera's field.
    """
    from cpcs_desktop.surveys.cache import SurveyCache

    cache = SurveyCache(cache_folder)
    keys = cache.keys()
    places = [e for e in events if e.ra is not None and e.dec is not None]
    if target is not None and target.ivorn not in {e.ivorn for e in places}:
        places.insert(0, target)
    rows = []
    for event in places:
        ra, dec = float(event.ra or 0.0), float(event.dec or 0.0)
        covered = {key: cache.covered_fraction(key, ra, dec, radius_deg) for key in keys}
        rows.append(FieldRow(event.ivorn, ra, dec, covered))
    return rows


def mark(fraction: float | None) -> str:
    """Write how much of a field is covered; told by shape, not by colour alone."""
    if fraction is None:
        return numbers.DASH
    if fraction >= COVERED:
        return "●"
    return f"▲ {100 * fraction:.0f} %" if fraction >= TOUCHED else "■"


def field_columns() -> list[Column[FieldRow]]:
    """Return name, position, and one column for each survey of the registry."""

    def of(key: str) -> Column[FieldRow]:
        return Column(
            key,
            f"How much of this camera's field at the target {key} covers in the cache",
            lambda row: mark(row.covered.get(key)),
            lambda row: row.covered.get(key, -1.0),
        )

    return [
        Column("Target", "Name of the event (ivorn)", lambda row: row.name),
        Column("Position", "RA and Dec, ICRS",
               lambda row: numbers.sexagesimal(row.ra, row.dec), lambda row: row.ra),
        *(of(key) for key in SURVEYS),
    ]  # fmt: skip
