"""The bridge to BHTOM, against a stand-in written from its public description."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.datamodel.sources import Exposure, SourceCatalog
from cpcs_desktop.io.source_lists import read_source_catalog
from cpcs_desktop.io.stored_list import stored_list_text
from cpcs_desktop.settings import BhtomSettings
from cpcs_desktop.sync.bhtom import BhtomBridge, BhtomClient
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.wire import Evidence

MakePoint = Callable[..., PhotometricPoint]
ON = BhtomSettings(enabled=True, observatory="OSTROWIK_60", match_radius_arcsec=2.0)


class StandIn:
    """Takes uploads as the service describes them."""

    def __init__(self) -> None:
        self.uploads: list[dict[str, bytes]] = []
        self.answers: list[tuple[int, bytes] | None] = []  # None: keep it and say nothing
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None: ...

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.startswith("/calibration/"):
                    answer: tuple[int, bytes] | None = outer.told(self.headers, body)
                else:
                    answer = outer.take(self.headers, body)
                if answer is None:
                    return
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        home = f"http://127.0.0.1:{self.http.server_port}"
        self.url = f"{home}/upload/"
        self.result_url = f"{home}/calibration/get-calibration-res/"
        self.results: dict[int, dict[str, Any]] = {}

    def told(self, headers: Any, body: bytes) -> tuple[int, bytes]:
        """Answer a question for results, one entry for each number, in the order asked for."""
        if headers["Authorization"] != "Token secret-token":
            return 401, b'{"detail": "Invalid token."}'
        asked = json.loads(body)
        if not asked.get("calibid"):
            return 400, b"{\"Error\": \"'calibid' or 'filename' fields are required.\"}"
        missing = "File with id {} does not exist"
        data = [self.results.get(n, {"Error": missing.format(n)}) for n in asked["calibid"]]
        page = {"count": len(data), "num_pages": 1, "current_page": 1, "data": data}
        return 200, json.dumps(page).encode()

    def take(self, headers: Any, body: bytes) -> tuple[int, bytes] | None:
        if headers["Authorization"] != "Token secret-token":
            return 401, b'{"detail": "Invalid token."}'
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        parts = {}
        for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
            name = part.get_param("name", header="content-disposition")
            parts[str(name)] = part.get_payload(decode=True) or b""
        if self.answers and (fixed := self.answers.pop(0)) != (0, b""):
            if fixed is None:
                self.uploads.append(parts)
            return fixed
        if parts["target"] == b"unknown":
            return 400, b'{"target": ["The target unknown does not exist in the bhtom."]}'
        if parts["dry_run"] == b"False":
            self.uploads.append(parts)
        name = "x.cat"
        return 200, json.dumps([{"file": name, "id": 1200 + len(self.uploads)}]).encode()


@pytest.fixture
def service() -> Iterator[StandIn]:
    running = StandIn()
    yield running
    running.http.shutdown()
    running.http.server_close()
    running.thread.join()


def evidence() -> Evidence:
    n = 6
    rows = np.arange(n, dtype=np.float64)
    catalog = SourceCatalog(
        x=rows, y=rows, ra=10 + rows / 100, dec=20 + rows / 100, flux=1000.0 + rows,
        flux_err=rows + 1, mag_inst=-7.5 - rows / 10, mag_inst_err=np.full(n, 0.01),
        fwhm=np.full(n, 3.0), flags=np.zeros(n, dtype=np.int32), kind="AUTO", origin="extracted",
    )  # fmt: skip
    exposure = Exposure(Frame("0" * 64, 0, "f.fits", "frame", mjd=57601.0), {"AUTO": catalog})
    return Evidence(
        stars={}, fits=[], choice={}, checks=[], settings={},
        source_list=stored_list_text(exposure),
    )  # fmt: skip


def test_each_list_is_sent_once_with_the_fields_of_the_description(
    outbox: Outbox, service: StandIn, make_point: MakePoint, tmp_path: Path
) -> None:
    outbox.add(make_point(1, event="ivo://gaia.cam.uk/Gaia16aye"), evidence())
    outbox.add(make_point(2), None)  # without its list there is nothing to send
    bridge, client = BhtomBridge(outbox), BhtomClient(service.url, "secret-token")
    dry = list(bridge.send(client, ON, dry_run=True))
    assert [d.state for d in dry] == ["SENT"]
    assert bridge.all() == []
    [sent] = bridge.send(client, ON)
    assert (sent.state, sent.remote_id) == ("SENT", "1201")
    assert list(bridge.send(client, ON)) == []
    assert bridge.all() == [sent]
    [upload] = service.uploads
    fields = {name: value.decode() for name, value in upload.items() if name != "files"}
    comment = fields.pop("comment")
    assert comment.startswith("CPCS ")
    assert fields == {
        "target": "Gaia16aye", "filter": "GaiaSP/any", "data_product_type": "photometry",
        "mjd": "57601.0", "observatory": "OSTROWIK_60", "dry_run": "False", "match_dist": "2",
        "observer": "A, B",
    }  # fmt: skip
    (tmp_path / "sent.cat").write_bytes(upload["files"])
    read = read_source_catalog(tmp_path / "sent.cat").sources()
    np.testing.assert_allclose(read.mag_inst, -7.5 - np.arange(6) / 10, atol=1e-4)


def test_a_lost_answer_is_uncertain_and_never_repeated_by_itself(
    outbox: Outbox, service: StandIn, make_point: MakePoint
) -> None:
    row = outbox.add(make_point(), evidence())
    service.answers = [None]
    bridge = BhtomBridge(outbox)
    client = BhtomClient(service.url, "secret-token", silence_s=1.0)
    [lost] = bridge.send(client, ON)
    assert lost.state == "UNCERTAIN"
    assert list(bridge.send(client, ON)) == []
    assert len(service.uploads) == 1
    bridge.forget(row.point_id)
    [sent] = bridge.send(client, ON)
    assert sent.state == "SENT"
    bridge.forget(row.point_id)
    assert bridge.all()[0].state == "SENT", "what was sent is not forgotten"


def test_refusals_have_their_reasons_and_trouble_leaves_no_trace(
    outbox: Outbox, service: StandIn, make_point: MakePoint
) -> None:
    outbox.add(make_point(event="unknown"), evidence())
    bridge = BhtomBridge(outbox)
    with pytest.raises(CpcsError, match="Invalid token"):
        list(bridge.send(BhtomClient(service.url, "wrong"), ON))
    service.answers = [(503, b"busy")]
    with pytest.raises(CpcsError, match="503"):
        list(bridge.send(BhtomClient(service.url, "secret-token"), ON))
    with pytest.raises(CpcsError, match="no connection"):
        list(bridge.send(BhtomClient("http://127.0.0.1:1/upload/", "secret-token"), ON))
    assert bridge.all() == []
    [refused] = bridge.send(BhtomClient(service.url, "secret-token"), ON)
    assert refused.state == "REFUSED"
    assert "does not exist in the bhtom" in refused.message
    assert "secret-token" not in repr(BhtomClient(service.url, "secret-token"))


def result_json(**changes: Any) -> dict[str, Any]:
    """Return a result with the fields of the service's own table."""
    fields = {
        "dataproduct": 1201, "use_catalog": 3, "status": "S", "status_message": "Result updated",
        "mjd": 57601.0, "exp_time": 60.0, "mag": 15.61, "mag_error": 0.03, "ra": 10.0, "dec": 20.0,
        "zeropoint": -25.0, "outlier_fraction": 0.1, "scatter": 0.02, "npoints": 40,
        "best_filter": "r", "survey": "GaiaSP", "match_distans": 2.0, "plot": None,
    }  # fmt: skip
    return fields | changes


