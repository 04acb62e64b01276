"""The result of the row looked at: magnitude, error budget, why this band, checks, verdict."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.sources import PsfPhotometry
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.session.night_frame import FrameState, NightFrame, RejectReason, Verdict
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.board_model import status_text
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.checks_model import ChecksModel
from cpcs_desktop.ui.target_pictures import TargetPictures
from cpcs_desktop.ui.theme import Theme, css

_LIMITS = {
    "too_faint": "nothing there above the noise",
    "blended": "blended with another source",
    "bad_pixel": "on a bad pixel",
}
_BUDGET = (
    ("photon", "photon", "the target's own instrumental error"),
    ("zero_point", "zp", "error of the zero point"),
    (
        "scatter",
        "scatter",
        "intrinsic scatter of the fit: what a single star of this frame may be off",
    ),
    ("colour", "colour", "colour difference between target and references times the colour slope"),
    ("survey", "survey", "systematic doubt of the survey's own zero point"),
)


class ResultView(QWidget):
    """The result panel with Accept, Reject and Submit.

    Signals
    -------
    accept_wanted()
    columns_wanted()
        The list's columns are not understood, and the observer wants to choose them.
    """

    accept_wanted = Signal()
    columns_wanted = Signal()

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("result")
        self._bridge = bridge
        self._theme = theme
        self.pictures = TargetPictures(bridge, theme, self)
        self.headline = self._label("resultMagnitude", rich=True)
        self.budget = self._label("resultBudget", rich=True)
        self.choice = self._label("resultChoice")
        self.place = self._label("resultPlace", rich=True)
        self.comment = QLineEdit(self)
        self.comment.setObjectName("comment")
        self.comment.setAccessibleName("Comment that goes with the point")
        self.comment.setPlaceholderText("Comment that goes with the point")
        self.comment.editingFinished.connect(self._on_comment)
        self.checks_model = ChecksModel(theme, self)
        self.checks = QListView(self)
        self.checks.setObjectName("checks")
        self.checks.setAccessibleName("Quality checks")
        self.checks.setModel(self.checks_model)
        self.checks.setWordWrap(True)
        self.checks.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.checks.setMinimumHeight(60)
        self.checks.setResizeMode(QListView.ResizeMode.Adjust)
        self.accept = self._button("accept", "Accept", "a", "Put the point into the outbox")
        self.submit = self._button("submit", "Submit", "s", "Send what waits in the outbox now")
        self.reject = QToolButton(self)
        self.reject.setObjectName("reject")
        self.reject.setText("Reject  r")
        self.reject.setToolTip("Say that the frame is no good, with a reason (r)")
        self.reject.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.reject.setMenu(self._reasons())
        self.columns = self._button(
            "chooseColumns", "Choose the columns …", "Ctrl+L", "Say which column is which"
        )
        self.columns.clicked.connect(self.columns_wanted)
        self.accept.clicked.connect(self.accept_wanted)
        self.submit.clicked.connect(bridge.sending.push_now)
        self.psf = QCheckBox("&PSF", self)
        self.psf.setObjectName("psf")
        self.psf.setAccessibleName("Measure the target by PSF photometry")
        self.psf.setToolTip(
            "For a target blended with others: fit it together with its neighbours by the PSF of"
            " the frame's own stars. The zero point stays that of the aperture magnitudes. (y)"
        )
        self.psf.clicked.connect(self._on_psf)
        self._size_headline()
        self._arrange()
        bridge.changed.connect(self._on_changed)
        self._show()

    def _label(self, name: str, *, rich: bool = False) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.RichText if rich else Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _button(self, name: str, text: str, key: str, tip: str) -> QPushButton:
        button = QPushButton(f"{text}  {key}", self)
        button.setObjectName(name)
        button.setToolTip(f"{tip} ({key})")
        button.setAccessibleName(f"{text}, key {key}")
        return button

    def _reasons(self) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("rejectReasons")
        for reason in RejectReason:
            action = menu.addAction(f"&{reason.value.capitalize()}")
            action.triggered.connect(lambda _on=False, r=reason: self._bridge.reject(r))
        return menu

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.accept, self.reject, self.submit):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.psf)
        inside = QWidget(self)
        words = QVBoxLayout(inside)
        words.setContentsMargins(0, 0, 4, 0)
        words.setSpacing(4)
        for label in (self.headline, self.budget, self.choice, self.place):
            words.addWidget(label)
        words.addWidget(self.columns, 0, Qt.AlignmentFlag.AlignLeft)
        words.addStretch(1)
        area = QScrollArea(self)
        area.setObjectName("resultWords")
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumHeight(40)
        middle = QVBoxLayout()
        middle.setSpacing(4)
        middle.addWidget(area, 1)
        middle.addWidget(self.comment)
        middle.addLayout(buttons)
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 6, 8, 6)
        grid.setHorizontalSpacing(12)
        grid.addWidget(self.pictures, 0, 0)
        grid.addLayout(middle, 0, 1)
        grid.addWidget(self.checks, 0, 2)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(2, 4)

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self._size_headline()
        self.checks_model.use_theme(theme)
        self.pictures.use_theme(theme)
        self._show()

    def _size_headline(self) -> None:
        big = QFont(self.font())
        big.setPointSizeF(big.pointSizeF() * 1.5)
        self.headline.setFont(big)

    def ask_reason(self) -> None:
        """Open the list of reasons to reject, for the keyboard."""
        self.reject.showMenu()

    # -- what is shown ---------------------------------------------------------------------------

    def _on_changed(self, changes: Changes) -> None:
        here = self._bridge.current
        if changes.current or changes.queue or here in changes.fits | changes.frames:
            self._show()

    def _show(self) -> None:
        frame, calibration = self._bridge.frame, self._bridge.calibration
        ready = frame is not None and calibration is not None
        for button in (self.accept, self.reject):
            button.setEnabled(frame is not None)
        self.accept.setEnabled(ready)
        error = None if frame is None else frame.error
        self.columns.setVisible(error is not None and error.code == "missing_column")
        self.comment.setEnabled(frame is not None)
        self.psf.setEnabled(ready and frame is not None and frame.facts.kind == "frame")
        self.psf.setChecked(frame is not None and frame.decisions.psf)
        if not self.comment.hasFocus():
            self.comment.setText(frame.decisions.comment if frame else "")
        self.checks_model.show(calibration.checks if calibration else ())
        if frame is None:
            self._words("Nothing chosen", "", "Drop frames on the window, or press Ctrl+O.", "")
        elif calibration is None:
            self._without_result(frame)
        else:
            self._result(frame, calibration)

    def _words(self, headline: str, budget: str, choice: str, place: str) -> None:
        for label, text in (
            (self.headline, headline),
            (self.budget, budget),
            (self.choice, choice),
            (self.place, place),
        ):
            label.setText(text)
            label.setVisible(bool(text))

    def _without_result(self, frame: NightFrame) -> None:
        if frame.state is FrameState.FAILED and frame.error is not None:
            head = f'<span style="color:{css(self._theme.bad)}">No result</span>'
            self._words(head, "", f"{frame.error.message} {frame.error.hint}".strip(), "")
        else:
            self._words(status_text(frame).capitalize(), "", "", "")

    def _result(self, frame: NightFrame, calibration: Calibration) -> None:
        found = calibration.measurement
        limit = found.kind == "UPPER_LIMIT"
        shown = numbers.magnitude(found.mag, found.mag_err_total, is_limit=limit)
        doubt = " ?" if calibration.choice.ambiguous else ""
        self._words(
            f"<b>{calibration.choice.band}{doubt}&nbsp; {shown}</b>{self._verdict(frame)}",
            self._budget(calibration),
            calibration.choice.reason,
            self._place(frame, calibration),
        )
        if limit:
            why = _LIMITS.get(found.limit_reason or "", found.limit_reason or "")
            self.budget.setText(f"Upper limit: {why}. Depth: {found.limit_method or numbers.DASH}.")

    def _verdict(self, frame: NightFrame) -> str:
        theme, decisions = self._theme, frame.decisions
        small = "font-size:small; font-weight:normal"
        if decisions.verdict is Verdict.ACCEPTED:
            word = "✔ accepted" if decisions.average is None else "Σ averaged"
            return f' <span style="color:{css(theme.good)};{small}">&nbsp;{word}</span>'
        if decisions.verdict is Verdict.REJECTED:
            why = f"✘ rejected: {decisions.reject_reason}"
            return f' <span style="color:{css(theme.bad)};{small}">&nbsp;{why}</span>'
        if decisions.revision:
            why = "changed since it was accepted"
            return f' <span style="color:{css(theme.warning)};{small}">&nbsp;{why}</span>'
        return ""

    def _budget(self, calibration: Calibration) -> str:
        budget = calibration.measurement.error_budget
        parts, tips = [], []
        for name, word, tip in _BUDGET:
            value = getattr(budget, name)
            parts.append(f"{word} {numbers.number(value, 3)}")
            tips.append(f"{word}: {tip}")
        self.budget.setToolTip("1 σ, mag; the total is their sum in quadrature\n" + "\n".join(tips))
        return f'<span style="color:{css(self._theme.faint)}">{" &nbsp; ".join(parts)}</span>'

    def _place(self, frame: NightFrame, calibration: Calibration) -> str:
        found = calibration.measurement
        parts = [frame.decisions.event or numbers.degrees(*calibration.target)]
        if found.offset_arcsec is not None:
            parts.append(f"{numbers.number(found.offset_arcsec, 2)}″ from the event")
        parts.append(f"match radius {numbers.number(calibration.match_radius_arcsec, 1)}″")
        parts.append(f"{calibration.magnitude_kind} magnitudes")
        if calibration.exposure.psf is not None:
            parts.append(self._psf_words(calibration.exposure.psf))
        return f'<span style="color:{css(self._theme.faint)}">{" · ".join(parts)}</span>'

    def _psf_words(self, psf: PsfPhotometry) -> str:
        if psf.refused is not None:
            return f'<span style="color:{css(self._theme.warning)}">no PSF: {psf.refused}</span>'
        beside = f"{psf.neighbours} neighbour{'' if psf.neighbours == 1 else 's'}"
        chi2 = numbers.number(psf.reduced_chi2, 1)
        return f"target by PSF of {psf.stars} stars with {beside}, χ² {chi2}"

    def _on_psf(self, on: bool) -> None:
        key = self._bridge.current
        if key is not None:
            self._bridge.command(lambda: self._bridge.night.use_psf([key], on))

    def _on_comment(self) -> None:
        key, frame = self._bridge.current, self._bridge.frame
        text = self.comment.text()
        if key is not None and frame is not None and text != frame.decisions.comment:
            self._bridge.command(lambda: self._bridge.night.set_comment(key, text))
