"""The one main window: tabs, menus, status bar, and what is dropped on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QTabWidget, QWidget

from cpcs_desktop.profile import Profile
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.session.night_frame import FrameState
from cpcs_desktop.settings import AppSettings
from cpcs_desktop.ui.averaging import Averaging
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.calibrate_tab import CalibrateTab
from cpcs_desktop.ui.commands import add_menus
from cpcs_desktop.ui.events_view import EventsView
from cpcs_desktop.ui.light_curve_view import LightCurveView
from cpcs_desktop.ui.opening import open_dialog
from cpcs_desktop.ui.outbox_view import OutboxView
from cpcs_desktop.ui.point_desk import PointDesk
from cpcs_desktop.ui.samp_link import SampLink
from cpcs_desktop.ui.status import StatusLine
from cpcs_desktop.ui.surveys_view import SurveysView
from cpcs_desktop.ui.theme import THEMES, ThemeName, apply_theme
from cpcs_desktop.ui.watching import Watching

#: Other programs are looked for when the first frames have had their turn.
_SAMP_AFTER_MS = 3000
TABS = ("calibrate", "lightcurve", "events", "surveys", "outbox")


class MainWindow(QMainWindow):
    """The window.

    Parameters
    ----------
    profile : Profile
    keep_places : bool
        Remember where windows and docks were; off for pictures and tests.
    settings : AppSettings, optional
        Those of the profile by default. The program must be dressed after them already
        (:func:`~cpcs_desktop.ui.theme.apply_theme`): dressing twice takes a fifth of a second.

    Signals
    -------
    practice_ready(list of str)
        The practice night lies in its own profile and waits to be opened.
    closed()
    """

    practice_ready = Signal(list)
    closed = Signal()

    def __init__(
        self, profile: Profile, *, keep_places: bool = True, settings: AppSettings | None = None
    ) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowTitle("CPCS Desktop")
        self.setAcceptDrops(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._keep_places = keep_places
        self.bridge = Bridge(profile, self, settings)
        theme = THEMES[self.bridge.settings.theme]
        self.calibrate = CalibrateTab(self.bridge, theme)
        self.light_curve = LightCurveView(self.bridge, theme)
        self.events = EventsView(self.bridge, theme)
        self.surveys = SurveysView(self.bridge, theme)
        self.outbox = OutboxView(self.bridge, theme)
        self.desk = PointDesk(self.bridge, self)
        self._connect_points()
        self.averaging = Averaging(self.bridge, self)
        self.watching = Watching(self.bridge, self)
        self.samp = SampLink(self.bridge, self)
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("tabs")
        self.tabs.setAccessibleName("Parts of the window")
        self.tabs.setDocumentMode(True)
        for title, view in (
            ("Calibrate", self.calibrate),
            ("Light curve", self.light_curve),
            ("Events", self.events),
            ("Reference surveys", self.surveys),
            ("Outbox", self.outbox),
        ):
            self.tabs.addTab(view, title)
        self.setCentralWidget(self.tabs)
        self.status = StatusLine(self.bridge, self)
        self.setStatusBar(self.status)
        self.watching.clock_doubted.connect(self.status.doubt_clock)
        self.actions_by_name = add_menus(self)
        self.calibrate.doors.chosen.connect(lambda name: self.actions_by_name[name].trigger())
        self.bridge.changed.connect(self._on_changed)
        self._label_undo()
        self._title()
        self._restore()

    def _connect_points(self) -> None:
        """Let the views that show points ask for what is done to one."""
        for view in (self.light_curve, self.outbox):
            view.withdrawal_wanted.connect(self.desk.ask_withdraw)
        self.light_curve.record_wanted.connect(
            lambda point: self.desk.open_record(
                point.id, point.revision, of_server=point.of_server, take_keys=False
            )
        )
        self.light_curve.doubt_wanted.connect(self.desk.ask_doubt)
        self.outbox.record_wanted.connect(
            lambda name, take_keys: self.desk.open_record(name, take_keys=take_keys)
        )
        self.outbox.decision_wanted.connect(self.desk.decide)
        self.calibrate.result.accept_wanted.connect(self.accept)
        self.calibrate.result.columns_wanted.connect(self.ask_columns)
        self.outbox.bhtom_wanted.connect(self.desk.show_bhtom)

    # -- first and last --------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work, once the window is on the screen."""
        QTimer.singleShot(0, self, self.bridge.start)
        self.calibrate.rehearsal.start()
        QTimer.singleShot(_SAMP_AFTER_MS, self, self.samp.start)

    def _restore(self) -> None:
        screen = self.screen().availableGeometry().size()
        size = QSize(min(1500, screen.width()), min(920, screen.height()))
        self.resize(size)
        if self._keep_places:
            kept = self._places_file()
            window, places = kept.value("window"), kept.value("places")
            if isinstance(window, QByteArray):
                self.restoreGeometry(window)
            if isinstance(places, QByteArray):
                self.calibrate.kept_places = places

    def _places_file(self) -> QSettings:
        file = self.bridge.profile.folder / "window.ini"
        return QSettings(str(file), QSettings.Format.IniFormat)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep the places; what was under way is done again at the next start."""
        if self._keep_places:
            kept = self._places_file()
            kept.setValue("window", self.saveGeometry())
            if self.calibrate.places.isVisible():
                kept.setValue("places", self.calibrate.places.saveState())
        self.watching.stop()
        self.desk.close()
        self.surveys.close_down()
        self.averaging.close()
        self.samp.close()
        self.bridge.close()
        super().closeEvent(event)
        self.closed.emit()

    # -- files -----------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Put what was dropped on the board; records open read-only."""
        paths = [Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()]
        event.acceptProposedAction()
        records = [path for path in paths if path.suffix.lower() == ".zip"]
        frames = [path for path in paths if path not in records]
        if frames:
            self.bridge.add(frames)
        self.desk.open_files(records)

    def ask_files(self) -> None:
        """Ask for files to open."""
        files, _ = QFileDialog.getOpenFileNames(self, "Open frames or source lists")
        if files:
            self.bridge.add(files)

    def ask_folder(self) -> None:
        """Ask for a folder to open."""
        folder = QFileDialog.getExistingDirectory(self, "Open a folder of frames")
        if folder:
            self.bridge.add([folder])

    def open_practice_night(self) -> None:
        """Make the practice night (once) and ask the program to open it in its own profile."""
        from cpcs_desktop.ui.practice import make_practice_night

        self.bridge.said.emit("Drawing the practice night; this takes some seconds …")
        future = self.bridge.threads.submit(make_practice_night, self.bridge.profile)
        self.bridge.tasks.start(
            "practice", future, lambda files: self.practice_ready.emit([str(f) for f in files])
        )

    # -- dialogs ---------------------------------------------------------------------------------

    def ask_times(self) -> None:
        """Ask for MJD and exposure of the row looked at."""
        from cpcs_desktop.ui.list_form import ListForm

        if self.bridge.frame is None:
            self.bridge.said.emit("Open a list first.")
        else:
            open_dialog(ListForm(self.bridge, self))

    def ask_columns(self) -> None:
        """Ask which column of the list looked at is which."""
        from cpcs_desktop.io.reading import Reading
        from cpcs_desktop.ui.column_chooser import ColumnChooser, list_to_choose

        frame, bridge = self.bridge.frame, self.bridge
        if frame is None or frame.facts.kind == "frame":
            bridge.said.emit("Only lists have columns: open a list first.")
            return
        reading = Reading.of(bridge.settings)
        future = bridge.threads.submit(list_to_choose, Path(frame.path), reading)
        bridge.tasks.start(
            "columns", future, lambda given: open_dialog(ColumnChooser(bridge, given, self))
        )

    def ask_images(self) -> None:
        """Ask which images of the file looked at are wanted."""
        from cpcs_desktop.io.frames import image_hdus
        from cpcs_desktop.session.measuring import split_hdu
        from cpcs_desktop.ui.image_chooser import ImageChooser

        frame, bridge = self.bridge.frame, self.bridge
        if frame is None or frame.facts.kind == "list":
            bridge.said.emit("Only frames hold images: open one first.")
            return
        file = str(split_hdu(frame.path)[0])
        bridge.tasks.start(
            "images",
            bridge.threads.submit(image_hdus, file),
            lambda images: open_dialog(ImageChooser(bridge, file, images, self)),
        )

    def accept(self) -> None:
        """Accept the row looked at; ask for its time first where nobody knows it."""
        calibration = self.bridge.calibration
        untimed = calibration is not None and calibration.exposure.frame.mjd is None
        if untimed and not self.bridge.dry_run:
            self.bridge.said.emit("A point needs its time: give MJD and exposure, then accept.")
            self.ask_times()
        else:
            self.bridge.accepting.accept()

    def show_header(self) -> None:
        """Show the header of the row looked at."""
        from cpcs_desktop.ui.header_dialog import HeaderDialog

        if self.bridge.exposure is None:
            self.bridge.said.emit("The header is not read yet.")
        else:
            open_dialog(HeaderDialog(self.bridge.exposure.frame, self._theme(), self))

    def show_settings(self) -> None:
        """Open the settings."""
        from cpcs_desktop.ui.settings_dialog import SettingsDialog

        open_dialog(SettingsDialog(self.bridge, self))

    def show_finder(self) -> None:
        """Show the finder chart of the row looked at."""
        from cpcs_desktop.ui.finder import FinderDialog

        if self.bridge.pixels is None:
            self.bridge.said.emit("A finder chart needs an image.")
        else:
            open_dialog(FinderDialog(self.bridge, self))

    def export_light_curve(self) -> None:
        """Export the light curve shown."""
        from cpcs_desktop.ui.export_dialog import export_light_curve

        export_light_curve(self)

    def show_keys(self) -> None:
        """Show all keys."""
        from cpcs_desktop.ui.key_sheet import KeySheet

        open_dialog(KeySheet(self._theme(), self))

    def refresh(self) -> None:
        """Ask the server for events and the light curve, and send what waits."""
        self.bridge.sending.fetch_events()
        self.light_curve.fetch()
        self.bridge.sending.wake(force=True)

    # -- looks -----------------------------------------------------------------------------------

    def _theme(self) -> Any:
        return THEMES[self.bridge.settings.theme]

    def choose_theme(self, name: ThemeName) -> None:
        """Use another theme and remember it."""
        self.bridge.use_settings(self.bridge.settings.model_copy(update={"theme": name}))

    def change_text(self, percent: int) -> None:
        """Make all text larger or smaller and remember it."""
        size = min(max(self.bridge.settings.text_percent + percent, 70), 300)
        self.bridge.use_settings(self.bridge.settings.model_copy(update={"text_percent": size}))

    def use_looks(self) -> None:
        """Dress everything after the settings."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        settings = self.bridge.settings
        theme = THEMES[settings.theme]
        apply_theme(app, theme, settings.text_percent)
        for view in (self.calibrate, self.light_curve, self.events, self.surveys, self.outbox):
            view.use_theme(theme)

    def show_tab(self, name: str) -> None:
        """Bring a tab to the front: calibrate, lightcurve, events, surveys or outbox."""
        self.tabs.setCurrentIndex(TABS.index(name))

    def view(self, name: str | None) -> QWidget:
        """Return the part of the window that a picture is asked of.

        Parameters
        ----------
        name : str or None
            board, image, fits, stars, result, lightcurve, events, surveys, outbox; None is all.
        """
        places = self.calibrate
        views: dict[str | None, QWidget] = {
            None: self,
            "board": places.board,
            "image": places.image,
            "fits": places.fits,
            "stars": places.stars,
            "result": places.result,
            "lightcurve": self.light_curve,
            "events": self.events,
            "surveys": self.surveys,
            "outbox": self.outbox,
        }
        if name in TABS:
            self.show_tab(str(name))
        elif name == "stars":
            places.docks["Stars"].raise_()
        return views[name]

    # -- changes ---------------------------------------------------------------------------------

    def _on_changed(self, changes: Changes) -> None:
        if changes.settings:
            self.use_looks()
        if changes.frames or changes.board or changes.current:
            self._label_undo()
        if changes.current or changes.board:
            self._title()

    def _title(self) -> None:
        frame = self.bridge.frame
        name = f"{Path(frame.path).name} – " if frame is not None else ""
        self.setWindowTitle(f"{name}CPCS Desktop")

    def _label_undo(self) -> None:
        for name, word, label in (
            ("undo", "Undo", self.bridge.night.undo_label),
            ("redo", "Redo", self.bridge.night.redo_label),
        ):
            action = self.actions_by_name[name]
            action.setText(word if label is None else f"{word}: {label}")

    @property
    def settled(self) -> bool:
        """Whether everything asked for is done and on the screen."""
        frame = self.bridge.frame
        done = {FrameState.CALIBRATED, FrameState.FAILED}
        return (
            self.bridge.work.idle
            and all(f.state in done for f in self.bridge.night.frames)
            and len(self.bridge.tasks) == 0
            and not self.averaging.running
            and self.calibrate.image.rendered
            and self.calibrate.stars.shown
            and (frame is None or self.bridge.exposure is not None or frame.error is not None)
        )
