"""The work behind the window: rows go through measuring and fitting, off the GUI thread.

Extraction and fits run in child processes, because they keep the interpreter's lock; reading runs
in threads. Nothing here draws.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import ParamSpec, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.garbage import keep_all
from cpcs_desktop.profile import Profile
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.session.fit_worker import FitWorker
from cpcs_desktop.session.fitting import answers, crossed, fit_frame
from cpcs_desktop.session.measuring import Measuring, split_hdu
from cpcs_desktop.session.night import Night
from cpcs_desktop.session.night_frame import Decisions, FrameState, NightFrame
from cpcs_desktop.settings import AppSettings
from cpcs_desktop.ui.kept import Kept
from cpcs_desktop.ui.pixels import make_thumbnail
from cpcs_desktop.ui.preview import Preview
from cpcs_desktop.ui.task import Tasks
from cpcs_desktop.ui.warming import import_needed

P = ParamSpec("P")
T = TypeVar("T")
_log = logging.getLogger(__name__)
_KEPT_CALIBRATIONS = 8
_KEPT_EXPOSURES = 24
#: Stars times bands that a warm fit answers within a frame or two of the screen.
_MOST_STARS_INLINE = 12_000
#: The cold fit waits until the observer pauses.
_PAUSE_MS = 150
#: How long a busy thread keeps the interpreter when the window asks for it. Each cell that a table
#: paints asks once: at Python's own 5 ms, 200 cells take a second beside one busy thread.
_TURN_S = 0.0005


class Workbench(QObject):
    """Works through the rows of the night, the one looked at first.

    Signals
    -------
    changed(Changes)
        Work has found something.
    said(str)
        A sentence for the status bar.
    unforeseen(Exception)
        An error nobody expected; the row says so, the exception hook shows it once.
    """

    changed = Signal(object)
    said = Signal(str)
    unforeseen = Signal(object)

    def __init__(
        self, night: Night, profile: Profile, settings: AppSettings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._night = night
        self._profile = profile
        self._tasks = Tasks(self)
        self._measuring = ThreadPoolExecutor(1, "cpcs-measure")
        self._fitting = FitWorker()
        self._instrument = Measuring(profile, settings, self._fitting)
        self._preview = Preview(self._fitting, self)
        self._preview.came.connect(self._previewed)
        self._warming = ThreadPoolExecutor(1, "cpcs-warm")
        self._picturing = ThreadPoolExecutor(1, "cpcs-picture")
        self._closed = False
        self._looked_at: int | None = None
        self._exposures: Kept[Exposure] = Kept(_KEPT_EXPOSURES)
        self._calibrations: Kept[Calibration] = Kept(_KEPT_CALIBRATIONS)
        self._settled: set[int] = set()
        self._to_fit: set[int] = set()
        self._started = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._pump)

    # -- what is there -------------------------------------------------------------------------

    def exposure(self, key: int | None) -> Exposure | None:
        """Return what was measured on a row, None while it is not at hand."""
        return None if key is None else self._exposures.get(key)

    def calibration(self, key: int | None) -> Calibration | None:
        """Return the newest fits of a row, warm ones too; None while there are none."""
        return None if key is None else self._calibrations.get(key)

    def answers(self, key: int) -> bool:
        """Say whether the fits of a row are those its decisions ask for, exclusions aside.

        Those follow when a point is accepted; other stars, magnitudes or bands have to come first.
        """
        shown, exposure = self._calibrations.get(key), self._exposures.get(key)
        if shown is None or exposure is None:
            return False
        decisions = self._night.frame(key).decisions
        return answers(replace(shown, excluded=decisions.excluded), exposure, decisions)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing waits."""
        waiting = bool(self._to_fit) or self._next_to_measure() is not None
        return self._started and len(self._tasks) == 0 and not waiting

    @property
    def under_way(self) -> int:
        """How many rows still wait for work."""
        waiting = {FrameState.QUEUED, FrameState.EXTRACTING, FrameState.EXTRACTED}
        return sum(frame.state in waiting for frame in self._night.frames)

    # -- commands --------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work; called when the window is on the screen."""
        self._started = True
        sys.setswitchinterval(_TURN_S)
        self._warming.submit(self._warm_up)
        QTimer.singleShot(0, self, self._pump)

    def _warm_up(self) -> None:
        """Start the children and import what the first frame needs, while the window is idle."""
        try:
            self._fitting.warm()
            self._instrument.warm()
        except CpcsError:
            return  # closed meanwhile
        import_needed(lambda: self._closed)
        keep_all()

    def use_settings(self, settings: AppSettings) -> None:
        """Use other settings from now on."""
        self._instrument.use_settings(settings)

    def look_at(self, key: int | None) -> None:
        """Work on this row before the others, and have its fits at hand."""
        self._looked_at = key
        self.end_preview()
        if key is not None and key in self._exposures:
            self._exposures.move_to_end(key)
            if key in self._calibrations:
                self._calibrations.move_to_end(key)
            elif self._night.frame(key).state is not FrameState.FAILED:
                self._to_fit.add(key)
        self._pump()

    def follow(self, changes: Changes) -> Changes:
        """Make the fits follow the observer's decisions.

        Taking stars out is answered here and now by a warm fit of every band; the cold fit that
        settles the numbers, and everything else, is done behind the window.

        Returns
        -------
        Changes
            The given ones with the fits that have followed already.
        """
        for key in changes.fits:
            if key == self._preview.key:
                self._preview.end()  # decided: what is shown stays until the cold fits come
            frame = self._night.frame(key)
            shown = self._calibrations.get(key)
            exposure = self._exposures.get(key)
            if shown is not None and exposure is not None:
                self._warm(key, shown, exposure, frame)
            self._settled.discard(key)
            self._to_fit.discard(key)
            if frame.decisions.present and frame.state is not FrameState.QUEUED:
                self._to_fit.add(key)
        self._pause.start()
        return changes

    def preview(self, wanted: Decisions) -> None:
        """Show what the fits of the row looked at would be with these decisions.

        Nothing happens while its own fits are not settled: they come first.
        """
        key = self._looked_at
        if key is None:
            return
        shown = self._calibrations.get(key)
        if not self._preview.showing and shown is not None and key in self._settled:
            self._preview.begin(key, shown)
        self._preview.show(wanted)

    def end_preview(self) -> None:
        """Show the fits as they were before the control moved."""
        key, settled = self._preview.key, self._preview.end()
        if key is not None and settled is not None and self._calibrations.get(key) is not settled:
            self._calibrations.keep(key, settled)
            self.changed.emit(Changes(fits=frozenset({key})))

    def _previewed(self, came: Calibration | CpcsError) -> None:
        key = self._preview.key
        if key is None:
            return
        if isinstance(came, CpcsError):
            self.said.emit(came.message)
            return
        self._calibrations.keep(key, came)
        self.changed.emit(Changes(fits=frozenset({key})))

    def _warm(self, key: int, shown: Calibration, exposure: Exposure, frame: NightFrame) -> None:
        """Let every band follow an exclusion; rich fields follow a blink later, in a thread."""
        excluded = frame.decisions.excluded
        if shown.excluded == excluded or not answers(
            replace(shown, excluded=excluded), exposure, frame.decisions
        ):
            return
        from cpcs_desktop import pipeline

        if sum(len(fit.source_row) for fit in shown.fits) > _MOST_STARS_INLINE:
            self._calibrations.keep(key, crossed(shown, excluded))
            future = self._warming.submit(pipeline.refit, shown, excluded, warm=True)
            self._tasks.start(
                ("warm", key), future, lambda made: self._warmed(key, made), self._not_warmed
            )
            return
        try:
            self._calibrations.keep(key, pipeline.refit(shown, excluded, warm=True))
        except CpcsError as error:
            self._not_warmed(error)

    def _warmed(self, key: int, calibration: Calibration) -> None:
        """Show the warm fits, unless the observer or the cold ones were quicker."""
        shown = self._calibrations.get(key)
        current = key not in self._settled and shown is not None
        if current and shown is not None and shown.excluded == calibration.excluded:
            self._calibrations.keep(key, calibration)
            self.changed.emit(Changes(fits=frozenset({key})))

    def _not_warmed(self, error: Exception) -> None:
        """Leave a known failure to the cold fit, which writes the sentence into the row."""
        if not isinstance(error, CpcsError):
            self.unforeseen.emit(error)
        _log.info("warm fit: %s", error)

    def again(self, keys: list[int]) -> Changes:
        """Begin rows from the start."""
        for key in keys:
            if key == self._preview.key:
                self._preview.end()
            self._exposures.pop(key, None)
            self._calibrations.pop(key, None)
        changes = self._night.queued(keys)
        self._pump()
        return changes

    def close(self) -> None:
        """End all work; what was under way is done again at the next start."""
        if self._closed:
            return
        self._closed = True
        self._preview.end()
        self._tasks.cancel_all()
        self._instrument.close()
        self._fitting.close()
        for pool in (self._measuring, self._warming, self._picturing):
            pool.shutdown(wait=True, cancel_futures=True)

    def fit_elsewhere(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function in the child that fits, after what waits there already."""
        return self._fitting.submit(work, *args, **kwargs)

    # -- measuring -------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Start what can be started."""
        if not self._started or self._closed:
            return
        if "measure" not in self._tasks:
            key = self._next_to_measure()
            if key is not None:
                self._measure(key)
        if "fit" not in self._tasks:
            ready = [k for k in self._to_fit if k in self._exposures]
            if ready:
                self._fit(self._looked_at if self._looked_at in ready else min(ready))

    def _next_to_measure(self) -> int | None:
        key = self._looked_at
        frames = {frame.key: frame for frame in self._night.frames}
        if key in frames and key not in self._exposures:
            frame = frames[key]
            known = frame.facts.frame_id is not None
            if frame.state is FrameState.QUEUED or known:
                return key
        waiting = (f.key for f in frames.values() if f.state is FrameState.QUEUED)
        missing = (k for k in self._to_fit if k in frames and k not in self._exposures)
        return min(waiting, default=None) or min(missing, default=None)

    def _measure(self, key: int) -> None:
        frame = self._night.frame(key)
        if frame.state is FrameState.QUEUED:
            self.changed.emit(self._night.extracting(key))
        future = self._measuring.submit(self._instrument.measure, frame)
        self._tasks.start(
            "measure",
            future,
            lambda found: self._measured(key, *found),
            lambda error: self._stopped(key, error),
        )

    def _measured(self, key: int, exposure: Exposure, events: tuple[Event, ...]) -> None:
        self._exposures.keep(key, exposure)
        frame = self._night.frame(key)
        changes = Changes(frames=frozenset({key}), pixels=key == self._looked_at)
        if frame.state in {FrameState.QUEUED, FrameState.EXTRACTING}:
            changes |= self._night.extracted(key, exposure)
            changes |= self._night.found_events(key, events)
            self._to_fit.add(key)
        elif frame.state is not FrameState.FAILED and key not in self._calibrations:
            self._to_fit.add(key)
        self.changed.emit(changes)
        if not frame.thumbnail and exposure.frame.kind == "frame":
            self._picture(key, frame.path, exposure.frame.hdu)
        self._pump()

    def _picture(self, key: int, path: str, hdu: int) -> None:
        """Make the small picture of the board."""

        def made(png: bytes) -> None:
            self.changed.emit(self._night.pictured(key, png))

        def failed(error: Exception) -> None:
            if not isinstance(error, CpcsError):
                self.unforeseen.emit(error)

        future = self._picturing.submit(make_thumbnail, split_hdu(path)[0], hdu)
        self._tasks.start(("picture", key), future, made, failed)

    # -- fitting ---------------------------------------------------------------------------------

    def _fit(self, key: int) -> None:
        self._to_fit.discard(key)
        frame = self._night.frame(key)
        future = self._fitting.submit(
            fit_frame,
            self._exposures[key],
            frame.decisions,
            self._profile.survey_cache,
            self._calibrations.get(key) if key in self._settled else None,
        )
        self._tasks.start(
            "fit",
            future,
            lambda calibration: self._fitted(key, calibration),
            lambda error: self._stopped(key, error),
        )

    def _fitted(self, key: int, calibration: Calibration) -> None:
        exposure = self._exposures.get(key)
        if exposure is None:  # forgotten meanwhile, many rows later
            self._pump()
            return
        self._calibrations.keep(key, calibration)
        if answers(calibration, exposure, self._night.frame(key).decisions):
            self._settled.add(key)
            changes = self._night.calibrated(key, calibration)
        else:  # the observer has moved on: shown at once, settled by the next fit
            self._to_fit.add(key)
            changes = Changes(fits=frozenset({key}))
        self.changed.emit(changes)
        self._pump()

    def _stopped(self, key: int, error: Exception) -> None:
        if self._closed:
            return
        if not isinstance(error, CpcsError):
            self.unforeseen.emit(error)
            error = CpcsError(
                "unforeseen",
                f"Something nobody foresaw happened: {error!r}.",
                "The log has the details; please report it.",
            )
        self._calibrations.pop(key, None)
        self._to_fit.discard(key)
        self.changed.emit(self._night.failed(key, error))
        self._pump()
