"""A small real HTTP server that keeps the contract of the wire, and can be told to misbehave."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cpcs_desktop.datamodel.point import ErrorBudget, PhotometricPoint, point_id
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.wire import PROTOCOL_HEADER, PROTOCOL_VERSION, LightCurveRow, PointSubmission

EVENT = "ivo://Test/ev #1+a"


@dataclass
class Answer:
    """What to answer instead of the truth; ``commit`` lets the request take effect first."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    commit: bool = False
    close: bool = False
    sleep_s: float = 0.0


class ServerState:
    """What the server holds: every stored revision, in order, and what was withdrawn."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.points: dict[str, list[dict[str, Any]]] = {}  # revisions of each id
        self.withdrawn: dict[str, str] = {}
        self.changes: dict[str, list[str]] = {}

    def current(self, uuid: str) -> dict[str, Any]:
        return self.points[uuid][-1]

    def put(self, uuid: str, body: PointSubmission) -> tuple[int, dict[str, Any]]:
        content = json.loads(body.point.model_dump_json())
        if content["event"] not in self.events:
            return 422, {"code": "unknown_event", "message": "No such event.", "reasons": []}
        kept = self.points.setdefault(uuid, [])
        receipt = {
            "id": uuid,
            "revision": body.point.revision,
            "stored_at": datetime.now(UTC).isoformat(),
        }
        if any(old == content for old in kept):
            return 200, {**receipt, "state": "unchanged"}
        if kept and content["revision"] <= kept[-1]["revision"]:
            return 409, {
                "code": "conflict",
                "message": "Another content is stored.",
                "reasons": [],
                "revision": kept[-1]["revision"],
            }
        kept.append(content)
        self.withdrawn.pop(uuid, None)
        self.changes.setdefault(content["event"], []).append(uuid)
        return 201, {**receipt, "state": "stored"}

    def delete(self, uuid: str, reason: str, revision: int) -> tuple[int, dict[str, Any]]:
        if not self.points.get(uuid):
            return 404, {"code": "no_such_point", "message": "No such point.", "reasons": []}
        if self.current(uuid)["revision"] > revision:
            return 409, {"code": "newer", "message": "A newer revision is here.", "reasons": []}
        self.withdrawn[uuid] = reason
        self.changes.setdefault(self.current(uuid)["event"], []).append(uuid)
        return 200, {"id": uuid, "state": "withdrawn"}

    def light_curve(self, ivorn: str, since: int) -> dict[str, Any]:
        changes = self.changes.get(ivorn, [])
        rows = []
        for uuid in dict.fromkeys(changes[since:] if since <= len(changes) else changes):
            body = self.current(uuid)
            row = {n: body[n] for n in LightCurveRow.model_fields if n in body}
            row |= {"withdrawn": uuid in self.withdrawn, "observatory": "Testing"}
            if since or not row["withdrawn"]:
                rows.append(row)
        complete = since == 0 or since > len(changes)
        return {"event": ivorn, "cursor": len(changes), "rows": rows, "complete": complete}


class ContractServer(ServerState):
    """The state behind HTTP, and the faults to come."""

    answer_type = Answer

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.keys = {"cpcs_testtest_secret"}
        self.log: list[tuple[str, str]] = []
        self.faults: list[Answer] = []
        outer = self

        class Handler(_Handler):
            server_state = outer

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: ContractServer

    def log_message(self, *args: object) -> None: ...

    def do_PUT(self) -> None:
        self._serve()

    do_GET = do_POST = do_DELETE = do_PUT

    def _serve(self) -> None:
        state = self.server_state
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with state.lock:
            fault = state.faults.pop(0) if state.faults else None
            state.log.append((self.command, self.path))
            if fault is None or fault.commit:
                status, answer = self._truth(content)
            else:
                status, answer = fault.status, {}
        if fault is not None:
            time.sleep(fault.sleep_s)
            if fault.close:
                self.close_connection = True
                return
            self._send(fault.status, fault.body, fault.headers)
        else:
            self._send(status, json.dumps(answer).encode(), {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header(PROTOCOL_HEADER, str(PROTOCOL_VERSION))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def _truth(self, content: bytes) -> tuple[int, dict[str, Any]]:
        state = self.server_state
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/api/v1")
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if key not in state.keys and path != "/health":
            return 401, {"code": "no_key", "message": "No such key.", "reasons": []}
        if self.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        uuid = path.split("/")[2] if path.startswith("/points/") else ""
        match (self.command, path.split("/")[1]):
            case ("PUT", "points"):
                return state.put(uuid, PointSubmission.model_validate_json(content))
            case ("DELETE", "points"):
                return state.delete(uuid, query["reason"], int(query["revision"]))
            case ("GET", "points"):
                if path.endswith("/evidence"):
                    return 200, {
                        "stars": {},
                        "fits": [],
                        "choice": {},
                        "checks": [],
                        "settings": {},
                    }
                return 200, state.current(uuid)
            case ("POST", "events"):
                event = json.loads(content)
                state.events[event["ivorn"]] = event
                return 201, event
            case ("GET", "events"):
                names = sorted(state.events)
                start = int(query.get("cursor", 0))
                page = [state.events[n] for n in names[start : start + 2]]
                more = str(start + 2) if start + 2 < len(names) else None
                return 200, {"events": page, "next_cursor": more}
            case ("GET", "light-curve"):
                return 200, state.light_curve(query["ivorn"], int(query["since"]))
            case ("GET", "me"):
                return 200, {"observatory": "Testing"}
        return 200, {"status": "ok"}


@pytest.fixture
def server() -> Iterator[ContractServer]:
    running = ContractServer()
    running.events[EVENT] = {"ivorn": EVENT, "ra": 10.0, "dec": 20.0}
    yield running
    running.stop()


@pytest.fixture
def client(server: ContractServer) -> Iterator[CpcsClient]:
    made = CpcsClient(server.url, "cpcs_testtest_secret", silence_s=2.0)
    yield made
    made.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "profile" / "outbox.sqlite")
    yield made
    made.close()


@pytest.fixture(scope="session")
def make_point() -> Callable[..., PhotometricPoint]:
    return point


def point(n: int = 1, mag: float = 15.5, event: str = EVENT, **changes: Any) -> PhotometricPoint:
    """Return a point of frame number ``n``."""
    fields: dict[str, Any] = {
        "id": point_id(event, f"{n:064x}", 0),
        "revision": 1,
        "kind": "DETECTION",
        "event": event,
        "mjd": 57600.0 + n,
        "exposure_s": 60.0,
        "band": "APASS/V",
        "mag": mag,
        "mag_err": 0.01,
        "mag_err_total": 0.02,
        "error_budget": ErrorBudget(0.01, 0.01, 0.01, None, 0.01),
        "calib_err": 0.02,
        "limit_reason": None,
        "limit_method": None,
        "magnitude_kind": "AUTO",
        "match_radius_arcsec": 2.0,
        "ra": 10.0,
        "dec": 20.0,
        "offset_arcsec": 0.1,
        "zero_point": 25.0,
        "zero_point_err": 0.005,
        "outlier_fraction": 0.05,
        "n_matched": 50,
        "n_used": 47.5,
        "observatory": "Testing",
        "instrument": "CCD",
        "observers": ("A", "B"),
        "file_name": f"frame{n}.fits",
        "comment": "",
        "provenance": {"software": "test"},
    }
    return PhotometricPoint(**(fields | changes))
