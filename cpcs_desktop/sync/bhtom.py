"""The bridge to BHTOM: the same source lists, uploaded to its REST service; off by default.

BHTOM calibrates by itself and has no identities made by clients: what was sent twice is there
twice. So each point is sent once at most. Where the answer was lost the point is UNCERTAIN, and
only the observer, who can look, may send it again.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import requests

from cpcs_desktop import __version__
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.settings import BhtomSettings
from cpcs_desktop.sync.client import CONNECT_S, SILENCE_S, never_left, normal_address
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.wire import PointSubmission

SERVICE = "bhtom"
RESULTS_AT_ONCE = 500
BridgeState = Literal["SENDING", "SENT", "REFUSED", "UNCERTAIN"]


@dataclass(frozen=True)
class Bridged:
    """What became of one point at BHTOM.

    Parameters
    ----------
    state : str
        ``SENT``, ``REFUSED`` (with the reasons), ``UNCERTAIN`` (the answer was lost).
    remote_id : str or None
        BHTOM's number of the upload, to look up its calibration.
    """

    point_id: str
    state: BridgeState
    remote_id: str | None
    message: str


@dataclass(frozen=True)
class BhtomResult:
    """What BHTOM's own calibration made of an upload.

    Parameters
    ----------
    remote_id : str
    state : str
        ``to do``, ``in progress``, ``done``, ``failed``, or ``unknown`` there.
    mag, mag_err : float or None
        A negative error on their wire is a limit: then ``is_limit``, and no error.
    is_limit : bool
    band : str
        Survey and band they chose.
    message : str
    """

    remote_id: str
    state: str
    mag: float | None = None
    mag_err: float | None = None
    is_limit: bool = False
    band: str = ""
    message: str = ""


class BhtomClient:
    """BHTOM's upload service and, on another host, its results.

    Parameters
    ----------
    url : str
        Address of the upload call.
    token : str
    result_url : str
        Address of the call for results.
    """

    def __init__(
        self, url: str, token: str, silence_s: float = SILENCE_S, *, result_url: str = ""
    ) -> None:
        self.url = normal_address(url) + "/"
        self._result_url = result_url
        self._token = token
        self._silence_s = silence_s

    def __repr__(self) -> str:
        return f"BhtomClient({self.url!r})"

    def upload(self, content: bytes, file_name: str, fields: dict[str, str]) -> str | None:
        """Upload one source list; return BHTOM's id of it, None after a dry run.

        Raises
        ------
        CpcsError
            ``bhtom_refused`` with its reasons, ``bhtom_not_now`` when nothing has happened there,
            ``bhtom_uncertain`` when nobody knows.
        """
        try:
            answer = requests.post(
                self.url,
                data=fields,
                files={"files": (file_name, content)},
                headers={"User-Agent": f"cpcs-desktop/{__version__}"},
                auth=self._sign,
                timeout=(CONNECT_S, self._silence_s),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            if never_left(error):
                raise CpcsError("bhtom_not_now", "BHTOM does not answer (no connection).") from None
            raise _uncertain("the connection was cut") from None
        if answer.status_code in {401, 403, 429} or answer.status_code >= 500:
            raise CpcsError("bhtom_not_now", f"BHTOM does not take uploads: {_words(answer)}")
        if answer.status_code >= 400:
            raise CpcsError("bhtom_refused", f"BHTOM refused the list: {_words(answer)}")
        try:
            found = answer.json()
        except ValueError:
            raise _uncertain("its answer cannot be read") from None
        remote = next(_ids(found), None)
        if answer.status_code >= 300 or (remote is None and fields["dry_run"] != "True"):
            raise _uncertain("its answer names no upload")
        return remote

    def results(self, remote_ids: Sequence[str]) -> list[BhtomResult]:
        """Return what became of uploads, in the order asked for; nothing is changed there.

        Raises
        ------
        CpcsError
            ``bhtom_not_now`` when it does not answer with sense.
        """
        numbers = [i for i in remote_ids if i.isdigit()]
        found: list[BhtomResult] = []
        for start in range(0, len(numbers), RESULTS_AT_ONCE):
            asked = numbers[start : start + RESULTS_AT_ONCE]
            told = self._told(asked)
            found += [_result(number, one) for number, one in zip(asked, told, strict=True)]
        return found

    def _told(self, numbers: Sequence[str]) -> list[Any]:
        """Return one answer for each number, in the order asked for."""
        try:
            answer = requests.post(
                normal_address(self._result_url) + "/",
                json={"calibid": [int(n) for n in numbers], "getPlot": False},
                headers={"User-Agent": f"cpcs-desktop/{__version__}"},
                auth=self._sign,
                timeout=(CONNECT_S, self._silence_s),
                allow_redirects=False,
            )
        except requests.RequestException:
            raise CpcsError("bhtom_not_now", "BHTOM does not answer (no connection).") from None
        try:
            told = answer.json()["data"] if answer.status_code == 200 else None
        except (ValueError, KeyError, TypeError):
            told = None
        if not isinstance(told, list) or len(told) != len(numbers):
            raise CpcsError("bhtom_not_now", f"BHTOM tells no results: {_words(answer)}")
        return told

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self._token}"
        return request


class BhtomBridge:
    """Which points of an outbox BHTOM has.

    Parameters
    ----------
    outbox : Outbox
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def all(self) -> list[Bridged]:
        """Return every point that was tried; one left in the middle by a crash is uncertain."""
        with self._outbox.database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM bridged WHERE service = ? ORDER BY tried_at", (SERVICE,)
            ).fetchall()
        return [
            Bridged(
                row["point_id"],
                "UNCERTAIN" if row["state"] == "SENDING" else row["state"],
                row["remote_id"],
                row["message"],
            )
            for row in rows
        ]

    def waiting(self) -> list[Submission]:
        """Return the accepted points that BHTOM was never sent, oldest first."""
        tried = {row.point_id for row in self.all()}
        return [
            row
            for row in self._outbox.submissions()
            if row.point_id not in tried
            and row.state not in {SubmissionState.WITHDRAWN, SubmissionState.REFUSED}
        ]

    def forget(self, point_id: str) -> None:
        """Let a point be sent again: the observer has looked and it is not there."""
        with self._outbox.database.transaction() as connection:
            connection.execute(
                "DELETE FROM bridged WHERE service = ? AND point_id = ? AND state != 'SENT'",
                (SERVICE, point_id),
            )

    def send(
        self, client: BhtomClient, settings: BhtomSettings, *, dry_run: bool = False
    ) -> Iterator[Bridged]:
        """Send what waits, one after the other; a dry run leaves no trace here.

        Raises
        ------
        CpcsError
            ``bhtom_off``, ``no_observatory`` by settings; ``bhtom_not_now`` ends the run.
        """
        if not settings.enabled:
            raise CpcsError(
                "bhtom_off",
                "The bridge to BHTOM is off.",
                "Turn it on in Settings, or with cpcs config set bhtom.enabled true.",
            )
        if not settings.observatory:
            raise CpcsError(
                "no_observatory",
                "BHTOM wants its own name of your observatory (ONAME).",
                "Set it in Settings, or with cpcs config set bhtom.observatory NAME.",
            )
        for row in self.waiting():
            kept = self._outbox.current(row.point_id).submission
            if kept.evidence is None or kept.evidence.source_list is None:
                continue  # a point without its list is nothing BHTOM could calibrate
            fields = upload_fields(kept, settings, dry_run=dry_run)
            yield self._send_one(client, kept, fields, dry_run=dry_run)

    def _send_one(
        self, client: BhtomClient, kept: PointSubmission, fields: dict[str, str], *, dry_run: bool
    ) -> Bridged:
        point_id = kept.point.id
        if not dry_run:
            # On disk before the first byte leaves: after a crash it is uncertain, never sent twice.
            self._note(Bridged(point_id, "SENDING", None, "the answer was lost: look at BHTOM"))
        name = f"{kept.point.file_name.rpartition('.')[0] or kept.point.file_name}.cat"
        state: BridgeState = "SENT"
        remote, message = None, "dry run" if dry_run else "sent"
        try:
            remote = client.upload(list_bytes(kept), name, fields)
        except CpcsError as error:
            if error.code == "bhtom_not_now":
                if not dry_run:
                    self._unnote(point_id)
                raise
            state = "REFUSED" if error.code == "bhtom_refused" else "UNCERTAIN"
            message = error.message
        answer = Bridged(point_id, state, remote, message)
        if not dry_run:
            self._note(answer)
        return answer

    def _note(self, row: Bridged) -> None:
        with self._outbox.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO bridged VALUES (?, ?, ?, ?, ?, ?)",
                (SERVICE, row.point_id, row.state, row.remote_id, row.message, time.time()),
            )

    def _unnote(self, point_id: str) -> None:
        with self._outbox.database.transaction() as connection:
            connection.execute(
                "DELETE FROM bridged WHERE service = ? AND point_id = ?", (SERVICE, point_id)
            )


