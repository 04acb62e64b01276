"""Records, conflicts, withdrawal, doubt and older revisions in the window, with a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QDialog, QInputDialog, QPushButton

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.submission import SubmissionState
from cpcs_desktop.session.night_frame import Verdict
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.doubts import doubt_of
from cpcs_desktop.sync.events import EventList
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.sync.pusher import push
from cpcs_desktop.ui.record_view import RecordView
from tests.sending import EVENT, point
from tests.serving import LiveServer, evidence_json, live_server, make_key


def accept(driver: Any) -> None:
    driver.press(Qt.Key.Key_A)
    driver.qtbot.waitUntil(
        lambda: driver.bridge.frame.decisions.verdict is Verdict.ACCEPTED, timeout=30_000
    )


def opened(driver: Any, kind: type[QDialog] = RecordView) -> Any:
    """Wait for a dialog of a kind and return it."""

    def there() -> list[Any]:
        return [d for d in driver.window.findChildren(kind) if d.isVisible()]

    driver.qtbot.waitUntil(lambda: bool(there()), timeout=30_000)
    return there()[-1]


def shut(driver: Any, view: QDialog) -> None:
    """Close a view and see that the window has the keys again."""
    view.close()
    driver.qtbot.waitUntil(driver.window.isActiveWindow)


def answer(driver: Any, text: str) -> None:
    """Type a reason."""
    dialog = opened(driver, QInputDialog)
    dialog.setTextValue(text)
    driver.qtbot.keyClick(dialog, Qt.Key.Key_Return)


def test_a_click_opens_the_record_and_it_gives_the_number_again(
    loaded: Any, tmp_path: Path
) -> None:
    bridge, view = loaded.bridge, loaded.window.light_curve
    out = int(bridge.shown_fit.source_row[3])
    bridge.exclude([out])
    loaded.settle()
    accept(loaded)
    loaded.window.show_tab("lightcurve")
    loaded.settle()
    [mine] = [m for m in view.marks if m.how == "waiting"]
    loaded.click_plot(view.canvas, view.box, mine.x, mine.y)
    record = opened(loaded)
    kept = bridge.sending.outbox.current(mine.drawn.point.id).submission
    assert record.content.record.submission == kept
    sha256 = bridge.exposure.frame.sha256
    facts = {(f.group, f.name): f.value for f in record.content.facts}
    assert facts["provenance", "frame_sha256"] == sha256
    assert sha256[:16] in record.head.text()
    assert "accepted here" in record.head.text()
    assert facts["provenance", "settings_digest"] == kept.point.provenance["settings_digest"]
    light_days = float(facts["point", "hjd_utc"]) - 2400000.5 - kept.point.mjd
    assert 0 < abs(light_days) < 0.0059, "the Sun is at most 8.4 light minutes away"
    assert 60 < (float(facts["point", "bjd_tdb"]) - float(facts["point", "hjd_utc"])) * 86400 < 80
    assert any(name.startswith("surveys: ") for _, name in facts)
    assert record.stars_model.rowCount() == kept.point.n_matched + 1, "the excluded one, too"
    assert record.content.excluded.sum() == 1
    assert record.sources.model().rowCount() == len(bridge.exposure.sources())

    loaded.qtbot.keyClick(record, Qt.Key.Key_R, Qt.KeyboardModifier.AltModifier)
    loaded.qtbot.waitUntil(lambda: "the same" in record.answer.text(), timeout=30_000)
    assert record.answer.text().count(f"{kept.point.mag:.6f}") == 2

    # a click on a star of the plot shows it in the table
    plot, row = record.plot, int(record.plot._rows[0])
    loaded.click_plot(plot, plot.upper_box, record.content.mag_inst[row],
                      record.content.mag_ref[row])  # fmt: skip
    assert record.stars.currentIndex().isValid()

    file = tmp_path / "record.zip"
    record.save_as(file)
    loaded.qtbot.waitUntil(file.exists, timeout=30_000)
    record.close()

    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    rows = len(bridge.night.frames)
    loaded.window.dropEvent(
        QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                   Qt.KeyboardModifier.NoModifier)
    )  # fmt: skip
    again = opened(loaded)
    assert again.content.record.submission == kept
    assert "nothing here can be changed" in again.head.text()
    assert len(bridge.night.frames) == rows, "a record is no frame"
    again.close()

    said = []
    bridge.said.connect(said.append)
    file.write_bytes(file.read_bytes()[:100])
    loaded.window.desk.open_files([file])
    loaded.qtbot.waitUntil(lambda: any("no record of a point" in s for s in said))


def test_doubt_withdrawal_and_hidden_revisions_from_the_plot(loaded: Any) -> None:
    bridge, view = loaded.bridge, loaded.window.light_curve
    accept(loaded)
    loaded.window.show_tab("lightcurve")
    loaded.settle()
    loaded.press(Qt.Key.Key_Period)
    loaded.press(Qt.Key.Key_Period)
    while view.meant is None:
        loaded.press(Qt.Key.Key_Comma)
    loaded.press(Qt.Key.Key_M)
    answer(loaded, "a trail beside it")
    loaded.qtbot.waitUntil(lambda: bridge.sending.submissions()[0].revision == 2)
    [row] = bridge.sending.submissions()
    kept = bridge.sending.outbox.revisions(row.point_id)
    assert doubt_of(kept[1].point.comment) == "a trail beside it"
    assert replace(kept[1].point, comment="", revision=1) == replace(kept[0].point, comment="")
    assert kept[1].submission.evidence == kept[0].submission.evidence
    loaded.qtbot.waitUntil(lambda: "1 doubtful (crossed)" in view.title.text())
    assert len(view.crossed.data) == 1

    assert not [m for m in view.marks if m.how == "older"]
    loaded.press(Qt.Key.Key_O)
    assert view.controls.older.isChecked()
    [old] = [m for m in view.marks if m.how == "older"]
    assert old.drawn.point.revision == 1
    assert "superseded by revision 2" in old.words
    view.pick(old)
    loaded.press(Qt.Key.Key_P)
    record = opened(loaded)
    assert record.content.point.revision == 1
    shut(loaded, record)

    view.pick(next(m for m in view.marks if m.how == "waiting"))
    assert view.withdraw.isEnabled()
    loaded.press(Qt.Key.Key_W)
    answer(loaded, "clouds")
    loaded.qtbot.waitUntil(
        lambda: bridge.sending.submissions()[0].state is SubmissionState.WITHDRAWN
    )
    assert not [m for m in view.marks if m.how == "waiting"]
    hidden = {m.drawn.point.revision: m.words for m in view.marks if m.how == "older"}
    assert "withdrawn: clouds" in hidden[2]
    assert view.exported_points() == ()
    loaded.press(Qt.Key.Key_O)
    assert not [m for m in view.marks if m.how == "older"]


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[LiveServer]:
    """A server with one event and two observatories."""
    pytest.importorskip("fastapi", reason="the server extra is not installed")
    database = str(tmp_path / "server.sqlite")
    keys = {"mine": make_key(database, "Ostrowik"), "other": make_key(database, "Loiano")}
    with live_server(database, tmp_path) as server:
        server.keys = keys
        yield server


def send(server: LiveServer, who: str, file: Path, *points: Any, evidence: Any = None) -> None:
    """Accept and push points from another machine."""
    outbox, client = Outbox(file), CpcsClient(server.url, server.keys[who])
    EventList(outbox.database).add(Event(EVENT, 10.0, 20.0))
    for one in points:
        outbox.add(one, evidence)
        push(outbox, client, force=True)
    assert {row.state for row in outbox.submissions()} == {SubmissionState.STORED}
    client.close()
    outbox.close()


@pytest.fixture
def connected(
    shared: LiveServer, open_window: Callable[[Any], Any], profile: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], Any]:  # fmt: skip
    """Return a function that opens a window connected to the server."""
    from cpcs_desktop.profile import ENV_ACCESS_KEY
    from cpcs_desktop.settings import AppSettings, save_settings

    monkeypatch.setenv(ENV_ACCESS_KEY, shared.keys["mine"])
    save_settings(profile, AppSettings(server_url=shared.url))
    return lambda: open_window(profile)


def test_somebody_elses_record_and_hidden_revisions_come_over_the_wire(
    shared: LiveServer, connected: Callable[[], Any], tmp_path: Path
) -> None:
    from cpcs_desktop.wire import Evidence

    evidence = Evidence.model_validate({**evidence_json(), "source_list": None})
    first = point(1, mag=15.1)
    send(shared, "other", tmp_path / "other.sqlite", first, replace(first, mag=15.3),
         point(2, mag=15.2), evidence=evidence)  # fmt: skip
    driver = connected()
    view = driver.window.light_curve
    driver.window.show_tab("lightcurve")
    view.show_event(EVENT)
    driver.qtbot.waitUntil(lambda: len(view.marks) == 2, timeout=30_000)
    assert [m.drawn.own for m in view.marks] == [False, False]
    driver.settle()
    theirs = next(m for m in view.marks if m.y == 15.3)
    driver.click_plot(view.canvas, view.box, theirs.x, theirs.y)
    record = opened(driver)
    assert record.content.record.origin == "server"
    assert record.content.point.mag == 15.3
    assert record.stars_model.rowCount() == 3
    words = record.head.text()
    assert "revision 1 stored by Loiano" in words
    assert "superseded" in words
    shut(driver, record)
    assert not view.withdraw.isEnabled()
    said = []
    driver.bridge.said.connect(said.append)
    driver.press(Qt.Key.Key_W)
    assert any("not accepted on this machine" in s for s in said)

    driver.press(Qt.Key.Key_O)
    driver.qtbot.waitUntil(lambda: len(view.marks) == 3, timeout=30_000)
    [old] = [m for m in view.marks if m.how == "older"]
    assert (old.y, old.drawn.point.revision) == (15.1, 1)
    view.pick(old)
    driver.press(Qt.Key.Key_P)
    assert opened(driver).content.point.mag == 15.1
    opened(driver).close()


@pytest.mark.parametrize("keep", ["mine", "theirs"])
def test_a_conflict_shows_both_sides_and_the_observer_decides(
    shared: LiveServer, connected: Callable[[], Any], profile: Any, tmp_path: Path, keep: str
) -> None:
    send(shared, "mine", tmp_path / "dome.sqlite", point(1, mag=15.1))
    here = Outbox(profile.outbox_file)
    here.add(point(1, mag=15.2, comment="better weights"))
    here.close()
    driver = connected()
    outbox = driver.window.outbox
    driver.window.show_tab("outbox")
    driver.qtbot.waitUntil(
        lambda: any(row.in_conflict for row in outbox.model.rows), timeout=30_000
    )
    assert "1 in conflict" in outbox.state.text()
    assert outbox.model.index(0, 0).data() == "≠ conflict"
    driver.press(Qt.Key.Key_V)
    from cpcs_desktop.ui.conflict_view import ConflictView

    view = opened(driver, ConflictView)
    sides = {side.name: side for side in view.model.rows}
    assert (sides["magnitude"].mine, sides["magnitude"].theirs) == (
        "15.200 ± 0.020", "15.100 ± 0.020",
    )  # fmt: skip
    assert {n for n, side in sides.items() if side.differs} == {"magnitude", "comment"}
    button = "keepMine" if keep == "mine" else "keepTheirs"
    view.findChild(QPushButton, button).click()
    driver.qtbot.waitUntil(
        lambda: driver.bridge.sending.submissions()[0].state is SubmissionState.STORED,
        timeout=30_000,
    )
    [row] = driver.bridge.sending.submissions()
    assert (row.mag, row.revision) == ((15.2, 2) if keep == "mine" else (15.1, 1))
    told = shared.get("/api/v1/light-curve", "other", ivorn=EVENT).json()
    assert [r["mag"] for r in told["rows"]] == [row.mag]
    words = driver.window.status.connection
    driver.qtbot.waitUntil(lambda: words.text().startswith("online · 0 waiting · last contact"))


def test_a_row_of_the_outbox_opens_its_record(loaded: Any) -> None:
    accept(loaded)
    loaded.window.show_tab("outbox")
    table = loaded.window.outbox.table
    at = table.visualRect(table.model().index(0, 2)).center()
    loaded.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    record = opened(loaded)
    assert record.content.point.id == loaded.bridge.sending.submissions()[0].point_id
    record.close()


def test_the_views_of_points_keep_the_dark_and_have_names(loaded: Any, practice: Path) -> None:
    """Night theme: no green, no blue; everything that takes the focus can be read out."""
    from PySide6.QtWidgets import QWidget

    from cpcs_desktop.ui.bhtom_view import BhtomView
    from cpcs_desktop.ui.conflict_view import ConflictView
    from cpcs_desktop.ui.recalibration_view import RecalibrationView
    from cpcs_desktop.ui.theme import THEMES
    from tests.ui.test_window_looks import pixels

    def look(view: QWidget) -> None:
        loaded.settle()
        seen = pixels(view)
        assert seen[:, :, 1:].max() <= 12, view.objectName()
        assert seen[:, :, 0].max() > 150
        for widget in view.findChildren(QWidget):
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
                words = widget.accessibleName() or getattr(widget, "text", str)()
                plain = {"QTabBar", "QScrollArea", "QGraphicsView"}
                inside = any(w.accessibleName() for w in _parents(widget))
                assert words or inside or type(widget).__name__ in plain, widget.objectName()

    loaded.window.actions_by_name["night"].trigger()
    accept(loaded)
    [row] = loaded.bridge.sending.submissions()
    loaded.window.desk.open_record(row.point_id)
    record = opened(loaded)
    for part in range(record.parts.count()):
        record.parts.setCurrentIndex(part)
        look(record)
    record.close()
    loaded.window.desk.recalibrate()
    look(opened(loaded, RecalibrationView))
    opened(loaded, RecalibrationView).close()
    loaded.window.desk.show_bhtom()
    look(opened(loaded, BhtomView))
    opened(loaded, BhtomView).close()
    kept = loaded.bridge.sending.outbox.current(row.point_id).submission
    view = ConflictView(kept, None, "no answer", THEMES["night"], loaded.window)
    view.show()
    look(view)
    view.close()
    loaded.window.show_tab("lightcurve")
    for shown in ("nights", "colour", "points"):
        loaded.window.light_curve.controls.shown.setCurrentText(shown)
        look(loaded.window.light_curve)


def _parents(widget: Any) -> list[Any]:
    found = []
    while (widget := widget.parentWidget()) is not None:
        found.append(widget)
    return found
