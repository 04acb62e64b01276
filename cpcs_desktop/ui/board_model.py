"""The night board as a table model: one row per frame or list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.session.check_star import CheckStar, CheckStars, by_target
from cpcs_desktop.session.night_frame import FrameState, NightFrame, Verdict
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.theme import Theme, qcolor

Index = QModelIndex | QPersistentModelIndex
KEY_ROLE = Qt.ItemDataRole.UserRole
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
_ROOT = QModelIndex()

#: title, tooltip
COLUMNS: tuple[tuple[str, str], ...] = (
    ("", "What you decided: ✔ accepted, Σ averaged, ✘ rejected, ○ not yet; ● marks work under way"),
    ("Frame", "Small picture and name of the file"),
    ("UTC", "Mid-exposure, UTC"),
    ("Band", "Band the calibration chose; ? where two bands explain the stars equally well"),
    ("Magnitude", "Magnitude of the target with its total 1 σ error, or > and the 5 σ limit"),
    ("Filter", "Filter as written in the header"),
    ("ZP", "Zero point: reference minus instrumental magnitude, mag"),
    ("Trend", "Zero point against the median of the night in the same band, mag; clouds lower it"),
    ("Scatter", "Intrinsic scatter of the fit beyond the formal errors, mag"),
    ("Check", "The check star against the mean of its band over the night, mag"),
    ("FWHM", "Median full width at half maximum of the stars, pixels"),
    ("Sources", "Sources measured on the frame"),
    ("MJD", "Mid-exposure, MJD, UTC"),
    ("HJD", "Mid-exposure, Heliocentric Julian Date, UTC, from the geocentre"),
    ("BJD", "Mid-exposure, Barycentric Julian Date, TDB, from the geocentre"),
    ("Status", "How far the work has come, or why it stopped"),
)
(STATE, NAME, UTC, BAND, MAG, FILTER, ZP, TREND, SCATTER, CHECK, FWHM, SOURCES, MJD, HJD, BJD,
 STATUS) = range(16)  # fmt: skip
_RIGHT = {MAG, ZP, TREND, SCATTER, CHECK, FWHM, SOURCES, MJD, HJD, BJD}
#: A zero point lower than its band's median by more is a cloud's work.
CLOUD_MAG = 0.3
_VERDICT_MARK = {Verdict.ACCEPTED: "✔", Verdict.REJECTED: "✘", Verdict.UNDECIDED: "○"}


class BoardModel(QAbstractTableModel):
    """Rows of the night; reads the night, changes nothing."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._theme = theme
        self._frames: list[NightFrame] = list(bridge.night.frames)
        self._pictures: dict[int, QIcon] = {}
        self._finder = CheckStars()
        self.check_stars: list[CheckStar] = []
        self._trend: dict[int, float] = {}
        self._checks: dict[int, float] = {}
        self._compute_trend()
        self._compute_checks()
        bridge.changed.connect(self._on_changed)

    # -- Qt's questions --------------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Count rows."""
        return 0 if parent.isValid() else len(self._frames)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Count columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Titles and what they mean."""
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(COLUMNS):
            if role == Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section][0]
            if role == Qt.ItemDataRole.ToolTipRole:
                return COLUMNS[section][1]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Answer one cell."""
        if not index.isValid() or index.row() >= len(self._frames):
            return None
        frame, column = self._frames[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(frame, column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._tooltip(frame, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{COLUMNS[column][0] or 'Verdict'}: {self._tooltip(frame, column)}"
            case Qt.ItemDataRole.DecorationRole if column == NAME:
                return self._picture(frame)
            case Qt.ItemDataRole.ForegroundRole:
                return self._colour(frame, column)
            case Qt.ItemDataRole.TextAlignmentRole if column in _RIGHT:
                return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            case Qt.ItemDataRole.TextAlignmentRole if column == STATE:
                return int(Qt.AlignmentFlag.AlignCenter)
            case _ if role == KEY_ROLE:
                return frame.key
            case _ if role == SORT_ROLE:
                return self._sort_value(frame, column)
        return None

    # -- what views ask --------------------------------------------------------------------------

    def row_of(self, key: int | None) -> int | None:
        """Return the row of a key."""
        return next((n for n, f in enumerate(self._frames) if f.key == key), None)

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self._pictures.clear()
        self._all_changed()

    # -- inside ----------------------------------------------------------------------------------

    def _on_changed(self, changes: Changes) -> None:
        if changes.board:
            self.beginResetModel()
            self._frames = list(self._bridge.night.frames)
            self._compute_trend()
            self._compute_checks()
            self.endResetModel()
            return
        if changes.frames:
            rows = [n for n, f in enumerate(self._frames) if f.key in changes.frames]
            old_rows = [self._frames[row] for row in rows]
            for row in rows:
                self._frames[row] = self._bridge.night.frame(self._frames[row].key)
            before = (self._trend, self._checks)
            self._compute_trend()
            now = [self._frames[row] for row in rows]
            if [_checked_by(f) for f in old_rows] != [_checked_by(f) for f in now]:
                self._compute_checks()
            # These columns alone: a table that heard of all cells would sort 500 rows again.
            for column, old, new in (
                (TREND, before[0], self._trend),
                (CHECK, before[1], self._checks),
            ):
                if old != new:
                    last = self.index(len(self._frames) - 1, column)
                    self.dataChanged.emit(self.index(0, column), last)
            if rows:
                last = self.index(max(rows), len(COLUMNS) - 1)
                self.dataChanged.emit(self.index(min(rows), 0), last)

    def _all_changed(self) -> None:
        if self._frames:
            last = self.index(len(self._frames) - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def _compute_trend(self) -> None:
        """Zero point against the median of the same band, exposure times taken out."""
        by_band: dict[str, list[tuple[int, float]]] = {}
        for frame in self._frames:
            level = _level(frame)
            if level is not None:
                by_band.setdefault(frame.facts.band or "", []).append((frame.key, level))
        self._trend = {}
        for levels in by_band.values():
            ordered = sorted(value for _, value in levels)
            median = ordered[len(ordered) // 2]
            if len(levels) > 1:
                self._trend |= {key: value - median for key, value in levels}

    @property
    def trend(self) -> Mapping[int, float]:
        """Zero point of each row against the median of its band, mag; clouds lower it."""
        return self._trend

    def _compute_checks(self) -> None:
        """How far the check stars lie from their means, of the rows that show one."""
        self.check_stars = [
            star for rows in by_target(self._frames).values() if (star := self._finder.of(rows))
        ]
        self._checks = {k: v for star in self.check_stars for k, v in star.deviation.items()}

    def check_of(self, key: int | None) -> CheckStar | None:
        """Return the check star that a row shows."""
        return next((s for s in self.check_stars if key in s.deviation), None)

    def _picture(self, frame: NightFrame) -> QIcon | None:
        if not frame.thumbnail:
            return None
        if frame.key not in self._pictures:
            picture = QPixmap()
            picture.loadFromData(frame.thumbnail)
            self._pictures[frame.key] = QIcon(_tinted(picture, self._theme))
        return self._pictures[frame.key]

    def _text(self, frame: NightFrame, column: int) -> str:
        if column in {TREND, CHECK}:
            value = (self._trend if column == TREND else self._checks).get(frame.key)
            digits = 2 if column == TREND else 3
            return "" if value is None else numbers.number(value, digits, sign=True)
        return _TEXTS[column](frame)

    def _tooltip(self, frame: NightFrame, column: int) -> str:
        if column in {STATE, STATUS}:
            parts = [_verdict_text(frame), status_text(frame)]
            if frame.error is not None and frame.error.hint:
                parts.append(frame.error.hint)
            return "\n".join(part for part in parts if part)
        if column == NAME:
            return frame.path
        return self._text(frame, column)

    def _colour(self, frame: NightFrame, column: int) -> QColor | None:
        theme = self._theme
        if column == STATE:
            colours = {
                Verdict.ACCEPTED: theme.good,
                Verdict.REJECTED: theme.bad,
                Verdict.UNDECIDED: theme.faint,
            }
            return qcolor(colours[frame.decisions.verdict])
        if column == STATUS:
            if frame.state is FrameState.FAILED:
                return qcolor(theme.bad)
            if frame.state is FrameState.CALIBRATED:
                return qcolor(theme.level(frame.facts.worst_check or "green"))
            return qcolor(theme.faint)
        if column == TREND and abs(self._trend.get(frame.key, 0.0)) > CLOUD_MAG:
            return qcolor(theme.warning)
        if frame.decisions.verdict is Verdict.REJECTED:
            return qcolor(theme.faint)
        return None

    def _sort_value(self, frame: NightFrame, column: int) -> Any:
        facts = frame.facts
        numeric: dict[int, float | None] = {
            UTC: facts.mjd,
            MJD: facts.mjd,
            MAG: facts.mag,
            ZP: facts.zero_point,
            TREND: self._trend.get(frame.key),
            CHECK: self._checks.get(frame.key),
            HJD: facts.hjd,
            BJD: facts.bjd,
            SCATTER: facts.scatter,
            FWHM: facts.fwhm_pix,
            SOURCES: facts.n_sources,
        }
        if column in numeric:
            value = numeric[column]
            return float("inf") if value is None else float(value)
        return self._text(frame, column)


def _tinted(picture: QPixmap, theme: Theme) -> QPixmap:
    """Return a grey picture in the theme's light."""
    painter = QPainter(picture)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
    painter.fillRect(picture.rect(), QColor.fromRgbF(*theme.tint))
    painter.end()
    return picture


def _level(frame: NightFrame) -> float | None:
    facts = frame.facts
    if facts.zero_point is None:
        return None
    if facts.exposure_s is None or facts.exposure_s <= 0:
        return facts.zero_point
    from math import log10

    return facts.zero_point - 2.5 * log10(facts.exposure_s)


def status_text(frame: NightFrame) -> str:
    """Say in a few words how a row stands."""
    match frame.state:
        case FrameState.QUEUED:
            return "waiting"
        case FrameState.EXTRACTING:
            return "measuring …"
        case FrameState.EXTRACTED:
            return "fitting …"
        case FrameState.FAILED:
            return "failed" if frame.error is None else frame.error.message
        case FrameState.CALIBRATED:
            if frame.facts.ambiguous:
                return "which band? look at the fits"
            words = {"red": "a check is red", "amber": "look at the checks"}
            return words.get(frame.facts.worst_check or "", "ok")


def _verdict_text(frame: NightFrame) -> str:
    decisions = frame.decisions
    if decisions.verdict is Verdict.REJECTED:
        return f"rejected: {decisions.reject_reason}"
    if decisions.verdict is Verdict.ACCEPTED:
        if decisions.average is not None:
            return f"averaged with other rows into one point, revision {decisions.revision}"
        return f"accepted, revision {decisions.revision}"
    return "changed since it was accepted" if decisions.revision else "not decided yet"


def _checked_by(frame: NightFrame) -> tuple[object, ...]:
    """Return everything of a row that a check star depends on."""
    facts, decisions = frame.facts, frame.decisions
    wish = (decisions.event, decisions.target, decisions.check_star)
    return (facts.stars, facts.mag, facts.band, facts.zero_point_err, *wish)


def _mark(frame: NightFrame) -> str:
    if frame.state in {FrameState.EXTRACTING, FrameState.EXTRACTED}:
        return "●"
    if frame.decisions.average is not None:
        return "Σ"
    return _VERDICT_MARK[frame.decisions.verdict]


def _magnitude(frame: NightFrame) -> str:
    facts = frame.facts
    return numbers.magnitude(facts.mag, facts.mag_err_total, is_limit=frame.is_limit)


def _band(frame: NightFrame) -> str:
    return (frame.facts.band or "") + (" ?" if frame.facts.ambiguous else "")


def _short(path: str) -> str:
    """Name of a file without the endings every frame has."""
    name = Path(path).name
    for ending in (".gz", ".fz", ".bz2", ".fits", ".fit", ".fts"):
        name = name.removesuffix(ending)
    return name


def _known(value: float | None, digits: int) -> str:
    return "" if value is None else numbers.number(value, digits)


_TEXTS: dict[int, Callable[[NightFrame], str]] = {
    STATE: _mark,
    NAME: lambda f: _short(f.path),
    UTC: lambda f: "" if f.facts.mjd is None else numbers.clock(f.facts.mjd),
    FILTER: lambda f: f.facts.filter_header or "",
    BAND: _band,
    MAG: lambda f: "" if f.facts.mag is None else _magnitude(f),
    ZP: lambda f: _known(f.facts.zero_point, 3),
    SCATTER: lambda f: _known(f.facts.scatter, 3),
    FWHM: lambda f: _known(f.facts.fwhm_pix, 1),
    SOURCES: lambda f: "" if f.facts.n_sources is None else str(f.facts.n_sources),
    MJD: lambda f: _known(f.facts.mjd, 5),
    HJD: lambda f: _known(f.facts.hjd, 5),
    BJD: lambda f: _known(f.facts.bjd, 5),
    STATUS: status_text,
}
