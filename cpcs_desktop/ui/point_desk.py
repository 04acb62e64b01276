"""What can be done to a point from any view: its record, conflicts, withdrawal, doubt, again.

Views say which point is meant; what is slow happens in threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.sync.doubts import doubt_of, doubt_point
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.conflict_view import ConflictView
from cpcs_desktop.ui.opening import open_dialog
from cpcs_desktop.ui.reason_dialog import ask_reason
from cpcs_desktop.ui.record_content import RecordContent, content_of
from cpcs_desktop.ui.record_view import RecordView
from cpcs_desktop.ui.stepwise import Stepwise
from cpcs_desktop.ui.theme import THEMES

if TYPE_CHECKING:
    from cpcs_desktop.sync.records import Record
    from cpcs_desktop.wire import PointSubmission


class PointDesk(QObject):
    """The commands on points.

    Parameters
    ----------
    bridge : Bridge
    window : QWidget
        Parent of what is opened.
    """

    def __init__(self, bridge: Bridge, window: QWidget) -> None:
        super().__init__(window)
        self._bridge = bridge
        self._window = window
        self.record: RecordView | None = None
        self._recalibrating = Stepwise("recalibrate", self)
        self._bhtom = Stepwise("bhtom", self)

    def close(self) -> None:
        """Stop what runs in the desk's own threads."""
        self._recalibrating.close()
        self._bhtom.close()

    # -- records ---------------------------------------------------------------------------------

    def open_record(
        self,
        point_id: str,
        revision: int | None = None,
        *,
        of_server: bool = False,
        take_keys: bool = True,
    ) -> None:
        """Open the record of a point, from this machine or the server.

        Parameters
        ----------
        of_server : bool
            The server's, also where this machine holds the same revision.
        take_keys : bool
            Give the keys to the record; a click in a plot leaves them there.
        """
        sending = self._bridge.sending

        def find() -> RecordContent:
            from cpcs_desktop.sync.records import find_record

            client = sending.new_client()
            try:
                record = find_record(
                    sending.outbox, client, point_id, revision, of_server=of_server
                )
            finally:
                if client is not None:
                    client.close()
            return content_of(record)

        self._bridge.said.emit("Fetching the record …")
        self._bridge.tasks.start(
            "record",
            self._bridge.threads.submit(find),
            lambda content: self._show(content, take_keys=take_keys),
        )

    def open_files(self, files: Iterable[Path]) -> None:
        """Open records from their zip files, each in a window of its own."""

        def read(file: Path) -> RecordContent:
            from cpcs_desktop.sync.records import record_of_file

            return content_of(record_of_file(file))

        for file in files:
            self._bridge.tasks.start(
                ("record", file),
                self._bridge.threads.submit(read, file),
                lambda content: self._show(content, take_keys=True),
            )

    def ask_files(self) -> None:
        """Ask for zip files of records."""
        files, _ = QFileDialog.getOpenFileNames(
            self._window, "Open records", "", "Record (*.zip);;All files (*)"
        )
        self.open_files(Path(file) for file in files)

    def _show(self, content: RecordContent, *, take_keys: bool) -> None:
        self._bridge.said.emit("")
        view = RecordView(content, self._bridge, self._window)
        if content.record.origin != "file":
            self._replace(view)
        view.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, not take_keys)
        self._show_beside(view)

    def _replace(self, view: RecordView) -> None:
        """Put a record in the place of the one before; records of files stay beside it."""
        before, self.record = self.record, view
        view.destroyed.connect(lambda: self._gone(view))
        if before is not None:
            part, at, size = before.parts.currentIndex(), before.pos(), before.size()
            before.close()
            view.parts.setCurrentIndex(part)
            view.resize(size)
            view.move(QPoint(at))

    def _gone(self, view: RecordView) -> None:
        if self.record is view:
            self.record = None

    # -- everything again, and elsewhere ---------------------------------------------------------

    def recalibrate(self) -> None:
        """Open the view of everything calibrated again."""
        from cpcs_desktop.ui.recalibration_view import RecalibrationView

        if self._raised(RecalibrationView):
            return
        view = RecalibrationView(self._bridge, self._recalibrating, self._window)
        view.applied.connect(self.queue_changed)
        self._show_beside(view)

    def show_bhtom(self) -> None:
        """Open what BHTOM was sent."""
        from cpcs_desktop.ui.bhtom_view import BhtomView

        if not self._raised(BhtomView):
            self._show_beside(BhtomView(self._bridge, self._bhtom, self._window))

    def _show_beside(self, view: QDialog) -> None:
        """Show a view that leaves the window in use, and gives it the keys back when it goes."""

        def give_back() -> None:
            self._window.activateWindow()
            self._window.setFocus(Qt.FocusReason.ActiveWindowFocusReason)

        view.finished.connect(give_back)
        view.show()

    def _raised(self, kind: type[QDialog]) -> bool:
        """Bring a view to the front that is open already; return whether there was one."""
        for view in self._window.findChildren(kind):
            if view.isVisible():
                view.raise_()
                view.activateWindow()
                return True
        return False

    # -- conflicts -------------------------------------------------------------------------------

    def decide(self, submission: Submission) -> None:
        """Fetch the server's side of a conflict and let the observer decide."""
        if not submission.in_conflict:
            self._bridge.said.emit("No other machine disagrees about this point.")
            return
        sending, point_id = self._bridge.sending, submission.point_id

        def find() -> tuple[PointSubmission, Record | None, str]:
            from cpcs_desktop.sync.records import find_record

            mine = sending.outbox.current(point_id).submission
            client = sending.new_client()
            try:
                return mine, find_record(sending.outbox, client, point_id, of_server=True), ""
            except CpcsError as error:
                return mine, None, f"{error.message} {error.hint}".strip()
            finally:
                if client is not None:
                    client.close()

        self._bridge.tasks.start(
            "conflict", self._bridge.threads.submit(find), lambda both: self._ask(*both)
        )

    def _ask(self, mine: PointSubmission, theirs: Record | None, trouble: str) -> None:
        theme = THEMES[self._bridge.settings.theme]
        view = ConflictView(mine, theirs, trouble, theme, self._window)
        other = None if theirs is None else theirs.submission

        def keep(which: str) -> None:
            outbox = self._bridge.sending.outbox
            if which == "mine" or other is None:
                future = self._bridge.threads.submit(outbox.keep_mine, mine.point.id)
            else:
                future = self._bridge.threads.submit(outbox.keep_theirs, other)
            self._bridge.tasks.start(("keep", mine.point.id), future, self._kept)

        view.decided.connect(keep)
        open_dialog(view)

    def _kept(self, row: Submission) -> None:
        self._bridge.said.emit(
            f"Revision {row.revision} counts."
            if row.state is SubmissionState.STORED
            else f"Your content goes on top, as revision {row.revision}."
        )
        self._bridge.sending.forget_point(row.point_id)
        self.queue_changed({row.point_id})

    # -- withdraw and doubt ----------------------------------------------------------------------

    def ask_withdraw(self, point_id: str) -> None:
        """Ask for the reason and withdraw a point of this machine."""
        row = self.own(point_id)
        if row is None or row.state is SubmissionState.WITHDRAWN:
            return
        ask_reason(
            self._window,
            "withdrawReason",
            "Withdraw a point",
            f"Why is {row.band} {numbers.number(row.mag, 3)} taken back?",
            lambda reason: self._bridge.withdraw(point_id, reason),
        )

    def ask_doubt(self, point_id: str) -> None:
        """Ask why a point is doubtful and mark it; an empty line takes the mark away."""
        row = self.own(point_id)
        if row is None:
            return
        point = self._bridge.sending.accepted_point(row)
        before = doubt_of(point.comment)
        question = f"Why is {row.band} {numbers.number(row.mag, 3)} doubtful?"
        if before is not None:
            question += f"\nNow: “{before}”. An empty line takes the mark away."

        def mark(reason: str) -> None:
            future = self._bridge.threads.submit(
                doubt_point, self._bridge.sending.outbox, point_id, reason
            )
            self._bridge.tasks.start(("doubt", point_id), future, self._doubted)

        ask_reason(self._window, "doubtReason", "A doubtful point", question, mark)

    def _doubted(self, row: Submission) -> None:
        self._bridge.said.emit(f"Noted as revision {row.revision}.")
        self.queue_changed({row.point_id})

    def own(self, point_id: str) -> Submission | None:
        """Return the row of a point in this outbox; say it when there is none."""
        rows = self._bridge.sending.submissions()
        row = next((row for row in rows if row.point_id == point_id), None)
        if row is None:
            self._bridge.said.emit(
                "This point was not accepted on this machine: only its own program changes it."
            )
        return row

    def queue_changed(self, point_ids: Iterable[str]) -> None:
        """Tell every view that these points have a new revision, and send it."""
        self._bridge.changed.emit(Changes(queue=True, points=frozenset(point_ids)))
        self._bridge.sending.wake(force=True)
