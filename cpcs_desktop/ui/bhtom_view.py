"""The bridge to BHTOM in the window: what it was sent, what it made of it, dry runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.dialog_button import dialog_button
from cpcs_desktop.ui.plain_table import PlainTable
from cpcs_desktop.ui.stepwise import Stepwise
from cpcs_desktop.ui.table_model import Column, TableModel
from cpcs_desktop.ui.task import Tasks
from cpcs_desktop.ui.theme import THEMES, Rgb

if TYPE_CHECKING:
    from cpcs_desktop.datamodel.submission import Submission
    from cpcs_desktop.profile import Profile
    from cpcs_desktop.settings import BhtomSettings
    from cpcs_desktop.sync.bhtom import BhtomClient, BhtomResult, Bridged
    from cpcs_desktop.sync.outbox import Outbox

_STATES = {
    "": "○ not sent",
    "SENDING": "◐ sending",
    "SENT": "✔ sent",
    "REFUSED": "■ refused",
    "UNCERTAIN": "? uncertain",
}


@dataclass(frozen=True)
class BridgeRow:
    """One point and what became of it at BHTOM."""

    submission: Submission
    bridged: Bridged | None
    result: BhtomResult | None = None

    @property
    def state(self) -> str:
        """Word of the state, empty for never sent."""
        return "" if self.bridged is None else self.bridged.state


def _result(row: BridgeRow) -> str:
    told = row.result
    if told is None:
        return ""
    if told.state != "done":
        return f"{told.state} {told.message}".strip()
    return f"{told.band} {numbers.magnitude(told.mag, told.mag_err, is_limit=told.is_limit)}"


_COLUMNS: tuple[Column[BridgeRow], ...] = (
    Column("BHTOM", "Each list is sent once at most", lambda r: _STATES[r.state]),
    Column("No.", "BHTOM's number of the upload",
           lambda r: (r.bridged.remote_id if r.bridged else None) or ""),
    Column("Event", "Name of the event", lambda r: r.submission.event),
    Column("File", "Name of the frame or list", lambda r: r.submission.file_name),
    Column("Here", "Band and magnitude of the point",
           lambda r: f"{r.submission.band} {numbers.number(r.submission.mag, 3)}"),
    Column("BHTOM's calibration", "Fetched by its number", _result),
    Column("What was said last", "By BHTOM or the network",
           lambda r: r.bridged.message if r.bridged else ""),
)  # fmt: skip


class BhtomView(QDialog):
    """Points of the outbox as BHTOM knows them.

    Parameters
    ----------
    bridge : Bridge
    run : Stepwise
        The thread; it belongs to the window.
    parent : QWidget
    """

    def __init__(self, bridge: Bridge, run: Stepwise, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("bhtomView")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Send to BHTOM")
        self._bridge = bridge
        self._run = run
        self._results: dict[str, BhtomResult] = {}
        self._tried: list[str] = []
        self._tasks = Tasks(self)
        self._tasks.failed.connect(self._on_failed)
        self.words = QLabel(self)
        self.words.setObjectName("bhtomWords")
        self.words.setWordWrap(True)
        self.model: TableModel[BridgeRow] = TableModel(_COLUMNS, self, colour=self._colour)
        self.table = PlainTable(
            self.model, "bhtomTable", "Points at BHTOM", "No point was accepted yet.", self
        )
        self.table.size_columns(
            ["? uncertain..", "123456..", "ivo://practice/night#1...", "gaia16aye_r_001.fits..",
             "SDSS/r 15.312....", "GaiaSP/r 15.312 ± 0.008......", ""]
        )  # fmt: skip
        self.dry = dialog_button(self, "bhtomDryRun", "&Dry run", lambda: self.send(dry_run=True))
        self.real = dialog_button(self, "bhtomSend", "&Send", lambda: self.send(dry_run=False))
        self.fetch = dialog_button(self, "bhtomFetch", "&Fetch results", self.fetch_results)
        self.forget = dialog_button(self, "bhtomForget", "May be sent &again", self._forget)
        self.forget.setToolTip("For an uncertain or refused point, after you looked at BHTOM")
        self.dry.setToolTip("BHTOM calibrates and stores nothing")
        row = QHBoxLayout()
        row.addWidget(self.words, 1)
        for button in (self.forget, self.fetch, self.dry, self.real):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._enable())
        run.found.connect(self._on_found)
        run.ended.connect(self._on_ended)
        self.show_rows()
        self.resize(self.fontMetrics().horizontalAdvance("x" * 140), 420)

    def _colour(self, row: BridgeRow, column: int) -> Rgb | None:
        theme = THEMES[self._bridge.settings.theme]
        if column != 0:
            return None
        colours = {"SENT": theme.good, "REFUSED": theme.bad, "UNCERTAIN": theme.warning}
        return colours.get(row.state, theme.faint)

    def show_rows(self) -> None:
        """Show the outbox as BHTOM knows it."""
        from cpcs_desktop.datamodel.submission import SubmissionState
        from cpcs_desktop.sync.bhtom import BhtomBridge

        sending = self._bridge.sending
        known = {row.point_id: row for row in BhtomBridge(sending.outbox).all()}
        self.model.show(
            [
                BridgeRow(row, known.get(row.point_id), self._results.get(row.point_id))
                for row in sending.submissions()
                if row.point_id in known or row.state is not SubmissionState.WITHDRAWN
            ]
        )
        self._enable()

    def _enable(self) -> None:
        enabled = self._bridge.settings.bhtom.enabled
        if not enabled:
            self.words.setText("The bridge is off: turn it on in Settings (Ctrl+,), page BHTOM.")
        running = self._run.running
        chosen: BridgeRow | None = self.table.chosen()
        self.forget.setEnabled(chosen is not None and chosen.state in {"REFUSED", "UNCERTAIN"})
        for button in (self.dry, self.real, self.fetch):
            button.setEnabled(enabled and not running)

    # -- sending ---------------------------------------------------------------------------------

    def send(self, *, dry_run: bool) -> None:
        """Send every point that BHTOM was never sent, one after the other."""
        self.words.setText("Sending …" if not dry_run else "Dry run …")
        self._tried.clear()
        settings, profile = self._bridge.settings.bhtom, self._bridge.profile
        outbox = self._bridge.sending.outbox
        self._run.start(partial(_send, profile, outbox, settings, dry_run=dry_run))
        self._enable()

    def _on_found(self, row: Bridged) -> None:
        self._tried.append(f"{_STATES[row.state]}: {row.message}")
        self.words.setText(f"{len(self._tried)} done; {self._tried[-1]}")
        self.show_rows()

    def _on_ended(self, error: Exception | None) -> None:
        self.show_rows()
        if error is not None:
            self._on_failed(error)
        elif not self._tried:
            self.words.setText("There is nothing that BHTOM was not sent already.")
        for button in (self.dry, self.real, self.fetch):
            button.setEnabled(self._bridge.settings.bhtom.enabled)

    def fetch_results(self) -> None:
        """Ask what BHTOM's own calibration made of the lists."""
        self.words.setText("Asking BHTOM …")
        settings, profile = self._bridge.settings.bhtom, self._bridge.profile
        sent = {
            row.bridged.remote_id: row.submission.point_id
            for row in self.model.rows
            if row.bridged is not None and row.bridged.remote_id is not None
        }

        def ask() -> list[BhtomResult]:
            return _client(profile, settings).results(list(sent))

        def came(results: list[BhtomResult]) -> None:
            self._results |= {sent[told.remote_id]: told for told in results}
            self.words.setText(f"{len(results)} results.")
            self.show_rows()

        self._tasks.start("results", self._bridge.threads.submit(ask), came)

    def _forget(self) -> None:
        from cpcs_desktop.sync.bhtom import BhtomBridge

        chosen: BridgeRow | None = self.table.chosen()
        if chosen is not None:
            BhtomBridge(self._bridge.sending.outbox).forget(chosen.submission.point_id)
            self.show_rows()

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, CpcsError):
            self.words.setText(f"{error.message} {error.hint}".strip())
        else:
            self._bridge.unforeseen.emit(error)


def _client(profile: Profile, settings: BhtomSettings) -> BhtomClient:
    """Return a client; called in threads.

    Raises
    ------
    CpcsError
        ``no_token``.
    """
    from cpcs_desktop.sync.bhtom import BhtomClient
    from cpcs_desktop.sync.credentials import read_bhtom_token

    token = read_bhtom_token(profile, settings.upload_url)
    if not token:
        raise CpcsError(
            "no_token", "There is no token for BHTOM.", "Give it in Settings (Ctrl+,), page BHTOM."
        )
    return BhtomClient(settings.upload_url, token, result_url=settings.result_url)


def _send(
    profile: Profile, outbox: Outbox, settings: BhtomSettings, *, dry_run: bool
) -> Iterator[Bridged]:
    from cpcs_desktop.sync.bhtom import BhtomBridge

    client = _client(profile, settings)
    yield from BhtomBridge(outbox).send(client, settings, dry_run=dry_run)
