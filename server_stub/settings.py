"""What a server process has to know; nothing is read at import."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from cpcs_desktop.profile import place_of

#: Environment of the worker processes that ``run --workers`` starts.
ENV_WORKER_SETTINGS = "CPCS_SERVER_SETTINGS"


@dataclass(frozen=True)
class ServerSettings:
    """Settings of one server process.

    Parameters
    ----------
    database_url : str
    survey_cache : Path
        Folder of reference surveys for ``/cgi/upload``.
    behind_https : bool
        A proxy in front speaks https: cookies are Secure, links are https.
    trusted_proxies : str
        Addresses whose ``X-Forwarded-*`` headers are believed.
    largest_body, largest_unpacked : int
        Bytes of a request as it comes, and after gzip was undone.
    largest_rows : int
        Rows of an uploaded source list.
    calibration_s : float
        Longest calibration of an uploaded list, s.
    calibrators : int
        Child processes that calibrate uploaded lists.
    """

    database_url: str
    survey_cache: Path
    behind_https: bool = False
    trusted_proxies: str = "127.0.0.1"
    largest_body: int = 32 * 2**20
    largest_unpacked: int = 64 * 2**20
    largest_rows: int = 200_000
    calibration_s: float = 120.0
    calibrators: int = 1

    def to_environment(self) -> None:
        """Leave the settings to worker processes."""
        fields = {**asdict(self), "survey_cache": str(self.survey_cache)}
        os.environ[ENV_WORKER_SETTINGS] = json.dumps(fields)

    @classmethod
    def from_environment(cls) -> ServerSettings:
        """Take the settings that the parent left."""
        fields = json.loads(os.environ[ENV_WORKER_SETTINGS])
        return cls(**{**fields, "survey_cache": place_of(fields["survey_cache"])})
