"""``cpcs-desktop``: the window first, everything heavy behind it."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from cpcs_desktop import __version__
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import Profile, open_profile
from cpcs_desktop.settings import load_settings
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.main_window import MainWindow
from cpcs_desktop.ui.practice import practice_profile
from cpcs_desktop.ui.theme import THEMES, apply_theme

_log = logging.getLogger(__name__)
_PICTURE = "1500x920"
VIEWS = ("board", "image", "fits", "stars", "result", "lightcurve", "events", "surveys", "outbox")


def parser() -> argparse.ArgumentParser:
    """Return the options of the program."""
    made = argparse.ArgumentParser(
        prog="cpcs-desktop",
        description="Calibrate frames and star lists, and share the points.",
    )
    made.add_argument("paths", nargs="*", metavar="PATH", help="frames, lists or folders")
    made.add_argument("--event", metavar="IVORN", help="event the frames are looked at for")
    made.add_argument("--target", metavar="RA,DEC", help="position of the target, degrees")
    made.add_argument("--profile", metavar="DIR", help="keep settings, outbox and caches in DIR")
    made.add_argument("--cache", metavar="DIR", help="reference surveys are cached in DIR")
    made.add_argument("--theme", choices=sorted(THEMES), help="dark, light or night, this time")
    made.add_argument("--text", metavar="PERCENT", type=int, help="size of all text, this time")
    made.add_argument("--screenshot", metavar="OUT.png", help="write a picture and quit")
    made.add_argument("--view", choices=VIEWS, help="picture of one view only")
    made.add_argument("--size", metavar="WIDTHxHEIGHT", help="size of the window")
    made.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return made


class Desktop:
    """The running program: the application, its window, and what to do with it at the start.

    Parameters
    ----------
    app : QApplication
    options : argparse.Namespace
        Of :func:`parser`.
    """

    def __init__(self, app: QApplication, options: argparse.Namespace) -> None:
        self._app = app
        self._options = options
        self._shown_errors: set[str] = set()
        self.exit_status = 0
        profile = open_profile(options.profile, options.cache)
        self.window = self._open(profile, [str(p) for p in options.paths])

    def _open(self, profile: Profile, paths: list[str]) -> MainWindow:
        options = self._options
        settings = load_settings(profile)
        theme = options.theme or settings.theme
        percent = options.text or settings.text_percent
        apply_theme(self._app, THEMES[theme], percent)
        looks = settings.model_copy(update={"theme": theme, "text_percent": percent})
        window = MainWindow(profile, keep_places=options.screenshot is None, settings=looks)
        bridge = window.bridge
        size = options.size or (_PICTURE if options.screenshot else "")
        if size:
            width, _, height = size.partition("x")
            window.resize(int(width), int(height))
        window.practice_ready.connect(lambda files: self._practice(profile, files))
        bridge.unforeseen.connect(self.show_error)
        window.show()
        window.start()
        QTimer.singleShot(0, window, lambda: self._first_work(window, paths))
        return window

    def _first_work(self, window: MainWindow, paths: list[str]) -> None:
        options, bridge = self._options, window.bridge
        target = numbers.parse_position(options.target) if options.target else None
        if options.event is not None:
            target = target or self._position_of(window, options.event)
        if options.event is not None or target is not None:
            bridge.use_for_new_rows(options.event, target)
        if paths:
            bridge.add(paths)
        if options.screenshot:
            from cpcs_desktop.ui.screenshot import Screenshot

            picture = Screenshot(window, Path(options.screenshot), options.view)
            picture.done.connect(self._quit)

    def _position_of(self, window: MainWindow, ivorn: str) -> tuple[float, float] | None:
        from cpcs_desktop.sync.events import EventList

        event = EventList(window.bridge.sending.outbox.database).get(ivorn)
        if event is None or event.ra is None or event.dec is None:
            self._complain(f"The event {ivorn} is not in the list, or has no position.")
            return None
        return event.ra, event.dec

    def _complain(self, sentence: str) -> None:
        sys.stderr.write(sentence + "\n")
        self.exit_status = 1

    def _practice(self, profile: Profile, files: list[str]) -> None:
        """Open the practice night in a window of its own profile instead of the empty one."""
        before = self.window
        self._app.setQuitOnLastWindowClosed(False)
        self.window = self._open(practice_profile(profile), files)
        self.window.setWindowTitle("Practice night – CPCS Desktop")
        before.close()
        self._app.setQuitOnLastWindowClosed(True)

    def _quit(self, status: int) -> None:
        self.exit_status = max(self.exit_status, status)
        self.window.close()
        self._app.quit()

    def show_error(self, error: Exception) -> None:
        """Log an error nobody foresaw, and show it once."""
        _log.error("unforeseen", exc_info=error)
        text = "".join(traceback.format_exception(error))
        if repr(error) in self._shown_errors:
            return
        self._shown_errors.add(repr(error))
        box = QMessageBox(self.window)
        box.setObjectName("unforeseen")
        box.setWindowTitle("Something nobody foresaw")
        box.setText(f"{type(error).__name__}: {error}")
        box.setInformativeText("Nothing that was accepted is lost. Please report it.")
        box.setDetailedText(text)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parser().parse_args(arguments)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("CPCS Desktop")
    app.setDesktopFileName("cpcs-desktop")
    try:
        desktop = Desktop(app, options)
    except CpcsError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n")
        return 1

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, Exception):
            desktop.show_error(error)
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = hook
    app.exec()
    return desktop.exit_status


if __name__ == "__main__":
    sys.exit(main())
