"""A time axis that reads MJD, JD, ISO dates or days before now."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pyqtgraph as pg

from cpcs_desktop.ui import numbers
from cpcs_desktop.wire import mjd_now

_JD_OF_MJD = 2400000.5


class TimeScale(StrEnum):
    """How times are written; all UTC."""

    MJD = "MJD"
    JD = "JD"
    ISO = "ISO"
    AGO = "days ago"


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """The axis keeps MJD inside and writes what was asked for; without a scale it holds phases."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation=orientation)
        self._scale: TimeScale | None = None
        self.enableAutoSIPrefix(enable=False)
        self.use_scale(TimeScale.MJD)

    def use_phase(self, period_days: float) -> None:
        """Write phases as they are: the axis holds them instead of times."""
        self._scale = None
        self.setLabel(f"phase, period {period_days:g} d")
        self.picture = None
        self.update()

    def use_scale(self, scale: TimeScale) -> None:
        """Write times another way."""
        self._scale = scale
        self.setLabel("days before now" if scale is TimeScale.AGO else f"{scale.value} (UTC)")
        self.picture = None
        self.update()

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[Any]:
        """Write the ticks."""
        del scale
        digits = 0 if spacing >= 1 else min(6, len(f"{1 / spacing:.0f}"))
        match self._scale:
            case None:
                return [f"{v:.2f}" for v in values]
            case TimeScale.MJD:
                return [f"{v:.{digits}f}" for v in values]
            case TimeScale.JD:
                return [f"{v + _JD_OF_MJD:.{digits + 1}f}" for v in values]
            case TimeScale.AGO:
                now = mjd_now()
                return [f"{now - v:.{max(digits, 1)}f}" for v in values]
        shown = [numbers.iso(v) for v in values]
        return [text[:10] if spacing >= 1 else text[5:16] for text in shown]
