"""The observer's profile on disk: where things are kept.

Names and places of everything under a profile are decided here and nowhere else. Light: the command
line imports it before it knows what it has to do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpcs_desktop.datamodel.errors import CpcsError

ENV_PROFILE = "CPCS_PROFILE"
ENV_CACHE = "CPCS_CACHE"
ENV_SERVER_URL = "CPCS_SERVER_URL"
ENV_ACCESS_KEY = "CPCS_ACCESS_KEY"
ENV_DATABASE_URL = "CPCS_DATABASE_URL"


@dataclass(frozen=True)
class Profile:
    """One observer's folder: settings, outbox, caches; missing parts are empty parts.

    Parameters
    ----------
    folder : Path
    survey_cache : Path
        HATS catalogues, one folder a survey; may lie elsewhere (``--cache``), also behind an
        address such as ``s3://bucket/cache``, see :func:`place_of`.
    """

    folder: Path
    survey_cache: Path

    @property
    def settings_file(self) -> Path:
        """TOML file of :class:`AppSettings`."""
        return self.folder / "settings.toml"

    @property
    def outbox_file(self) -> Path:
        """SQLite file of the submission queue, events and light-curve caches."""
        return self.folder / "outbox.sqlite"

    @property
    def session_file(self) -> Path:
        """SQLite file of the night: frames, verdicts, exclusions, undo."""
        return self.folder / "session.sqlite"

    @property
    def exposure_folder(self) -> Path:
        """Measured exposures of the night, so that reopening needs no second extraction."""
        return self.folder / "exposures"

    @property
    def key_file(self) -> Path:
        """Access key of last resort, mode 0600."""
        return self.folder / "access-key"

    @property
    def server_database(self) -> Path:
        """SQLite file of a server run from this profile."""
        return self.folder / "server.sqlite"

    @property
    def log_folder(self) -> Path:
        """Folder of log files."""
        return self.folder / "logs"


def open_profile(
    folder: str | os.PathLike[str] | None = None, cache: str | os.PathLike[str] | None = None
) -> Profile:
    """Return the profile named by argument, environment or platform, in that order.

    Nothing is created; a missing folder is an empty profile.
    """
    if folder is None:
        folder = os.environ.get(ENV_PROFILE) or None
    if folder is None:
        from platformdirs import user_data_path

        folder = user_data_path("cpcs-desktop", appauthor=False)
    base = Path(folder)
    cache = cache or os.environ.get(ENV_CACHE) or base / "surveys"
    return Profile(folder=base, survey_cache=place_of(cache))


def place_of(name: str | os.PathLike[str]) -> Path:
    """Return a folder: a path, or for an address what reads like one.

    Addresses are those of fsspec: ``s3://bucket/cache``, ``https://host/cache`` and others.

    Raises
    ------
    CpcsError
        Code ``no_address`` when what reads addresses is not installed, or knows no such kind.
    """
    text = os.fspath(name) if isinstance(name, os.PathLike) else name
    if "://" not in str(text):
        return Path(text)
    try:
        from upath import UPath

        place: Any = UPath(text)
        place.fs.exists  # noqa: B018  says what is not installed
    except (ImportError, ValueError) as error:
        raise CpcsError(
            "no_address",
            f"What lies at {text} cannot be read: {error}.",
            "pip install 'cpcs-desktop[cluster]', and what it names.",
        ) from error
    found: Path = Path(place.path) if place.protocol == "file" else place
    return found
