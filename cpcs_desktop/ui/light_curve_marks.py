"""What a light curve draws, as plain marks: points, nights or colours, folded or not.

No widgets: what is drawn can be checked without drawing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from cpcs_desktop.calib.light_curves import bin_by_night, colour_curve, fold
from cpcs_desktop.datamodel.point import LightCurvePoint
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.light_curve_points import Drawn, How

ALL = "all"
#: A point so many sigmas from its neighbours is pointed at.
HINT_SIGMA = 4.0


class Shown(StrEnum):
    """What is drawn."""

    POINTS = "points"
    NIGHTS = "nights"
    COLOUR = "colour"


@dataclass(frozen=True)
class Choice:
    """What the controls narrow the light curve to, and how it is drawn.

    Parameters
    ----------
    band, observatory : str
        ``all``, or the only one.
    since, until : float or None
        MJD.
    shown : Shown
    blue, red : str
        Band letters of the colour.
    period_days : float or None
        None is not folded.
    epoch_mjd : float
    older, hints : bool
    """

    band: str = ALL
    observatory: str = ALL
    since: float | None = None
    until: float | None = None
    shown: Shown = Shown.POINTS
    blue: str = ""
    red: str = ""
    period_days: float | None = None
    epoch_mjd: float = 0.0
    older: bool = False
    hints: bool = True

    def takes(self, point: LightCurvePoint) -> bool:
        """Whether a point is among those chosen; a colour needs every band."""
        in_band = self.shown is Shown.COLOUR or self.band in {ALL, point.band}
        return (
            in_band
            and self.observatory in {ALL, point.observatory}
            and (self.since is None or point.mjd >= self.since)
            and (self.until is None or point.mjd <= self.until)
        )


@dataclass(frozen=True)
class Mark:
    """One mark of the plot.

    Parameters
    ----------
    x, y : float
        MJD or phase; magnitude or colour.
    err : float or None
    band, observatory : str
        Colour and shape.
    kind : {"detection", "limit"}
    how : str
        As for :class:`Drawn`, or ``bin``, ``colour``.
    told : str
        What is said of a bin or a pair when it is picked.
    drawn : Drawn or None
        The point behind it, where it is one.
    sigma : float
        Distance from its neighbours, sigmas; 0 where it is not judged.
    """

    x: float
    y: float
    err: float | None
    band: str
    observatory: str
    kind: Literal["detection", "limit"]
    how: How | Literal["bin", "colour"]
    told: str = ""
    drawn: Drawn | None = None
    sigma: float = 0.0

    @property
    def hint(self) -> bool:
        """Whether it lies far from its neighbours."""
        return self.sigma > HINT_SIGMA

    @property
    def words(self) -> str:
        """What is said when it is picked; written then, not for every point drawn."""
        return self.told if self.drawn is None else _words(self.drawn, self.sigma)

    @property
    def doubted(self) -> bool:
        """Whether its observer doubts it, in the revision that counts."""
        return self.how != "older" and self.drawn is not None and self.drawn.doubt is not None

    def is_of(self, point: LightCurvePoint) -> bool:
        """Whether it stands for this revision of a point."""
        drawn = self.drawn
        return drawn is not None and (drawn.point.id, drawn.point.revision) == (
            point.id,
            point.revision,
        )


def ranges(marks: Sequence[Mark]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ends of both axes that show every mark with its error; not for none."""
    x = [mark.x for mark in marks]
    wide, middle = max(max(x) - min(x), 0.02), (max(x) + min(x)) / 2
    low = min(mark.y - (mark.err or 0.0) for mark in marks)
    high = max(mark.y + (mark.err or 0.0) for mark in marks)
    return (middle - wide / 2, middle + wide / 2), (low - 0.05, high + 0.05)


