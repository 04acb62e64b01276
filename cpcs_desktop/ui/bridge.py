"""The one object every view talks to: the night, the work, and what is selected.

A gesture calls one command here; the command changes the night and comes back as one signal. No
view knows another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.profile import Profile
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.session.night import Night
from cpcs_desktop.session.night_frame import Decisions, FrameState, NightFrame, RejectReason
from cpcs_desktop.settings import AppSettings, load_settings, save_settings
from cpcs_desktop.ui.accepting import Accepting
from cpcs_desktop.ui.dropped import files_in
from cpcs_desktop.ui.pixels import FramePixels, load_pixels
from cpcs_desktop.ui.sending import Sending
from cpcs_desktop.ui.task import Tasks
from cpcs_desktop.ui.work import Workbench

_log = logging.getLogger(__name__)


class Bridge(QObject):
    """State of the window and the commands on it.

    Parameters
    ----------
    profile : Profile
    parent : QObject, optional
    settings : AppSettings, optional
        Those of the profile by default.

    Signals
    -------
    changed(Changes)
        Redraw what you show of this.
    said(str)
        A sentence for the status bar.
    unforeseen(Exception)
        An error nobody expected.
    """

    changed = Signal(object)
    said = Signal(str)
    unforeseen = Signal(object)

    def __init__(
        self,
        profile: Profile,
        parent: QObject | None = None,
        settings: AppSettings | None = None,
    ) -> None:
        super().__init__(parent)
        self.profile = profile
        self.settings: AppSettings = settings or load_settings(profile)
        self.night = Night(profile)
        self.work = Workbench(self.night, profile, self.settings, self)
        self.work.changed.connect(self._found)
        self.work.said.connect(self.said)
        self.work.unforeseen.connect(self.unforeseen)
        self.sending = Sending(profile, self.settings, self)
        self.sending.changed.connect(self.changed)
        self.sending.said.connect(self.said)
        self.threads = ThreadPoolExecutor(2, "cpcs-window")
        self.tasks = Tasks(self)
        self.tasks.failed.connect(self.explain)
        self.current: int | None = self.night.last_looked_at
        self.selection: frozenset[int] = frozenset()
        self.shown_band: str | None = None
        self.dry_run = False
        self.accepting = Accepting(self)
        self.pixels: FramePixels | None = None
        self.pixels_sentence = ""
        self._new_rows = Decisions(
            request=self.settings.force_filter,
            magnitude_kind=self.settings.magnitudes.upper(),
            match_radius_arcsec=self.settings.match_radius_arcsec,
        )

    def start(self) -> None:
        """Begin to work, when the window is on the screen."""
        frames = self.night.frames
        if self.current is None and frames:
            self.current = frames[0].key
        self.work.look_at(self.current)
        self.work.start()
        self._load_pixels()
        self.sending.start()

    def close(self) -> None:
        """End all work and close the files."""
        self.tasks.cancel_all()
        self.sending.close()
        self.work.close()
        self.threads.shutdown(wait=True, cancel_futures=True)
        self.night.close()

    # -- what views read -------------------------------------------------------------------------

    @property
    def frame(self) -> NightFrame | None:
        """The row looked at."""
        return None if self.current is None else self.night.frame(self.current)

    @property
    def exposure(self) -> Exposure | None:
        """What was measured on the row looked at."""
        return self.work.exposure(self.current)

    @property
    def calibration(self) -> Calibration | None:
        """The fits of the row looked at."""
        return self.work.calibration(self.current)

    @property
    def shown_fit(self) -> ZeroPointFit | None:
        """The fit shown large: the one clicked, else the chosen one."""
        calibration = self.calibration
        if calibration is None:
            return None
        bands = {fit.band: fit for fit in calibration.fits}
        return bands.get(self.shown_band or "") or calibration.chosen

    @property
    def new_rows(self) -> Decisions:
        """What rows dropped now will be given."""
        return self._new_rows

    # -- looking and selecting -------------------------------------------------------------------

    def look_at(self, key: int | None) -> None:
        """Look at another row."""
        if key == self.current:
            return
        self.current = key
        self.selection = frozenset()
        changes = Changes(current=True, selection=True, pixels=True)
        if key is not None:
            changes |= self.night.look_at(key)
        self.work.look_at(key)
        self._load_pixels()
        self.changed.emit(changes)

    def step(self, by: int) -> None:
        """Look at the next (1) or previous (-1) row."""
        keys = [frame.key for frame in self.night.frames]
        if keys:
            at = keys.index(self.current) if self.current in keys else -by
            self.look_at(keys[min(max(at + by, 0), len(keys) - 1)])

    def select(self, rows: Iterable[int]) -> None:
        """Light these stars in every view."""
        rows = frozenset(rows)
        if rows != self.selection:
            self.selection = rows
            self.changed.emit(Changes(selection=True))

    def show_band(self, band: str | None) -> None:
        """Show another band's fit large; None follows the choice."""
        if band != self.shown_band:
            self.shown_band = band
            key = self.current
            self.changed.emit(Changes(fits=frozenset() if key is None else frozenset({key})))

    def _load_pixels(self) -> None:
        """Bring the image of the row looked at; the newest wish wins."""
        self.pixels = None
        frame = self.frame
        if frame is None:
            self.pixels_sentence = ""
            self.tasks.cancel("pixels")
            return
        self.pixels_sentence = "Reading the image …"
        future = self.threads.submit(load_pixels, frame.key, frame.path)
        self.tasks.start("pixels", future, self._pixels_came, self._pixels_failed)

    def _pixels_came(self, pixels: FramePixels | None) -> None:
        self.pixels, self.pixels_sentence = pixels, ""
        self._place_pixels()
        self.changed.emit(Changes(pixels=True))

    def _pixels_failed(self, error: Exception) -> None:
        if not isinstance(error, CpcsError):
            self.unforeseen.emit(error)
        self.pixels_sentence = getattr(error, "message", "The image cannot be shown.")
        self.changed.emit(Changes(pixels=True))

    # -- the observer's commands -----------------------------------------------------------------

    def add(self, paths: Iterable[str | Path]) -> None:
        """Put files and the files of folders on the board."""
        files = list(files_in(paths))
        changes = self.command(lambda: self.night.add(files, self._new_rows))
        if not changes:
            self.said.emit("Nothing new: these files are on the board already.")
            return
        self.said.emit(f"{len(changes.frames)} added")
        if self.frame is None or not self.frame.decisions.present:
            self.look_at(min(changes.frames))

    def command(self, run: Callable[[], Changes]) -> Changes:
        """Run a command of the night; fits follow, views are told, errors are explained."""
        try:
            changes = run()
        except CpcsError as error:
            self.explain(error)
            return Changes()
        if changes:
            self.work.follow(changes)
            if changes.board:
                self._stay_on_board()
            self.changed.emit(changes)
            if changes.queue:
                self.sending.wake()
        return changes

    def exclude(self, rows: Iterable[int]) -> None:
        """Take stars out of the fits or put them back; every fit follows."""
        key, rows = self.current, frozenset(rows)
        if key is not None and rows and self.calibration is not None:
            self.selection = rows
            self.command(lambda: self.night.exclude(key, rows) | Changes(selection=True))

    def set_target(self, event: str | None, target: tuple[float, float] | None) -> None:
        """Look at another event (or bare position), for this row and for rows to come."""
        self._new_rows = replace(self._new_rows, event=event, target=target)
        self._change(lambda keys: self.night.assign(keys, event, target))

    def use_for_new_rows(self, event: str | None, target: tuple[float, float] | None) -> None:
        """Give rows to come this event (or bare position)."""
        self._new_rows = replace(self._new_rows, event=event, target=target)
        self.changed.emit(Changes(current=True))

    def request_band(self, request: BandRequest) -> None:
        """Ask for a band, for this row and for rows to come."""
        self._new_rows = replace(self._new_rows, request=str(request))
        self.shown_band = None
        self._change(lambda keys: self.night.request_band(keys, request))

    def set_times(self, key: int, mjd: float, exposure_s: float | None) -> None:
        """Give the time of a list; the exposure is remembered for the next one."""
        self._new_rows = replace(self._new_rows, exposure_s=exposure_s)
        changes = self.command(lambda: self.night.set_times([key], mjd, exposure_s))
        if changes and self.night.frame(key).state is FrameState.FAILED:
            self.changed.emit(self.work.again([key]))

    def use_magnitudes(self, kind: str) -> None:
        """Use AUTO or APER magnitudes."""
        self._new_rows = replace(self._new_rows, magnitude_kind=kind)
        self._change(lambda keys: self.night.use_magnitudes(keys, kind))

    def use_match_radius(self, radius_arcsec: float | None) -> None:
        """Use another match radius; None is automatic."""
        self._new_rows = replace(self._new_rows, match_radius_arcsec=radius_arcsec)
        self._change(lambda keys: self.night.use_match_radius(keys, radius_arcsec))

    def _change(self, run: Callable[[list[int]], Changes]) -> None:
        key = self.current
        if key is None:
            self.changed.emit(Changes(current=True))
            return
        changes = self.command(lambda: run([key]))
        frame = self.night.frame(key)
        if changes.fits and frame.state is FrameState.FAILED:
            self.changed.emit(self.work.again([key]))

    def preview(self, **changed: object) -> None:
        """Show what other decisions on the row looked at would give, while a control moves."""
        if self.frame is not None:
            self.work.preview(replace(self.frame.decisions, **changed))  # type: ignore[arg-type]

    def reject(self, reason: RejectReason) -> None:
        """Reject the row looked at."""
        key = self.current
        if key is not None:
            self.command(lambda: self.night.reject(key, reason))

    def withdraw(self, point_id: str, reason: str) -> None:
        """Take a point back; if its row is on the board, the row is undecided again."""

        def take() -> Changes:
            for frame in self.night.frames:
                if self.night.point_of(frame.key) == point_id:
                    return self.night.clear_verdict(frame.key, reason)
            self.sending.outbox.withdraw(point_id, reason)
            return Changes(queue=True, points=frozenset({point_id}))

        self.command(take)

    def undo(self) -> None:
        """Take the newest command back."""
        self._walk(self.night.undo_label, self.night.undo, "Undone")

    def redo(self) -> None:
        """Do again what was undone."""
        self._walk(self.night.redo_label, self.night.redo, "Done again")

    def _walk(self, label: str | None, run: Callable[[], Changes], word: str) -> None:
        if label is None:
            self.said.emit("There is nothing to undo." if word == "Undone" else "Nothing to redo.")
            return
        changes = self.command(run)
        touched = changes.frames - ({self.current} if self.current is not None else set())
        present = [k for k in touched if self.night.frame(k).decisions.present]
        if present and self.current not in changes.frames:
            self.look_at(min(present))
        self.said.emit(f"{word}: {label}")

    def use_settings(self, settings: AppSettings) -> None:
        """Keep other settings and use them."""
        save_settings(self.profile, settings)
        self.settings = settings
        self.work.use_settings(settings)
        self.sending.use_settings(settings)
        self.changed.emit(Changes(settings=True))

    def surveys_changed(self) -> None:
        """Try rows again that failed for want of reference stars."""
        lacking = {"no_survey_coverage", "too_few_stars", "failed_to_match"}
        keys = [f.key for f in self.night.frames if f.error is not None and f.error.code in lacking]
        self.changed.emit(Changes(surveys=True) | self.work.again(keys))

    def explain(self, error: Exception) -> None:
        """Say a known error in the status bar; anything else goes to the exception hook."""
        if isinstance(error, CpcsError):
            self.said.emit(f"{error.message} {error.hint}".strip())
        else:
            self.unforeseen.emit(error)

    # -- inside ----------------------------------------------------------------------------------

    def _found(self, changes: Changes) -> None:
        if changes.pixels:
            self._place_pixels()
        self.changed.emit(changes)
        self.accepting.go_on()

    def _place_pixels(self) -> None:
        """Give the image the place in the sky that was found for it, where the header has none."""
        pixels, exposure = self.pixels, self.exposure
        if pixels is not None and exposure is not None and pixels.key == self.current:
            self.pixels = replace(pixels, frame=exposure.frame)

    def _stay_on_board(self) -> None:
        """Look at a row that is still there."""
        keys = [frame.key for frame in self.night.frames]
        if self.current not in keys:
            later = [k for k in keys if self.current is None or k > self.current]
            self.look_at(later[0] if later else (keys[-1] if keys else None))
