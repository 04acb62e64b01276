"""SAMP against a real hub and a second client in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

#: The other program: joins the hub, writes down what it is told, and says what it is asked to.
OTHER = """
import json, sys, time
from pyvo.samp import SAMPIntegratedClient
client = SAMPIntegratedClient(name="other", addr="127.0.0.1")
client.connect()
def heard(key, sender, mtype, params, extra):
    print(json.dumps({"mtype": mtype, "params": dict(params)}), flush=True)
for mtype in ("image.load.fits", "table.load.votable", "table.highlight.row", "coord.pointAt.sky"):
    client.bind_receive_notification(mtype, heard)
print(json.dumps({"mtype": "ready"}), flush=True)
for line in sys.stdin:
    client.notify_all(json.loads(line))
client.disconnect()
"""


class Other:
    """The second client."""

    def __init__(self, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER], env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.hears()["mtype"] == "ready"

    def hears(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def says(self, mtype: str, **params: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"samp.mtype": mtype, "samp.params": params}) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.communicate(timeout=20)  # closes both pipes too


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A hub of our own, found through its lock file."""
    import os

    from pyvo.samp import SAMPHubServer

    lock = tmp_path / "samp-lock"
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{lock.as_uri()}")
    server = SAMPHubServer(web_profile=False, lockfile=str(lock), addr="127.0.0.1")
    server.start()
    yield {**os.environ}
    server.stop()


def test_both_directions(loaded: Any, hub: dict[str, str], tmp_path: Path) -> None:
    from astropy.table import Table

    window, bridge = loaded.window, loaded.bridge
    other = Other(hub)
    try:
        window.samp.connect_hub()
        loaded.qtbot.waitUntil(lambda: window.samp.connected, timeout=20_000)
        window.actions_by_name["sampImage"].trigger()
        heard = other.hears()
        assert heard["mtype"] == "image.load.fits"
        assert heard["params"]["url"].endswith("practice-02-r.fits")

        window.actions_by_name["sampStars"].trigger()
        loaded.qtbot.waitUntil(lambda: len(window.samp._tasks) == 0, timeout=20_000)
        heard = other.hears()
        assert heard["mtype"] == "table.load.votable"
        table = Table.read(heard["params"]["url"].removeprefix("file://"), format="votable")
        assert len(table) == len(window.samp._rows)
        assert set(table.colnames) >= {"ra", "dec", "residual", "membership"}

        bridge.select([window.samp._rows[3]])
        heard = other.hears()
        assert (heard["mtype"], heard["params"]["row"]) == ("table.highlight.row", "3")

        window.actions_by_name["sampPlace"].trigger()
        heard = other.hears()
        assert float(heard["params"]["ra"]) == bridge.frame.decisions.target[0]

        table_id = "cpcs-desktop-stars"
        other.says("table.highlight.row", **{"table-id": table_id, "row": "7"})
        loaded.qtbot.waitUntil(lambda: bridge.selection == {window.samp._rows[7]})
        other.says("table.select.rowList", **{"table-id": table_id, "row-list": ["1", "2"]})
        loaded.qtbot.waitUntil(lambda: bridge.selection == set(window.samp._rows[1:3]))
        star = int(bridge.shown_fit.source_row[0])
        sources = bridge.exposure.sources()
        other.says("coord.pointAt.sky", ra=str(sources.ra[star]), dec=str(sources.dec[star]))
        loaded.qtbot.waitUntil(lambda: bridge.selection == {star})
        other.says("table.highlight.row", **{"table-id": table_id, "row": "many"})
        other.says("image.load.fits", url=(tmp_path / "new.fits").as_uri())
        loaded.qtbot.waitUntil(lambda: len(bridge.night.frames) == 3)
    finally:
        other.close()
    loaded.settle()


def test_silent_without_a_hub(driver: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'none').as_uri()}")
    said: list[str] = []
    driver.bridge.said.connect(said.append)
    driver.window.samp.connect_hub()
    driver.qtbot.waitUntil(lambda: len(driver.window.samp._tasks) == 0, timeout=20_000)
    assert not driver.window.samp.connected
    assert said == []
    driver.window.samp.send_image()
    assert said == []
