"""Two machines, one point: both sides beside each other, and the observer decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.plain_table import PlainTable
from cpcs_desktop.ui.record_content import history
from cpcs_desktop.ui.table_model import Column, TableModel
from cpcs_desktop.ui.theme import Rgb, Theme
from cpcs_desktop.wire import PointSubmission

if TYPE_CHECKING:
    from cpcs_desktop.sync.records import Record


@dataclass(frozen=True)
class Side:
    """One value on both sides."""

    number: int
    name: str
    mine: str
    theirs: str

    @property
    def differs(self) -> bool:
        """Whether the two machines disagree."""
        return self.mine != self.theirs


_COLUMNS: tuple[Column[Side], ...] = (
    Column("", "≠ where the two disagree", lambda s: "≠" if s.differs else "", lambda s: s.number),
    Column("Value", "", lambda s: s.name),
    Column("This machine", "What was accepted here", lambda s: s.mine),
    Column("Server", "What the other machine sent", lambda s: s.theirs),
)


class ConflictView(QDialog):
    """The point here and the point on the server.

    Signals
    -------
    decided(str)
        ``mine`` or ``theirs``.
    """

    decided = Signal(str)

    def __init__(
        self,
        mine: PointSubmission,
        theirs: Record | None,
        trouble: str,
        theme: Theme,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("conflictView")
        self.setWindowTitle("Two machines disagree")
        there = None if theirs is None else theirs.submission
        words = QLabel(self)
        words.setObjectName("conflictWords")
        words.setWordWrap(True)
        words.setText(
            f"{mine.point.file_name}: the server holds another content of this point. Nothing is "
            "sent until you decide. If you keep yours, the server's stays there, hidden; if you "
            "take the server's, yours is set aside here (cpcs record export POINT_ID --set-aside). "
            + (trouble or " · ".join(history(theirs) if theirs else ()))
        )

        def colour(row: Side, _column: int) -> Rgb | None:
            return theme.warning if row.differs else None

        self.model: TableModel[Side] = TableModel(_COLUMNS, self, colour=colour)
        self.model.show([Side(n, *values) for n, values in enumerate(_sides(mine, there))])
        self.table = PlainTable(self.model, "conflictTable", "Both sides", "", self)
        self.table.size_columns(["≠..", "stars excluded by hand..", "x" * 34, ""])
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        higher = max(mine.point.revision, 0 if there is None else there.point.revision) + 1
        self.mine = self._button("keepMine", f"Keep &mine, as revision {higher}", "mine")
        self.theirs = self._button("keepTheirs", "&Take the server's", "theirs")
        self.theirs.setEnabled(there is not None)
        later = QPushButton("Decide &later", self)
        later.setObjectName("decideLater")
        later.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch(1)
        for button in (later, self.theirs, self.mine):
            button.setAutoDefault(False)
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(words)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        self.resize(self.fontMetrics().horizontalAdvance("x" * 105), 520)

    def _button(self, name: str, text: str, keep: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.clicked.connect(lambda: self._decide(keep))
        return button

    def _decide(self, keep: str) -> None:
        self.decided.emit(keep)
        self.accept()


def _sides(mine: PointSubmission, theirs: PointSubmission | None) -> Iterator[tuple[str, str, str]]:
    """Yield name and both values, the numbers first."""
    here = _values(mine)
    there = dict.fromkeys(here, "not known") if theirs is None else _values(theirs)
    for name, value in here.items():
        yield name, value, there[name]


def _values(submission: PointSubmission) -> dict[str, str]:
    point, evidence = submission.point, submission.evidence
    made = point.provenance
    excluded = () if evidence is None else evidence.stars.get("excluded", ())
    limit = point.kind == "UPPER_LIMIT"
    surveys = made.get("surveys")
    return {
        "revision": str(point.revision),
        "magnitude": numbers.magnitude(point.mag, point.mag_err_total, is_limit=limit),
        "band": point.band,
        "zero point": f"{numbers.number(point.zero_point, 4)} ± "
        f"{numbers.number(point.zero_point_err, 4)}",
        "stars used": f"{point.n_used:.1f} of {point.n_matched}",
        "stars excluded by hand": str(sum(bool(flag) for flag in excluded)),
        "MJD": numbers.number(point.mjd, 6),
        "exposure (s)": numbers.number(point.exposure_s, 1),
        "match radius (″)": numbers.number(point.match_radius_arcsec, 2),
        "magnitudes": point.magnitude_kind,
        "comment": point.comment or numbers.DASH,
        "observers": ", ".join(point.observers) or numbers.DASH,
        "file": point.file_name,
        "software": str(made.get("software", numbers.DASH)),
        "settings digest": str(made.get("settings_digest", numbers.DASH)),
        "survey releases": numbers.DASH
        if not isinstance(surveys, dict)
        else ", ".join(f"{key} {release}" for key, release in surveys.items()),
        "request": str(made.get("request", numbers.DASH)),
        "frame's SHA-256": str(made.get("frame_sha256", numbers.DASH)),
    }