def test_results_are_fetched_by_number(service: StandIn) -> None:
    service.results = {
        1201: result_json(),
        1203: result_json(status="P", mag=None, mag_error=None, best_filter=None),
        1204: result_json(mag=19.5, mag_error=-1.0),
    }
    client = BhtomClient(service.url, "secret-token", result_url=service.result_url)
    done, unknown, waiting, limit = client.results(["1201", "1202", "1203", "1204"])
    assert (done.state, done.mag, done.mag_err, done.band) == ("done", 15.61, 0.03, "GaiaSP/r")
    assert (unknown.remote_id, unknown.state) == ("1202", "unknown")
    assert "does not exist" in unknown.message
    assert (waiting.state, waiting.mag) == ("in progress", None)
    assert (limit.is_limit, limit.mag, limit.mag_err) == (True, 19.5, None)
    assert client.results([]) == []
    with pytest.raises(CpcsError, match="Invalid token"):
        BhtomClient(service.url, "wrong", result_url=service.result_url).results(["1201"])


def test_the_bridge_is_off_by_default(
    outbox: Outbox, service: StandIn, make_point: MakePoint, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    outbox.add(make_point(), evidence())
    outbox.close()
    profile = ["--profile", str(tmp_path / "profile")]

    def run(*words: str) -> Any:
        return CliRunner().invoke(cpcs, [*words, *profile], catch_exceptions=False)

    off = run("bhtom", "send", "--json")
    assert off.exit_code == 1
    assert json.loads(off.stdout)["error"]["code"] == "bhtom_off"
    run("config", "set", "bhtom.enabled", "true")
    run("config", "set", "bhtom.upload_url", service.url)
    assert "no token" in run("bhtom", "send").stderr
    monkeypatch.setenv("CPCS_BHTOM_TOKEN", "secret-token")
    assert "ONAME" in run("bhtom", "send").stderr
    run("config", "set", "bhtom.observatory", "OSTROWIK_60")
    sent = run("bhtom", "send", "--json")
    assert json.loads(sent.stdout)["state"] == "SENT"
    assert "1201" in run("bhtom", "list").stdout
    run("config", "set", "bhtom.result_url", service.result_url)
    service.results = {1201: result_json()}
    assert json.loads(run("bhtom", "result", "--json").stdout)["mag"] == 15.61
