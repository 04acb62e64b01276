"""How high events stand at the observatory, now and tonight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.settings import ObservatorySettings
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.task import Tasks
from cpcs_desktop.wire import mjd_now

_DARK = -12.0
_STEPS = 49


@dataclass(frozen=True)
class Altitude:
    """Altitudes of one event, degrees; ``best_mjd`` None when it never gets dark."""

    now: float
    best: float | None
    best_mjd: float | None


def altitudes(
    events: Sequence[Event], place: ObservatorySettings, mjd: float
) -> dict[str, Altitude]:
    """Return altitudes now and the largest one in the dark part of the next 24 hours.

    Altitude from the local sidereal time and the spherical triangle (Meeus 1998, eq. 13.6) with
    precession by its yearly rates (ch. 21, low accuracy), the Sun from its mean elements (ch. 25,
    low accuracy): good to 0.1 degree, no table needed.
    """
    if place.longitude is None or place.latitude is None:
        return {}
    placed = [e for e in events if e.ra is not None and e.dec is not None]
    times = mjd + np.linspace(0.0, 1.0, _STEPS)
    dark = sun_altitude(times, place.longitude, place.latitude) < _DARK
    found = {}
    for event in placed:
        height = altitude(
            times, float(event.ra or 0), float(event.dec or 0), place.longitude, place.latitude
        )
        best = int(np.argmax(np.where(dark, height, -100.0)))
        found[event.ivorn] = Altitude(
            float(height[0]),
            float(height[best]) if dark.any() else None,
            float(times[best]) if dark.any() else None,
        )
    return found


def altitude(
    mjd: np.ndarray, ra: float, dec: float, longitude: float, latitude: float
) -> np.ndarray:
    """Return altitudes in degrees at times, for a place in degrees, east positive."""
    days = mjd - 51544.5
    sidereal = 280.46061837 + 360.98564736629 * days + longitude
    years = days / 365.25
    a0, d0 = np.radians(ra), np.radians(np.clip(dec, -89.0, 89.0))
    shift = years / 3600.0
    hour = np.radians(sidereal - ra - shift * (46.124 + 20.043 * np.sin(a0) * np.tan(d0)))
    lat, d = np.radians(latitude), np.radians(dec + shift * 20.043 * np.cos(a0))
    sine = np.sin(lat) * np.sin(d) + np.cos(lat) * np.cos(d) * np.cos(hour)
    answer: np.ndarray = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    return answer


def sun_altitude(mjd: np.ndarray, longitude: float, latitude: float) -> np.ndarray:
    """Return the Sun's altitude in degrees."""
    days = mjd - 51544.5
    mean, anomaly = 280.460 + 0.9856474 * days, np.radians(357.528 + 0.9856003 * days)
    along = np.radians(mean + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439)
    ra = np.degrees(np.arctan2(np.cos(tilt) * np.sin(along), np.cos(along)))
    dec = np.degrees(np.arcsin(np.sin(tilt) * np.sin(along)))
    hour = np.radians(280.46061837 + 360.98564736629 * days + longitude - ra)
    lat, d = np.radians(latitude), np.radians(dec)
    sine = np.sin(lat) * np.sin(d) + np.cos(lat) * np.cos(d) * np.cos(hour)
    answer: np.ndarray = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    return answer


class Altitudes(QObject):
    """Altitudes of the events shown, computed behind the window.

    Signals
    -------
    changed()
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._tasks = Tasks(self)
        self._tasks.failed.connect(bridge.explain)
        self._found: dict[str, Altitude] = {}

    def refresh(self, events: Sequence[Event]) -> None:
        """Compute again."""
        place = self._bridge.settings.observatory
        future = self._bridge.threads.submit(altitudes, tuple(events), place, mjd_now())
        self._tasks.start("altitudes", future, self._came)

    def _came(self, found: dict[str, Altitude]) -> None:
        self._found = found
        self.changed.emit()

    def now(self, ivorn: str) -> float | None:
        """Return the altitude now, degrees."""
        return self._found[ivorn].now if ivorn in self._found else None

    def best(self, ivorn: str) -> float | None:
        """Return the largest altitude of the dark hours, degrees."""
        return self._found[ivorn].best if ivorn in self._found else None

    def text_now(self, ivorn: str) -> str:
        """Write the altitude now."""
        found = self.now(ivorn)
        return numbers.DASH if found is None else f"{numbers.number(found, 0)}°"

    def text_best(self, ivorn: str) -> str:
        """Write the largest altitude and its time."""
        if ivorn not in self._found or self._found[ivorn].best is None:
            return numbers.DASH
        found = self._found[ivorn]
        return f"{numbers.number(found.best, 0)}° {numbers.clock(found.best_mjd)[:5]}"
