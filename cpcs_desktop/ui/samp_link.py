"""SAMP: frames, stars and places shared with Aladin, TOPCAT, DS9; silent where there is no hub."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.stars_model import StarColumns
from cpcs_desktop.ui.task import Tasks

_log = logging.getLogger(__name__)
TABLE_ID = "cpcs-desktop-stars"
_RECEIVED = ("table.highlight.row", "table.select.rowList", "coord.pointAt.sky", "image.load.fits")
_EVERY_MS = 10_000


class SampLink(QObject):
    """One client at the hub, when there is a hub.

    Nothing here is waited for: connecting and sending happen in one thread of their own, and
    messages that come in are handed to the GUI thread.

    Signals
    -------
    came(str, dict)
        Message type and parameters, in the GUI thread.
    """

    came = Signal(str, object)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._tasks = Tasks(self)
        self._tasks.failed.connect(bridge.explain)
        self._thread = ThreadPoolExecutor(1, "cpcs-samp")
        self._client: Any = None
        self._rows: list[int] = []
        self._following = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.came.connect(self._on_message)
        bridge.changed.connect(self._on_changed)
        self._look = QTimer(self)
        self._look.setInterval(_EVERY_MS)
        self._look.timeout.connect(self.connect_hub)

    @property
    def connected(self) -> bool:
        """Whether there is a hub and we are known to it."""
        return self._client is not None

    def start(self) -> None:
        """Look for a hub now and from time to time."""
        self.connect_hub()
        self._look.start()

    def close(self) -> None:
        """Leave the hub."""
        self._look.stop()
        self._tasks.cancel_all()
        client, self._client = self._client, None
        if client is not None:
            self._thread.submit(_leave, client)
        self._thread.shutdown(wait=True)
        if self._folder is not None:
            self._folder.cleanup()

    def connect_hub(self) -> None:
        """Join a hub if one runs; silent otherwise."""
        if self._client is None and "connect" not in self._tasks:
            future = self._thread.submit(_join, self.came.emit)
            self._tasks.start("connect", future, self._joined)

    def _joined(self, client: Any) -> None:
        self._client = client

    # -- sending -----------------------------------------------------------------------------------

    def _notify(self, mtype: str, **parameters: str) -> None:
        client = self._client
        if client is None:
            return
        future = self._thread.submit(_notify, client, mtype, parameters)
        self._tasks.start(("send", mtype), future, lambda _n: None, self._lost)

    def _lost(self, error: Exception) -> None:
        """Forget a hub that has gone; the next look finds another."""
        _log.info("SAMP: %s", error)
        self._client = None

    def send_image(self) -> None:
        """Send the frame looked at."""
        frame = self._bridge.frame
        if frame is None or self._nobody():
            return
        path = Path(frame.path).resolve()
        self._notify("image.load.fits", url=path.as_uri(), name=path.name)

    def send_stars(self) -> None:
        """Send the matched stars of the shown band as a VOTable."""
        calibration, fit = self._bridge.calibration, self._bridge.shown_fit
        if calibration is None or fit is None or self._nobody():
            return
        stars = StarColumns.of(calibration, fit)
        sources = calibration.exposure.sources(calibration.magnitude_kind)
        self._rows = stars.source_row.tolist()
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="cpcs-samp-")
        file = Path(self._folder.name) / "stars.vot"
        columns = {
            "ra": sources.ra[stars.source_row],
            "dec": sources.dec[stars.source_row],
            "mag_inst": stars.values[:, 1],
            "mag_ref": stars.values[:, 3],
            "residual": stars.values[:, 5],
            "membership": stars.values[:, 6],
        }
        future = self._thread.submit(_write_votable, file, columns)
        name = f"{fit.band} of {Path(calibration.exposure.frame.path).name}"
        self._tasks.start(
            "table",
            future,
            lambda _n: self._notify(
                "table.load.votable", **{"table-id": TABLE_ID, "url": file.as_uri(), "name": name}
            ),
        )

    def send_place(self) -> None:
        """Send where the target is."""
        frame = self._bridge.frame
        if frame is None or frame.decisions.target is None or self._nobody():
            return
        ra, dec = frame.decisions.target
        self._notify("coord.pointAt.sky", ra=repr(ra), dec=repr(dec))

    def _nobody(self) -> bool:
        if self._client is None:
            self._bridge.said.emit("No SAMP hub runs: start Aladin, TOPCAT or DS9 first.")
        return self._client is None

    def _on_changed(self, changes: Changes) -> None:
        """Let the others light the star that is lit here."""
        if changes.selection and self._client is not None and not self._following and self._rows:
            rows = [self._rows.index(r) for r in self._bridge.selection if r in self._rows]
            if len(rows) == 1:
                self._notify("table.highlight.row", **{"table-id": TABLE_ID, "row": str(rows[0])})

    # -- receiving ---------------------------------------------------------------------------------

    def _on_message(self, mtype: str, parameters: dict[str, Any]) -> None:
        """Answer a message; what others send wrong is left alone."""
        self._following = True
        try:
            if mtype == "table.highlight.row" and parameters.get("table-id") == TABLE_ID:
                self._select([parameters.get("row")])
            elif mtype == "table.select.rowList" and parameters.get("table-id") == TABLE_ID:
                self._select(parameters.get("row-list") or [])
            elif mtype == "coord.pointAt.sky":
                self._point_at(float(parameters["ra"]), float(parameters["dec"]))
            elif mtype == "image.load.fits":
                path = _local_path(str(parameters.get("url", "")))
                if path is not None:
                    self._bridge.add([path])
        except (KeyError, TypeError, ValueError) as error:
            _log.info("SAMP: %s is not understood: %s", mtype, error)
        finally:
            self._following = False

    def _select(self, rows: list[Any]) -> None:
        wanted = [int(row) for row in rows]
        self._bridge.select(self._rows[row] for row in wanted if 0 <= row < len(self._rows))

    def _point_at(self, ra: float, dec: float) -> None:
        exposure = self._bridge.exposure
        if exposure is None:
            return
        from cpcs_desktop.ui.markers import sky_layout

        sources = exposure.sources()
        x, y = sky_layout(sources.ra, sources.dec, ra, dec)
        apart = (x**2 + y**2) ** 0.5
        nearest = int(apart.argmin())
        if apart[nearest] < 5.0:
            self._bridge.select([nearest])


def _join(hand_over: Callable[[str, object], None]) -> Any:
    """Join the hub; None without one."""
    from pyvo.samp import SAMPHubError, SAMPIntegratedClient

    client = SAMPIntegratedClient(
        name="CPCS Desktop",
        description="Photometric calibration of frames and star lists",
        addr="127.0.0.1",
    )
    try:
        client.connect()
    except SAMPHubError:
        return None
    except OSError as error:
        _log.info("SAMP: %s", error)
        return None

    def notified(_key: str, _sender: str, mtype: str, parameters: Any, _extra: Any) -> None:
        hand_over(mtype, dict(parameters))

    def called(
        _key: str, _sender: str, number: str, mtype: str, parameters: Any, _extra: Any
    ) -> None:
        hand_over(mtype, dict(parameters))
        client.reply(number, {"samp.status": "samp.ok", "samp.result": {}})

    for mtype in _RECEIVED:
        client.bind_receive_notification(mtype, notified)
        client.bind_receive_call(mtype, called)
    return client


def _notify(client: Any, mtype: str, parameters: dict[str, str]) -> None:
    client.notify_all({"samp.mtype": mtype, "samp.params": parameters})


def _leave(client: Any) -> None:
    try:
        client.disconnect()
    except Exception as error:  # noqa: BLE001  the hub may be gone already, in many ways
        _log.info("SAMP: %s", error)


def _write_votable(file: Path, columns: dict[str, Any]) -> None:
    from astropy.table import Table

    Table(columns).write(file, format="votable", overwrite=True)


def _local_path(url: str) -> str | None:
    from urllib.parse import unquote, urlsplit
    from urllib.request import url2pathname

    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        return None
    return url2pathname(unquote(parts.path))
