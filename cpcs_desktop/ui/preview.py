"""What the fits would be while a control moves: the newest wish is answered, others dropped."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.session.fit_worker import FitWorker
from cpcs_desktop.session.fitting import previewed
from cpcs_desktop.session.night_frame import Decisions
from cpcs_desktop.ui.task import Tasks


class Preview(QObject):
    """Fits for the eye of one row; nothing is decided by it.

    Parameters
    ----------
    worker : FitWorker
        Child in which the fits are made; stays its owner's.

    Signals
    -------
    came(Calibration or CpcsError)
        What the newest wish would give.
    """

    came = Signal(object)

    def __init__(self, worker: FitWorker, parent: QObject) -> None:
        super().__init__(parent)
        self._worker = worker
        self._tasks = Tasks(self)
        self._tasks.failed.connect(self._failed)
        self._busy = False
        self._wanted: Decisions | None = None
        self.key: int | None = None
        self.settled: Calibration | None = None

    @property
    def showing(self) -> bool:
        """Whether a control moves."""
        return self.settled is not None

    def begin(self, key: int, settled: Calibration) -> None:
        """Keep the fits of a row to come back to."""
        self.key, self.settled = key, settled

    def show(self, decisions: Decisions) -> None:
        """Answer this wish as soon as the one before is answered."""
        self._wanted = decisions
        self._pump()

    def _pump(self) -> None:
        wanted, settled = self._wanted, self.settled
        if self._busy or wanted is None or settled is None:
            return
        self._wanted, self._busy = None, True
        self._tasks.start("preview", self._worker.submit(previewed, settled, wanted), self._came)

    def _came(self, calibration: Calibration) -> None:
        self._busy = False
        self.came.emit(calibration)
        self._pump()

    def _failed(self, error: Exception) -> None:
        self._busy = False
        if not isinstance(error, CpcsError):
            raise error
        self.came.emit(error)
        self._pump()

    def end(self) -> Calibration | None:
        """Preview no more; return the fits to come back to."""
        settled, self.settled, self._wanted, self.key = self.settled, None, None, None
        self._tasks.cancel_all()
        self._busy = False
        return settled