def _result(remote_id: str, told: Any) -> BhtomResult:
    if not isinstance(told, dict) or "status" not in told:
        words = told.get("Error") or told.get("calib-res") if isinstance(told, dict) else told
        return BhtomResult(remote_id, "unknown", message=str(words)[:200])
    states = {"C": "to do", "P": "in progress", "S": "done", "E": "failed"}
    mag, err = _number(told.get("mag")), _number(told.get("mag_error"))
    limit = err is not None and err < 0
    band = "/".join(str(told[n]) for n in ("survey", "best_filter") if told.get(n))
    return BhtomResult(
        remote_id=remote_id,
        state=states.get(str(told["status"]), str(told["status"])[:20]),
        mag=mag,
        mag_err=None if limit else err,
        is_limit=limit,
        band=band[:40],
        message=str(told.get("status_message") or "")[:200],
    )


def _number(value: Any) -> float | None:
    plain = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if plain else None


def upload_fields(
    kept: PointSubmission, settings: BhtomSettings, *, dry_run: bool
) -> dict[str, str]:
    """Return the form fields of BHTOM's upload call for one point."""
    point = kept.point
    fields = {
        "target": point.event.removeprefix("ivo://").rpartition("/")[2] or point.event,
        "filter": settings.band,
        "data_product_type": "photometry",
        "mjd": repr(point.mjd),
        "observatory": settings.observatory or "",
        "dry_run": str(dry_run),
        "comment": f"{point.comment} CPCS {point.id} r{point.revision}".strip(),
    }
    if settings.match_radius_arcsec is not None:
        fields["match_dist"] = f"{settings.match_radius_arcsec:g}"
    if point.observers:
        fields["observer"] = ", ".join(point.observers)
    return fields