def marks_of(
    drawn: Sequence[Drawn],
    choice: Choice,
    sigmas: Mapping[str, float],
    longitude: float | None = None,
) -> list[Mark]:
    """Return the marks of a light curve.

    Parameters
    ----------
    drawn : sequence of Drawn
    choice : Choice
    sigmas : mapping
        Id of a point to its distance from its neighbours, sigmas.
    longitude : float, optional
        Of the observatory, degrees east, for nights.
    """
    taken = [d for d in drawn if choice.takes(d.point)]
    if choice.shown is Shown.POINTS:
        marks = [_point(d, sigmas if choice.hints else {}) for d in taken]
    else:
        counted = [d.point for d in taken if d.how in {"server", "waiting"}]
        if choice.shown is Shown.NIGHTS:
            marks = _nights(counted, longitude)
        else:
            marks = _colours(counted, choice)
    return marks if choice.period_days is None else _folded(marks, choice)


def _point(drawn: Drawn, sigmas: Mapping[str, float]) -> Mark:
    point = drawn.point
    return Mark(
        point.mjd, point.mag, total(point) or None, point.band, point.observatory,
        "limit" if point.kind == "UPPER_LIMIT" else "detection", drawn.how, drawn=drawn,
        sigma=sigmas.get(point.id, 0.0) if drawn.how in {"server", "waiting"} else 0.0,
    )  # fmt: skip


def _words(drawn: Drawn, sigma: float) -> str:
    point = drawn.point
    limit = point.kind == "UPPER_LIMIT"
    words = (
        f"{point.band} {numbers.magnitude(point.mag, total(point) or None, is_limit=limit)} "
        f"· MJD {numbers.number(point.mjd, 5)} ({numbers.iso(point.mjd)} UTC) "
        f"· {point.observatory} · revision {point.revision} · {drawn.where} · id {point.id}"
    )
    if drawn.doubt is not None:
        words += f" · doubtful: {drawn.doubt}"
    if sigma > HINT_SIGMA:
        words += f" · {sigma:.1f} sigma from its neighbours"
    return words


def _nights(points: Iterable[LightCurvePoint], longitude: float | None) -> list[Mark]:
    marks = []
    for night in bin_by_night(points, longitude):
        shown = numbers.magnitude(night.mag, night.mag_err, is_limit=night.is_limit)
        words = (
            f"{night.band} {shown} · mean of {night.n} · {night.observatory} · night of "
            f"{numbers.iso(night.mjd)[:10]}, MJD {numbers.number(night.mjd, 5)}"
        )
        kind: Literal["detection", "limit"] = "limit" if night.is_limit else "detection"
        marks.append(
            Mark(night.mjd, night.mag, night.mag_err, night.band, night.observatory, kind,
                 "bin", words)
        )  # fmt: skip
    return marks


def _colours(points: Iterable[LightCurvePoint], choice: Choice) -> list[Mark]:
    if not choice.blue or not choice.red:
        return []
    marks = []
    for pair in colour_curve(points, choice.blue, choice.red):
        apart = 24 * 60 * (pair.red.mjd - pair.blue.mjd)
        words = (
            f"{choice.blue} − {choice.red} = {numbers.number(pair.colour, 3, sign=True)} ± "
            f"{numbers.number(pair.colour_err, 3)} · MJD {numbers.number(pair.mjd, 5)} · "
            f"{pair.blue.band} ({pair.blue.observatory}) and {pair.red.band} "
            f"({pair.red.observatory}), {numbers.number(abs(apart), 0)} min apart"
        )
        marks.append(
            Mark(pair.mjd, pair.colour, pair.colour_err, pair.blue.band,
                 pair.blue.observatory, "detection", "colour", words)
        )  # fmt: skip
    return marks


def _folded(marks: Sequence[Mark], choice: Choice) -> list[Mark]:
    """Return every mark at its phase, twice, so that no part of the curve is cut."""
    from dataclasses import replace

    assert choice.period_days is not None
    mjd = np.array([mark.x for mark in marks], dtype=np.float64)
    phases = fold(mjd, choice.period_days, choice.epoch_mjd)
    return [
        replace(mark, x=float(phase) + turn)
        for turn in (0.0, 1.0)
        for mark, phase in zip(marks, phases, strict=True)
    ]


def total(point: LightCurvePoint) -> float:
    """Return the best known error of a point as it is drawn, mag; 0 for none."""
    return point.mag_err_total or point.mag_err or 0.0
