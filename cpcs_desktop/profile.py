"""The observer's profile on disk: where things are kept.

Names and places of everything under a profile are decided here and nowhere else. Light: the command
line imports it before it knows what it has to do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

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
        HATS catalogues, one folder a survey; may lie elsewhere (``--cache``).
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
    return Profile(folder=base, survey_cache=Path(cache))
