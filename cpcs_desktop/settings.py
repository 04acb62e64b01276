"""The settings file of a profile."""

from __future__ import annotations

import os
import tomllib
from typing import Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import ENV_SERVER_URL, Profile


class SettingsModel(BaseModel):
    """Base of the settings: unknown keys are an error that names them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraSettings(SettingsModel):
    """What the observer knows better than the header; used for frames whose INSTRUME matches."""

    gain: float | None = Field(default=None, gt=0)
    saturation: float | None = Field(default=None, gt=0)
    read_noise: float | None = Field(default=None, ge=0)
    filter_aliases: dict[str, str] = Field(default_factory=dict)
    keywords: dict[str, str] = Field(default_factory=dict)
    aperture_diameter_pix: float | None = Field(default=None, gt=0)


class ListChoice(SettingsModel):
    """Which columns hold which quantities, of lists with exactly these columns."""

    columns: tuple[str, ...]
    chosen: dict[str, str]


class ObservatorySettings(SettingsModel):
    """The observer's own place."""

    name: str | None = None
    longitude: float | None = Field(default=None, ge=-180, le=360)
    latitude: float | None = Field(default=None, ge=-90, le=90)
    altitude_m: float | None = None
    aavso_code: str | None = None


class BhtomSettings(SettingsModel):
    """The bridge to BHTOM; off unless the observer turns it on."""

    enabled: bool = False
    upload_url: str = "https://uploadsvc2.astrolabs.pl/upload/"
    result_url: str = "https://bh-tom2.astrolabs.pl/calibration/get-calibration-res/"
    observatory: str | None = None
    band: str = "GaiaSP/any"
    match_radius_arcsec: float | None = Field(default=None, gt=0, le=60)


class AppSettings(SettingsModel):
    """Everything kept in ``settings.toml``; never the access key."""

    server_url: str | None = None
    observatory: ObservatorySettings = ObservatorySettings()
    bhtom: BhtomSettings = BhtomSettings()
    observers: tuple[str, ...] = ()
    magnitudes: Literal["auto", "aper"] = "auto"
    match_radius_arcsec: float | None = Field(default=2.0, ge=0.5, le=60)
    force_filter: str = "no"
    theme: Literal["dark", "light", "night"] = "dark"
    text_percent: int = Field(default=100, ge=50, le=300)
    cameras: dict[str, CameraSettings] = Field(default_factory=dict)
    lists: tuple[ListChoice, ...] = ()
    #: Survey key -> TAP service, where the registry's is not the one to ask.
    tap_urls: dict[str, str] = Field(default_factory=dict)


def with_list_choice(settings: AppSettings, choice: ListChoice) -> AppSettings:
    """Remember which columns of such lists are which; the newest choice stays."""
    others = tuple(known for known in settings.lists if known.columns != choice.columns)
    return settings.model_copy(update={"lists": (*others, choice)})


def load_settings(profile: Profile) -> AppSettings:
    """Read the profile's settings; the environment's server address wins.

    Raises
    ------
    CpcsError
        Code ``bad_settings`` when the file cannot be understood.
    """
    try:
        text = profile.settings_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    try:
        settings = AppSettings.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise CpcsError(
            "bad_settings",
            f"The settings file {profile.settings_file} cannot be understood: {error}",
            "Correct it or move it away; without it the defaults are used.",
        ) from error
    url = os.environ.get(ENV_SERVER_URL)
    return settings.model_copy(update={"server_url": url}) if url else settings


def save_settings(profile: Profile, settings: AppSettings) -> None:
    """Write the settings so that a power cut leaves the old file or the new one, never half."""
    profile.folder.mkdir(parents=True, exist_ok=True)
    text = tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True))
    temporary = profile.settings_file.with_suffix(".toml.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(profile.settings_file)