def list_bytes(kept: PointSubmission) -> bytes:
    """Return the stored source list as SExtractor writes it (ASCII_HEAD)."""
    from cpcs_desktop.io.stored_list import exposure_of_text
    from cpcs_desktop.io.write_lists import write_sources

    assert kept.evidence is not None
    assert kept.evidence.source_list is not None
    stream = io.BytesIO()
    write_sources(exposure_of_text(kept.evidence.source_list), stream, "ascii-head")
    return stream.getvalue()


def _uncertain(why: str) -> CpcsError:
    return CpcsError(
        "bhtom_uncertain",
        f"BHTOM may have the list or not: {why}.",
        "Look at the target's page there; cpcs bhtom forget ID lets it be sent again.",
    )


def _words(answer: requests.Response) -> str:
    """Return BHTOM's reasons, which come as lists of sentences by field."""
    try:
        found = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}"
    if isinstance(found, dict):
        parts = [f"{k}: {' '.join(v) if isinstance(v, list) else v}" for k, v in found.items()]
        return f"HTTP {answer.status_code}, {'; '.join(parts)[:300]}"
    return f"HTTP {answer.status_code}, {json.dumps(found)[:300]}"


def _ids(found: Any) -> Iterator[str]:
    """Yield the ids of uploads, wherever in the answer they stand."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name in {"id", "file_id"} and isinstance(value, int | str):
                yield str(value)
            else:
                yield from _ids(value)
    elif isinstance(found, list):
        for value in found:
            yield from _ids(value)
