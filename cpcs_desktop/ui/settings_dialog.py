"""The one settings dialog: server and key, observatory, looks, cameras."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.settings import AppSettings, CameraSettings, ObservatorySettings
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.settings_bhtom import BhtomPage
from cpcs_desktop.ui.task import Tasks

_NUMBERS = ("gain", "saturation", "read_noise", "aperture_diameter_pix")
_KEYWORDS_HINT = "one a line:  mjd = MJD-OBS"


class SettingsDialog(QDialog):
    """Everything that is kept in the settings file, and the access key beside it."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settingsDialog")
        self.setWindowTitle("Settings")
        self._bridge = bridge
        self._tasks = Tasks(self)
        self._tasks.failed.connect(self._not_connected)
        self._cameras: dict[str, CameraSettings] = dict(bridge.settings.cameras)
        self._shown_camera: str | None = None
        self.complaint = QLabel(self)
        self.complaint.setObjectName("settingsComplaint")
        self.complaint.setWordWrap(True)
        self.bhtom = BhtomPage(bridge.settings.bhtom, self)
        self.pages = QTabWidget(self)
        self.pages.setObjectName("settingsPages")
        for title, page in (
            ("&Server", self._server_page()),
            ("&Observatory", self._observatory_page()),
            ("&Cameras", self._camera_page()),
            ("&Looks", self._looks_page()),
            ("&BHTOM", self.bhtom),
        ):
            self.pages.addTab(page, title)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel, self
        )
        column = QVBoxLayout(self)
        column.addWidget(self.pages)
        column.addWidget(self.complaint)
        column.addWidget(self.buttons)
        self.buttons.accepted.connect(self._save)
        self.buttons.rejected.connect(self.reject)
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance("x" * 80))

    def _line(self, name: str, text: Any = None, hint: str = "") -> QLineEdit:
        shown = "" if text is None else f"{text:g}" if isinstance(text, float) else str(text)
        line = QLineEdit(shown, self)
        line.setObjectName(name)
        line.setPlaceholderText(hint)
        return line

    # -- pages -----------------------------------------------------------------------------------

    def _server_page(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        self.server = self._line("server", self._bridge.settings.server_url, "https://…")
        self.key = self._line("accessKey", None, "cpcs_…  (empty: keep the present one)")
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.test = QPushButton("&Test connection", page)
        self.test.setObjectName("testConnection")
        self.test.clicked.connect(self._test)
        self.answer = QLabel(page)
        self.answer.setObjectName("connectionAnswer")
        self.answer.setWordWrap(True)
        form.addRow("&Address", self.server)
        form.addRow("Access &key", self.key)
        form.addRow(self.test, self.answer)
        return page

    def _observatory_page(self) -> QWidget:
        page, place = QWidget(self), self._bridge.settings.observatory
        form = QFormLayout(page)
        self.observatory = self._line("observatoryName", place.name)
        self.longitude = self._line("longitude", place.longitude, "degrees, east is positive")
        self.latitude = self._line("latitude", place.latitude, "degrees, north is positive")
        self.altitude = self._line("altitude", place.altitude_m, "metres")
        self.aavso = self._line("aavsoCode", place.aavso_code, "observer's code, for exports")
        self.observers = self._line(
            "observers", ", ".join(self._bridge.settings.observers), "names, with commas between"
        )
        form.addRow("&Name", self.observatory)
        form.addRow("Lon&gitude", self.longitude)
        form.addRow("La&titude", self.latitude)
        form.addRow("&Height", self.altitude)
        form.addRow("O&bservers", self.observers)
        form.addRow("AA&VSO", self.aavso)
        return page

    def _camera_page(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        self.camera = QComboBox(page)
        self.camera.setObjectName("cameraChoice")
        self.camera.setEditable(True)
        self.camera.setToolTip("INSTRUME of the header; what stands here wins over the header")
        names = dict.fromkeys(self._cameras)
        exposure = self._bridge.exposure
        if exposure is not None and exposure.frame.instrument:
            names = {exposure.frame.instrument: None} | names
        self.camera.addItems(list(names))
        self.camera_lines = {
            name: self._line(f"camera_{name}", None, hint)
            for name, hint in zip(
                _NUMBERS,
                ("e-/ADU", "ADU", "e-", "pixels; empty suits it to the seeing"),
                strict=True,
            )
        }
        self.aliases = self._pairs("filterAliases", "one a line:  Sloan red = SDSS/r")
        self.keywords = self._pairs("cameraKeywords", _KEYWORDS_HINT)
        form.addRow("C&amera", self.camera)
        for (name, line), word in zip(
            self.camera_lines.items(),
            ("&Gain", "Sat&uration", "&Read noise", "A&perture diameter"),
            strict=True,
        ):
            line.setAccessibleName(name.replace("_", " "))
            form.addRow(word, line)
        form.addRow("&Filter names", self.aliases)
        form.addRow("Header &keywords", self.keywords)
        self.camera.currentTextChanged.connect(self._show_camera)
        self._show_camera(self.camera.currentText())
        return page

    def _pairs(self, name: str, hint: str) -> QPlainTextEdit:
        text = QPlainTextEdit(self)
        text.setObjectName(name)
        text.setPlaceholderText(hint)
        text.setTabChangesFocus(True)
        text.setFixedHeight(text.fontMetrics().height() * 3 + 14)
        return text

    def _looks_page(self) -> QWidget:
        page, settings = QWidget(self), self._bridge.settings
        form = QFormLayout(page)
        self.theme = QComboBox(page)
        self.theme.setObjectName("themeChoice")
        self.theme.addItems(["dark", "light", "night"])
        self.theme.setCurrentText(settings.theme)
        self.text_size = QSpinBox(page)
        self.text_size.setObjectName("textSize")
        self.text_size.setRange(70, 300)
        self.text_size.setSingleStep(10)
        self.text_size.setSuffix(" %")
        self.text_size.setValue(settings.text_percent)
        row = QHBoxLayout()
        row.addWidget(QLabel("Profile", page))
        where = QLabel(str(self._bridge.profile.folder), page)
        where.setWordWrap(True)
        form.addRow("&Theme", self.theme)
        form.addRow("Text si&ze", self.text_size)
        form.addRow("Profile", where)
        return page

    # -- cameras ---------------------------------------------------------------------------------

    def _show_camera(self, name: str) -> None:
        self._keep_camera()
        self._shown_camera = name
        camera = self._cameras.get(name, CameraSettings())
        for field, line in self.camera_lines.items():
            value = getattr(camera, field)
            line.setText("" if value is None else f"{value:g}")
        self.aliases.setPlainText(_write_pairs(camera.filter_aliases))
        self.keywords.setPlainText(_write_pairs(camera.keywords))

    def _keep_camera(self) -> None:
        if not self._shown_camera:
            return
        fields: dict[str, Any] = {n: _number(line) for n, line in self.camera_lines.items()}
        fields["filter_aliases"] = _read_pairs(self.aliases)
        fields["keywords"] = _read_pairs(self.keywords)
        camera = CameraSettings(**fields)
        if camera == CameraSettings():
            self._cameras.pop(self._shown_camera, None)
        else:
            self._cameras[self._shown_camera] = camera

    # -- connection and saving -------------------------------------------------------------------

    def _test(self) -> None:
        url, key = self.server.text().strip(), self.key.text().strip()
        profile = self._bridge.profile

        def ask() -> str:
            from cpcs_desktop.sync.client import CpcsClient
            from cpcs_desktop.sync.credentials import read_key

            client = CpcsClient(url, key or read_key(profile, url))
            try:
                client.health()
                return f"Connected; this key belongs to {client.me()['observatory']}."
            finally:
                client.close()

        self.answer.setText("Asking …")
        self._tasks.start("test", self._bridge.threads.submit(ask), self.answer.setText)

    def _not_connected(self, error: Exception) -> None:
        if not isinstance(error, CpcsError):
            self.answer.setText("The server answered something unexpected.")
            self._bridge.unforeseen.emit(error)
        else:
            self.answer.setText(f"{error.message} {error.hint}".strip())

    def settings(self) -> AppSettings:
        """Return the settings as the dialog shows them.

        Raises
        ------
        ValueError
            A number that is none, or one out of range; the text says which.
        """
        self._keep_camera()
        observers = tuple(n.strip() for n in self.observers.text().split(",") if n.strip())
        place = ObservatorySettings(
            name=self.observatory.text().strip() or None,
            longitude=_number(self.longitude),
            latitude=_number(self.latitude),
            altitude_m=_number(self.altitude),
            aavso_code=self.aavso.text().strip() or None,
        )
        return self._bridge.settings.model_copy(
            update={
                "server_url": self.server.text().strip() or None,
                "observatory": place,
                "observers": observers,
                "bhtom": self.bhtom.settings(),
                "theme": self.theme.currentText(),
                "text_percent": self.text_size.value(),
                "cameras": dict(self._cameras),
            }
        )

    def _save(self) -> None:
        try:
            settings = self.settings()
            self._check_address(settings.server_url)
            if self.key.text().strip():
                self._save_key(settings.server_url)
            if self.bhtom.keep_token(self._bridge.profile, settings.bhtom):
                self._bridge.said.emit("BHTOM's token is kept in the keyring.")
        except CpcsError as error:
            self.complaint.setText(f"{error.message} {error.hint}")
            return
        except ValueError as error:
            self.complaint.setText(_plain(error))
            return
        self._bridge.use_settings(settings)
        self.accept()

    def _check_address(self, url: str | None) -> None:
        if url:
            from cpcs_desktop.sync.client import normal_address

            normal_address(url)

    def _save_key(self, url: str | None) -> None:
        from cpcs_desktop.sync.credentials import save_key

        kept = save_key(self._bridge.profile, self.key.text().strip(), server_url=url)
        self._bridge.said.emit(f"The access key is kept in the {kept}.")


def _number(line: QLineEdit) -> float | None:
    text = line.text().strip().replace(",", ".")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"“{text}” is no number ({line.objectName()}).") from None


def _read_pairs(text: QPlainTextEdit) -> dict[str, str]:
    lines = (line.partition("=") for line in text.toPlainText().splitlines() if line.strip())
    return {name.strip(): value.strip() for name, equals, value in lines if equals}


def _write_pairs(pairs: dict[str, str]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in pairs.items())


def _plain(error: ValueError) -> str:
    """Say what pydantic says, without its addresses."""
    found = getattr(error, "errors", None)
    if found is None:
        return str(error)
    return "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in found())
