"""HTTP as a polite guest: a pause between requests to one host, time-outs, whole redirects."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

_REDIRECTS = frozenset({301, 302, 307, 308})


@dataclass(frozen=True)
class Patience:
    """How a service is treated; seconds.

    Parameters
    ----------
    pause_s : float
        Least time between two requests to one host.
    timeout_s : float
        Longest silence of the service.
    tries : int
        Attempts at one query.
    backoff_s : float
        Wait after the first failure, doubled after each further one.
    job_s : float
        Longest run of an asynchronous job.
    """

    pause_s: float = 1.0
    timeout_s: float = 60.0
    tries: int = 4
    backoff_s: float = 2.0
    job_s: float = 1800.0


class PatientSession(requests.Session):
    """A session that pauses, never waits for ever, and keeps POST through redirects."""

    _last_request: dict[str, float] = {}  # noqa: RUF012 - shared on purpose: the rate is the host's
    _lock = threading.Lock()

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience = patience
        self._answers: list[requests.Response] = []
        self.headers["User-Agent"] = "cpcs-desktop"

    def close(self) -> None:
        """Close the connections, of answers that nobody read to their end too."""
        for answer in self._answers:
            answer.close()
        super().close()

    def send(self, request: Any, **kwargs: Any) -> requests.Response:
        """Send one request of a chain of redirects."""
        answer = super().send(request, **kwargs)
        self._answers.append(answer)
        return answer

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request; requests itself would turn a redirected POST into an empty GET."""
        kwargs.setdefault(
            "timeout", (min(20.0, self._patience.timeout_s), self._patience.timeout_s)
        )
        if str(method).upper() != "POST":
            self._wait_for_turn(str(url))
            return super().request(method, url, *args, **kwargs)
        kwargs["allow_redirects"] = False
        for _ in range(6):
            self._wait_for_turn(str(url))
            response = super().request(method, url, *args, **kwargs)
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                break
            url = urljoin(str(url), response.headers["location"])
        if response.status_code == 303:
            where = urljoin(str(url), response.headers["location"])
            return self.request("GET", where, stream=kwargs.get("stream", False))
        return response

    def _wait_for_turn(self, url: str) -> None:
        host = urlsplit(url).netloc
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._last_request.get(host, -1e9) + self._patience.pause_s)
            self._last_request[host] = turn
        time.sleep(max(0.0, turn - now))
