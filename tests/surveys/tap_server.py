"""A small real TAP service: sync and async jobs over HTTP, and every way of failing on demand."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from astropy.table import Table

_CIRCLE = re.compile(r"CIRCLE\('ICRS', ([-\d.]+), ([-\d.]+), ([-\d.]+)\)")
_SELECT = re.compile(r'SELECT (.+) FROM "?([^"]+?)"? WHERE', re.DOTALL)


class TapServer(ThreadingHTTPServer):
    """Serves one table; ``faults`` are used up one a request, ``limit`` is the row limit."""

    daemon_threads = True

    def __init__(self, name: str, table: Table, ra: str = "ra", dec: str = "dec") -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.name, self.table, self.ra, self.dec = name, table, ra, dec
        self.faults: deque[str] = deque()
        self.limit = 10**6
        self.async_limit = 10**6
        self.delay_s = 0.0
        self.queries: list[str] = []
        self.times: list[float] = []
        self.jobs: dict[str, dict[str, Any]] = {}

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that cancel and go."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/tap"

    def answer(self, query: str, limit: int) -> bytes:
        if "TAP_SCHEMA" in query:
            wanted = re.search(r"table_name = '([^']+)'", query)
            names = self.table.colnames if wanted and wanted[1] == self.name else []
            return _votable(Table({"column_name": np.array(names, dtype="U40")}), "OK")
        select, circle = _SELECT.search(query), _CIRCLE.search(query)
        if not select or not circle or select[2] != self.name:
            return _votable(None, "ERROR", "no such table")
        ra, dec, radius = (np.radians(float(v)) for v in circle.groups())
        a, d = np.radians(self.table[self.ra]), np.radians(self.table[self.dec])
        h = np.sin((d - dec) / 2) ** 2 + np.cos(d) * np.cos(dec) * np.sin((a - ra) / 2) ** 2
        rows = self.table[2 * np.arcsin(np.sqrt(h)) <= radius]
        columns = [c.strip().strip('"') for c in select[1].split(",")]
        return _votable(rows[columns][:limit], "OVERFLOW" if len(rows) > limit else "OK")


class _Requests(BaseHTTPRequestHandler):
    server: TapServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        form = self._form(body)
        path = urlsplit(self.path).path
        if path.endswith("/sync"):
            self._sync(form)
        elif path.endswith("/async"):
            job = uuid.uuid4().hex
            self.server.jobs[job] = {"form": form, "phase": "PENDING", "polls": 0}
            self._redirect(303, f"/tap/async/{job}")
        elif path.endswith("/phase"):
            self.server.jobs[path.split("/")[3]]["phase"] = "EXECUTING"
            self._redirect(303, path.removesuffix("/phase"))
        else:  # a job's DELETE by POST, and other parameters
            self._redirect(303, path)

    def do_DELETE(self) -> None:
        self.server.jobs.pop(urlsplit(self.path).path.split("/")[3], None)
        self._send(200, b"")

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("/moved/sync"):
            self._send(400, b"the query was lost on the way")
            return
        parts = path.split("/")
        if len(parts) < 4 or parts[2] != "async" or parts[3] not in self.server.jobs:
            self._send(404, b"no such thing")
            return
        job = self.server.jobs[parts[3]]
        form = job["form"]
        if path.endswith("/results/result"):
            limit = min(int(form["MAXREC"]), self.server.async_limit)
            self._send(200, self.server.answer(form["QUERY"], limit))
            return
        if job["phase"] == "EXECUTING":
            job["polls"] += 1
            if job["polls"] > 2:
                job["phase"] = "COMPLETED"
        if path.endswith("/phase"):
            self._send(200, job["phase"].encode(), "text/plain")
            return
        self._send(200, _uws(parts[3], job["phase"]).encode(), "text/xml")

    def _sync(self, form: dict[str, str]) -> None:
        server = self.server
        server.times.append(time.monotonic())
        server.queries.append(form["QUERY"])
        fault = server.faults.popleft() if server.faults else ""
        if fault.startswith("redirect"):
            self._redirect(int(fault.split()[1]), "/tap/moved/sync")
            return
        if fault.startswith("busy"):
            self._send(503, b"busy", "text/plain", {"Retry-After": fault.split()[1]})
            return
        if fault == "error":
            self._send(400, _votable(None, "ERROR", "syntax error near FORM"))
            return
        if fault == "hang":
            time.sleep(30)
            return
        time.sleep(server.delay_s)
        content = server.answer(form["QUERY"], min(int(form["MAXREC"]), server.limit))
        if fault == "500":
            self._send(500, b"<html>stack trace</html>", "text/html")
        elif fault == "broken":
            self._send(200, content.replace(b"</TD>", b"<TD>", 3).replace(b"<TABLE", b"<TABBLE", 1))
        elif fault == "half":  # the connection breaks off in the middle
            self._send(200, content, cut=len(content) // 2)
        elif fault == "half, claimed whole":
            self._send(200, content[: len(content) // 2])
        elif fault == "empty":
            self._send(200, b"")
        else:
            self._send(200, content)

    def _form(self, body: bytes) -> dict[str, str]:
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            found = re.findall(rb'name="([^"]+)"\r\n\r\n(.*?)\r\n--', body, re.DOTALL)
            return {k.decode().upper(): v.decode() for k, v in found}
        return {k.upper(): v[0] for k, v in parse_qs(body.decode()).items()}

    def _redirect(self, status: int, where: str) -> None:
        self._send(status, b"", headers={"Location": self.server.url.removesuffix("/tap") + where})

    def _send(
        self,
        status: int,
        content: bytes,
        kind: str = "application/x-votable+xml",
        headers: dict[str, str] | None = None,
        cut: int | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True


def _votable(table: Table | None, status: str, message: str = "") -> bytes:
    """Write a VOTable by hand: the names of VizieR (g'mag) are not to every library's taste."""
    info = f'<INFO name="QUERY_STATUS" value="{status}">{message}</INFO>'
    if table is None:
        body = info
    else:
        kinds = {"f": 'datatype="double"', "i": 'datatype="long"'}
        text = 'datatype="char" arraysize="*"'
        fields = "".join(
            f"<FIELD name={quoteattr(name)} {kinds.get(table[name].dtype.kind, text)}/>"
            for name in table.colnames
        )
        rows = "".join(
            "<TR>" + "".join(f"<TD>{escape(str(v))}</TD>" for v in row) + "</TR>\n"
            for row in table.iterrows()
        )
        data = f"<DATA><TABLEDATA>{rows}</TABLEDATA></DATA>"
        # services tell of OVERFLOW after the table
        body = f"<TABLE>{fields}{data}</TABLE>{info}"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{body}</RESOURCE></VOTABLE>'
    ).encode()


def _uws(job: str, phase: str) -> str:
    return (
        '<?xml version="1.0"?><uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1">'
        f"<uws:jobId>{job}</uws:jobId><uws:phase>{phase}</uws:phase>"
        "<uws:executionDuration>600</uws:executionDuration><uws:parameters/>"
        '<uws:results><uws:result id="result" xlink:type="simple" '
        f'xlink:href="/tap/async/{job}/results/result"/></uws:results></uws:job>'
    )


@contextmanager
def serving(name: str, table: Table, **names: str) -> Iterator[TapServer]:
    """Run the service on a free port."""
    server = TapServer(name, table, **names)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
