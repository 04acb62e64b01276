"""What each gesture of the window does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.session.check_star import KEPT_STARS, is_kept, place_of, source_at
from cpcs_desktop.ui.gestures import GESTURES, MENUS, Gesture
from cpcs_desktop.ui.light_curve_points import PointMeant
from cpcs_desktop.ui.markers import Overlay

if TYPE_CHECKING:
    from cpcs_desktop.ui.main_window import MainWindow

Command = Callable[[], object]


def commands(window: MainWindow) -> dict[str, Command]:
    """Return the command behind every gesture, by name."""
    bridge, calibrate = window.bridge, window.calibrate
    image, fits, board = calibrate.image, calibrate.fits, calibrate.board

    def exclude() -> None:
        star = image.star_under_cursor()
        if star is not None:
            bridge.exclude([star])
        elif bridge.selection:
            bridge.exclude(bridge.selection)
        else:
            bridge.said.emit("Select stars first, or point at one in the image.")

    def restore_all() -> None:
        key = bridge.current
        if key is not None:
            bridge.command(lambda: bridge.night.set_excluded(key, (), "restore all stars"))

    def force() -> None:
        fit = bridge.shown_fit
        if fit is not None:
            bridge.request_band(BandRequest.parse(fit.band))

    def check_star() -> None:
        key, fit, calibration = bridge.current, bridge.shown_fit, bridge.calibration
        if key is None or fit is None or calibration is None or len(bridge.selection) != 1:
            bridge.said.emit("Select one star first: click it in the image or in a plot.")
            return
        place = place_of(calibration, fit, min(bridge.selection))
        if place is None:
            bridge.said.emit("This source is no star of the fit: choose a matched one.")
            return
        if not is_kept(bridge.night.frame(key).facts.stars, place):
            bridge.said.emit(
                f"A check star stands beside the target: choose one of the {KEPT_STARS} nearest."
            )
            return
        bridge.command(lambda: bridge.night.use_check_star(key, place))
        bridge.said.emit("This star is the check star of the night now (u takes it back).")

    def show_check_star() -> None:
        star, fit, calibration = (
            board.model.check_of(bridge.current),
            bridge.shown_fit,
            bridge.calibration,
        )
        row = None
        if star is not None and fit is not None and calibration is not None:
            row = source_at(calibration, fit, (star.ra, star.dec))
        if row is None:
            bridge.said.emit("No check star is known on this frame.")
        else:
            bridge.select([row])

    def again() -> None:
        if bridge.current is not None:
            bridge.changed.emit(bridge.work.again([bridge.current]))

    def remove() -> None:
        keys = board.selected_keys() or ([] if bridge.current is None else [bridge.current])
        if window.tabs.currentWidget() is window.outbox:
            window.outbox.ask_withdraw()
        elif keys:
            bridge.command(lambda: bridge.night.remove(keys))

    def meant() -> PointMeant | None:
        """Return the point that the front tab is about."""
        found = None
        if window.tabs.currentWidget() is window.outbox:
            row = window.outbox.table.chosen()
            found = None if row is None else PointMeant(row.point_id)
        elif window.tabs.currentWidget() is window.light_curve:
            found = window.light_curve.meant
        elif bridge.current is not None:
            name = bridge.night.point_of(bridge.current)
            accepted = {row.point_id for row in bridge.sending.submissions()}
            found = PointMeant(name) if name in accepted else None
        if found is None:
            bridge.said.emit("Choose a point first: click it, or step with . and ,")
        return found

    def record() -> None:
        point = meant()
        if point is not None:
            window.desk.open_record(point.id, point.revision, of_server=point.of_server)

    def withdraw() -> None:
        point = meant()
        if point is not None:
            window.desk.ask_withdraw(point.id)

    def doubt() -> None:
        point = meant()
        if point is not None:
            window.desk.ask_doubt(point.id)

    def comment() -> None:
        window.show_tab("calibrate")
        calibrate.result.comment.setFocus()

    def event() -> None:
        calibrate.target_bar.ask_event()

    found: dict[str, Command] = {
        "open": window.ask_files,
        "openFolder": window.ask_folder,
        "watch": window.watching.ask,
        "practice": window.open_practice_night,
        "next": lambda: board.step(1),
        "previous": lambda: board.step(-1),
        "remove": remove,
        "again": again,
        "times": window.ask_times,
        "images": window.ask_images,
        "columns": window.ask_columns,
        "header": window.show_header,
        "openRecord": window.desk.ask_files,
        "quit": window.close,
        "undo": bridge.undo,
        "redo": bridge.redo,
        "exclude": exclude,
        "restoreAll": restore_all,
        "checkStar": check_star,
        "showCheckStar": show_check_star,
        "force": force,
        "automatic": lambda: bridge.request_band(BandRequest()),
        "event": event,
        "newEvent": window.events.ask_new,
        "comment": comment,
        "settings": window.show_settings,
        "accept": window.accept,
        "average": lambda: window.averaging.average(board.selected_keys()),
        "reject": calibrate.result.ask_reason,
        "submit": bridge.sending.push_now,
        "dryRun": calibrate.target_bar.dry_run.toggle,
        "psf": calibrate.result.psf.click,
        "growth": calibrate.result.pictures.turn,
        "record": record,
        "doubt": doubt,
        "withdraw": withdraw,
        "decide": window.outbox.ask_decision,
        "recalibrate": window.desk.recalibrate,
        "bhtom": window.desk.show_bhtom,
        "sampImage": window.samp.send_image,
        "sampStars": window.samp.send_stars,
        "sampPlace": window.samp.send_place,
        "finder": window.show_finder,
        "export": window.export_light_curve,
        "nextBand": lambda: fits.step_band(1),
        "previousBand": lambda: fits.step_band(-1),
        "residuals": fits.plot.next_tab,
        "overlays": image.toggle_all,
        "invert": image.invert.toggle,
        "zoomIn": lambda: image.box.zoom_by(1.5),
        "zoomOut": lambda: image.box.zoom_by(1 / 1.5),
        "zoomFit": image.fit_view,
        "zoomOne": image.box.one_to_one,
        "northUp": image.north_up,
        "nextPoint": lambda: window.light_curve.step(1),
        "previousPoint": lambda: window.light_curve.step(-1),
        "older": window.light_curve.controls.older.toggle,
        "refresh": window.refresh,
        "dark": lambda: window.choose_theme("dark"),
        "light": lambda: window.choose_theme("light"),
        "night": lambda: window.choose_theme("night"),
        "larger": lambda: window.change_text(+10),
        "smaller": lambda: window.change_text(-10),
        "keys": window.show_keys,
    }
    found |= {overlay.value: partial(image.toggle, overlay) for overlay in Overlay}
    found |= {f"tab{n + 1}": partial(window.tabs.setCurrentIndex, n) for n in range(5)}
    return found


def add_menus(window: MainWindow) -> dict[str, QAction]:
    """Make menus and shortcuts of every gesture; return the actions by name."""
    todo = commands(window)
    actions: dict[str, QAction] = {}
    for title in MENUS:
        menu = window.menuBar().addMenu(f"&{title}")
        menu.setObjectName(f"menu{title}")
        for gesture in GESTURES:
            if gesture.menu == title:
                actions[gesture.name] = _action(window, gesture, todo[gesture.name])
                menu.addAction(actions[gesture.name])
    return actions


def _action(window: MainWindow, gesture: Gesture, command: Command) -> QAction:
    action = QAction(gesture.text, window)
    action.setObjectName(gesture.name)
    action.setShortcuts([QKeySequence(key) for key in gesture.keys])
    action.triggered.connect(lambda _on=False: command())
    return action
