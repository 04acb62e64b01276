"""The settings' page of the bridge to BHTOM: off unless it is turned on here."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QFormLayout, QLabel, QLineEdit, QWidget

from cpcs_desktop.profile import Profile
from cpcs_desktop.settings import BhtomSettings


class BhtomPage(QWidget):
    """Switch, token, observatory, band."""

    def __init__(self, settings: BhtomSettings, parent: QWidget) -> None:
        super().__init__(parent)
        self._settings = settings
        self.enabled = QCheckBox("&Send source lists of accepted points there, too", self)
        self.enabled.setObjectName("bhtomEnabled")
        self.enabled.setChecked(settings.enabled)
        self.token = self._line("bhtomToken", "", "empty: keep the present one")
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.observatory = self._line("bhtomObservatory", settings.observatory, "BHTOM's ONAME")
        self.band = self._line("bhtomBand", settings.band, "GaiaSP/any, GaiaSP/V …")
        radius = settings.match_radius_arcsec
        self.radius = self._line(
            "bhtomRadius", None if radius is None else f"{radius:g}", "empty: BHTOM's own"
        )
        self.upload_url = self._line("bhtomUpload", settings.upload_url, "https://…")
        self.result_url = self._line("bhtomResults", settings.result_url, "https://…")
        words = QLabel(
            "Nothing is sent by itself: the outbox has a button (b), with a dry run. Each list "
            "is sent once at most.",
            self,
        )
        words.setWordWrap(True)
        form = QFormLayout(self)
        form.addRow(self.enabled)
        form.addRow("&Token", self.token)
        form.addRow("O&bservatory", self.observatory)
        form.addRow("&Filter", self.band)
        form.addRow("&Match radius (″)", self.radius)
        form.addRow("&Uploads", self.upload_url)
        form.addRow("&Results", self.result_url)
        form.addRow(words)

    def _line(self, name: str, text: str | None, hint: str) -> QLineEdit:
        line = QLineEdit(text or "", self)
        line.setObjectName(name)
        line.setPlaceholderText(hint)
        return line

    def settings(self) -> BhtomSettings:
        """Return what the page says.

        Raises
        ------
        ValueError
            For what cannot be used; pydantic's, with the field's name.
        """
        radius = self.radius.text().strip().replace(",", ".")
        return BhtomSettings.model_validate(
            {
                "enabled": self.enabled.isChecked(),
                "observatory": self.observatory.text().strip() or None,
                "band": self.band.text().strip() or BhtomSettings().band,
                "match_radius_arcsec": radius or None,
                "upload_url": self.upload_url.text().strip() or BhtomSettings().upload_url,
                "result_url": self.result_url.text().strip() or BhtomSettings().result_url,
            }
        )

    def keep_token(self, profile: Profile, settings: BhtomSettings) -> bool:
        """Keep a new token in the keyring; return whether there was one.

        Raises
        ------
        CpcsError
            ``no_keyring``.
        """
        token = self.token.text().strip()
        if token:
            from cpcs_desktop.sync.credentials import save_bhtom_token

            save_bhtom_token(profile, token, settings.upload_url)
        return bool(token)
