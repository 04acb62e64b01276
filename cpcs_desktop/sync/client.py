"""The client of the server's ``/api/v1``: typed answers or typed errors, nothing between."""

from __future__ import annotations

import gzip
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import JSONDecodeError, loads
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from pydantic import BaseModel, ValidationError
from requests.auth import AuthBase

from cpcs_desktop import __version__
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.sync.answers import BadAnswerError, RefusalError, UnreachableError
from cpcs_desktop.sync.connections import AbortableAdapter
from cpcs_desktop.wire import (
    PROTOCOL_HEADER,
    PROTOCOL_VERSION,
    ErrorBody,
    EventBody,
    EventPage,
    LightCurveAnswer,
    PointReceipt,
    PointSubmission,
    RevisionBody,
    RevisionsAnswer,
    protocol_refusal,
)

CONNECT_S = 6.0
#: Longest silence of the server, s.
SILENCE_S = 30.0
#: Longest time for one whole answer, s.
DEADLINE_S = 120.0
LARGEST_ANSWER = 64 * 2**20
Body = TypeVar("Body", bound=BaseModel)


class _Key(AuthBase):
    """Set the header by hand, so that a ``.netrc`` of the user cannot take its place."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class CpcsClient:
    """One server and one access key.

    Parameters
    ----------
    url : str
        Address of the server, with or without a path before ``/api/v1``.
    key : str or None
        Access key; None asks only for what is public.
    silence_s, deadline_s : float
        Longest silence and longest whole answer, s.

    Raises
    ------
    CpcsError
        ``bad_address`` or ``bad_key`` when these cannot be ones.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        silence_s: float = SILENCE_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.url = normal_address(url)
        if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
            raise CpcsError(
                "bad_key",
                "The access key holds characters that no key has.",
                "Copy it again, as a whole, and run cpcs login.",
            )
        self._silence_s = silence_s
        self._deadline_s = deadline_s
        self.clock_offset_s: float | None = None
        self._adapter = AbortableAdapter()
        self._session = requests.Session()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._session.auth = _Key(key) if key else _no_key
        self._session.headers.update(
            {
                PROTOCOL_HEADER: str(PROTOCOL_VERSION),
                "User-Agent": f"cpcs-desktop/{__version__}",
                "Accept": "application/json",
            }
        )

    def __repr__(self) -> str:
        return f"CpcsClient({self.url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def abort(self) -> None:
        """End every request under way at once; for the thread that wants to stop."""
        self._adapter.abort()

    def put_point(self, submission: PointSubmission) -> PointReceipt:
        """Store a point; only a receipt for this very revision is success.

        Raises
        ------
        UnreachableError, BadAnswerError, RefusalError
        """
        point = submission.point
        status, text = self._ask(
            "PUT",
            f"/points/{point.id}",
            content=gzip.compress(submission.model_dump_json().encode(), 6, mtime=0),
            headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
        )
        receipt = _parsed(PointReceipt, status, text)
        if receipt.id != point.id or receipt.revision != point.revision:
            raise BadAnswerError(status, "the receipt is for another point")
        return receipt

    def withdraw_point(self, point_id: str, reason: str, revision: int) -> None:
        """Withdraw a point; told again, it is still withdrawn.

        Raises
        ------
        UnreachableError, BadAnswerError, RefusalError
        """
        status, text = self._ask(
            "DELETE", f"/points/{point_id}", params={"reason": reason, "revision": revision}
        )
        answer = _json(status, text)
        if answer.get("id") != point_id:
            raise BadAnswerError(status, "the answer is for another point")

    def get_point(self, point_id: str, revision: int | None = None) -> PointSubmission:
        """Return a revision of a point, the newest by default, with its evidence if there is some.

        Raises
        ------
        UnreachableError, BadAnswerError, RefusalError
        """
        params: dict[str, str | float | None] = {"revision": revision}
        status, text = self._ask("GET", f"/points/{point_id}", params=params)
        point = _json(status, text)
        evidence: dict[str, Any] | None = None
        try:
            evidence = _json(*self._ask("GET", f"/points/{point_id}/evidence", params=params))
        except RefusalError as refusal:
            if refusal.status != 404:
                raise
        try:
            return PointSubmission.model_validate({"point": point, "evidence": evidence})
        except ValidationError as error:
            raise BadAnswerError(status, "the point lacks fields") from error

    def get_revisions(self, point_id: str) -> tuple[RevisionBody, ...]:
        """Return who stored or withdrew which revision of a point, when and why; oldest first."""
        answer = self._ask("GET", f"/points/{point_id}/revisions")
        return _parsed(RevisionsAnswer, *answer).revisions

    def get_older(self, ivorn: str) -> LightCurveAnswer:
        """Return every revision of an event's points there ever was, hidden ones too."""
        params: dict[str, str | float | None] = {"ivorn": ivorn, "older": "true"}
        return _parsed(LightCurveAnswer, *self._ask("GET", "/light-curve", params=params))

    def get_light_curve(self, ivorn: str, since: int = 0) -> LightCurveAnswer:
        """Return the rows of an event that changed since a cursor (0: all of them)."""
        return _parsed(
            LightCurveAnswer,
            *self._ask("GET", "/light-curve", params={"ivorn": ivorn, "since": since}),
        )

    def get_events(self, **search: str | float | None) -> list[Event]:
        """Return all events that fit, page by page.

        Parameters
        ----------
        **search
            ``ivorn``, ``observed_only``, ``updated_since``, ``ra``, ``dec``, ``radius``.
        """
        found: list[Event] = []
        cursor: str | None = None
        while True:
            page = _parsed(
                EventPage, *self._ask("GET", "/events", params={**search, "cursor": cursor})
            )
            found += [_event(body) for body in page.events]
            if page.next_cursor is None:
                return found
            if page.next_cursor == cursor:
                raise BadAnswerError(200, "the pages of the events go round in a circle")
            cursor = page.next_cursor

    def post_event(self, event: Event) -> Event:
        """Create an event; one that is there already is not an error."""
        body = EventBody(**vars(event))
        status, text = self._ask(
            "POST",
            "/events",
            content=body.model_dump_json(exclude={"n_followup"}).encode(),
            headers={"Content-Type": "application/json"},
        )
        return _event(_parsed(EventBody, status, text))

    def health(self) -> dict[str, Any]:
        """Return what the server says of itself."""
        return _json(*self._ask("GET", "/health"))

    def me(self) -> dict[str, Any]:
        """Return whose key this is."""
        return _json(*self._ask("GET", "/me"))

    def _ask(
        self,
        verb: str,
        path: str,
        *,
        params: dict[str, str | float | None] | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        started = time.monotonic()
        try:
            with self._session.request(
                verb,
                f"{self.url}/api/v1{path}",
                params=params,
                data=content,
                headers=headers,
                timeout=(CONNECT_S, self._silence_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                text = self._read(response, started)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(
                self.url, _why(error), never_left=never_left(error)
            ) from None  # the chain may quote headers
        self._clock(response.headers.get("Date"))
        status = response.status_code
        if 300 <= status < 400:
            raise BadAnswerError(status, "it leads to another address")
        if status >= 400:
            _refuse(response, text)
        too_far = protocol_refusal(response.headers.get(PROTOCOL_HEADER))
        if too_far:
            raise RefusalError(426, "protocol", too_far)
        return status, text

    def _read(self, response: requests.Response, started: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in response.iter_content(65536):
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER:
                raise BadAnswerError(response.status_code, "it is far too long")
            if time.monotonic() - started > self._deadline_s:
                raise requests.Timeout("the answer drips")
        return b"".join(parts)

    def _clock(self, date: str | None) -> None:
        if date is None:
            return
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        self.clock_offset_s = theirs - time.time()


def normal_address(url: str) -> str:
    """Return the server's address without a trailing slash.

    Raises
    ------
    CpcsError
        ``bad_address``.
    """
    text = url.strip().rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise CpcsError(
            "bad_address",
            f"“{text[:200] if not parts.username else parts.hostname}” is no server address.",
            "Write it as https://host or https://host/path, without a user name.",
        )
    return text


def _no_key(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _event(body: EventBody) -> Event:
    return Event(**{name: getattr(body, name) for name in type(body).model_fields})


def _json(status: int, text: bytes) -> dict[str, Any]:
    try:
        answer = loads(text)
    except (JSONDecodeError, UnicodeDecodeError) as error:
        raise BadAnswerError(status, "it is not JSON") from error
    if not isinstance(answer, dict):
        raise BadAnswerError(status, "it is not a JSON object")
    return answer


def _parsed(model: type[Body], status: int, text: bytes) -> Body:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise BadAnswerError(status, f"it is no {model.__name__}") from error


def _refuse(response: requests.Response, text: bytes) -> NoReturn:
    status = response.status_code
    try:
        error = ErrorBody.model_validate_json(text)
    except ValidationError:
        words = " ".join(text.decode("utf-8", "replace").split())[:120]
        plain = words if words and "<" not in words else response.reason or "no reason given"
        error = ErrorBody(code=f"http_{status}", message=f"HTTP {status}: {plain}")
    raise RefusalError(
        status,
        error.code,
        error.message,
        reasons=error.reasons,
        retry_after_s=_retry_after(response.headers.get("Retry-After")),
        server_revision=error.revision,
    )


def _retry_after(text: str | None) -> float | None:
    """Read seconds or a date; nonsense is nothing."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def never_left(error: Exception) -> bool:
    """Say whether the connection itself could not be made: not one byte has left."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _why(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.ConnectTimeout):
        return "no connection within the time limit"
    if isinstance(error, requests.Timeout) or "timed out" in str(error).lower():
        return "no answer within the time limit"
    if never_left(error):
        return "no connection"
    return "the connection was cut"
