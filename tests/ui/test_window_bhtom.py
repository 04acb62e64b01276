"""The bridge to BHTOM in the window, against the stand-in written from its description."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog

from cpcs_desktop.settings import BhtomSettings, load_settings
from cpcs_desktop.ui.bhtom_view import BhtomView
from tests.sending import point
from tests.sync.test_bhtom import StandIn, evidence, result_json, service

__all__ = ["service"]


def test_off_by_default_then_dry_run_send_and_result(
    driver: Any, profile: Any, service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge, window = driver.bridge, driver.window
    bridge.sending.outbox.add(point(1), evidence())
    assert not bridge.settings.bhtom.enabled
    window.show_tab("outbox")
    assert not window.outbox.bhtom.isVisible()
    driver.press(Qt.Key.Key_B)
    view = window.findChild(BhtomView)
    assert "off" in view.words.text()
    assert not (view.dry.isEnabled())
    assert not (view.real.isEnabled())
    assert not (view.fetch.isEnabled())
    view.close()
    driver.qtbot.waitUntil(lambda: window.findChild(BhtomView) is None)

    window.show_settings()
    form = next(d for d in window.findChildren(QDialog) if d.objectName() == "settingsDialog")
    form.bhtom.enabled.setChecked(True)
    form.bhtom.observatory.setText("OSTROWIK_60")
    form.bhtom.upload_url.setText(service.url)
    form.bhtom.result_url.setText(service.result_url)
    form.bhtom.radius.setText("900")
    form._save()
    assert "match_radius_arcsec" in form.complaint.text()
    form.bhtom.radius.setText("2")
    form._save()
    kept = load_settings(profile).bhtom
    assert kept == BhtomSettings(
        enabled=True, observatory="OSTROWIK_60", match_radius_arcsec=2.0,
        upload_url=service.url, result_url=service.result_url,
    )  # fmt: skip
    assert "secret" not in profile.settings_file.read_text()
    assert window.outbox.bhtom.isVisible()

    window.outbox.bhtom.click()
    view = window.findChild(BhtomView)
    view.dry.click()
    driver.qtbot.waitUntil(lambda: "no token" in view.words.text())
    monkeypatch.setenv("CPCS_BHTOM_TOKEN", "secret-token")
    view.dry.click()
    driver.qtbot.waitUntil(lambda: "dry run" in view.words.text() and view.dry.isEnabled())
    assert service.uploads == []
    assert view.model.rows[0].state == "", "a dry run leaves no trace"
    view.real.click()
    driver.qtbot.waitUntil(lambda: view.model.rows[0].state == "SENT" and view.real.isEnabled())
    assert len(service.uploads) == 1
    view.real.click()
    driver.qtbot.waitUntil(lambda: "nothing that BHTOM" in view.words.text())
    assert len(service.uploads) == 1, "sent once"
    service.results = {1201: result_json()}
    view.fetch.click()
    driver.qtbot.waitUntil(lambda: "1 results" in view.words.text())
    assert view.model.index(0, 5).data() == "GaiaSP/r 15.610 ± 0.030"
    view.close()
