"""What strangers try: forged forms, hostile files, odd paths, injected text."""

from __future__ import annotations

import gzip
import io
import re
import time
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from fastapi.testclient import TestClient

from tests.serving import EVENT, point_json

BROWSER = {"Accept": "text/html"}
FORMS = [
    ("/cgi/newevent", {"EventID": "ivo://f", "ra": "1", "dec": "2"}),
    ("/cgi/delpoint", {"followupid": "1", "reason": "x"}),
    ("/cgi/newuser", {"obsName": "Forged"}),
    ("/cgi/updatealert", {"EventID": EVENT, "ra": "1", "dec": "2"}),
    ("/cgi/refuserequest", {"request": "1"}),
    ("/cgi/upload", {"EventID": EVENT}),
    ("/logout", {}),
]


@pytest.fixture
def logged_in(bench: Any) -> TestClient:
    """Log an admin in by cookie."""
    client: TestClient = bench.client
    answer = client.post("/login", data={"hashtag": bench.keys["admin"]}, follow_redirects=False)
    assert answer.status_code == 303
    return client


def token_of(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_forms_want_their_token(logged_in: TestClient) -> None:
    for path, fields in FORMS:
        for token in ({}, {"form_token": "guess"}):
            answer = logged_in.post(path, data={**fields, **token}, headers=BROWSER)
            assert answer.status_code == 403, path
            assert "out of date" in answer.text
    good = {"form_token": token_of(logged_in.get("/new_event").text)}
    done = logged_in.post("/cgi/newevent", data={**FORMS[0][1], **good})
    assert done.status_code == 201
    out = logged_in.post("/logout", data=good, follow_redirects=False)
    assert out.status_code == 303
    assert logged_in.get("/new_event").status_code == 401


def test_login_from_another_site_is_refused(bench: Any) -> None:
    key = {"hashtag": bench.keys["observer"]}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://testserver"},  # a browser without our token
    ):
        assert bench.client.post("/login", data=key, headers=headers).status_code == 403
    page = bench.client.get("/login")
    fields = {**key, "form_token": token_of(page.text)}
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    answer = bench.client.post("/login", data=fields, headers=own, follow_redirects=False)
    assert answer.status_code == 303
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert bench.keys["observer"] not in cookie


def test_a_revoked_key_ends_its_logins(bench: Any, logged_in: TestClient) -> None:
    from server_stub.admin import revoke_key

    assert logged_in.get("/add_user").status_code == 200
    revoke_key(bench.database, bench.keys["admin"])
    assert logged_in.get("/add_user").status_code == 401


def test_headers_of_trust_on_every_answer(bench: Any) -> None:
    for path in ("/", "/api/v1/health", "/nowhere", "/api/v1/me", "/static/cpcs.css"):
        headers = bench.client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src 'self';" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_roles(bench: Any) -> None:
    """Observers cannot administer, readers cannot store, nobody can do either without a key."""
    admin_only = ["/add_user", "/update_alert", "/audit"]
    for path in admin_only:
        assert bench.client.get(path, headers=bench.auth()).status_code == 403
        assert bench.client.get(path).status_code == 401
        assert bench.client.get(path, headers=bench.auth("revoked")).status_code == 401
        assert bench.client.get(path, headers=bench.auth("admin")).status_code == 200
    for path, fields in FORMS[:-1]:
        assert bench.client.post(path, data=fields).status_code == 401
        for who in ("revoked",):
            with_key = {**fields, "hashtag": bench.keys[who]}
            assert bench.client.post(path, data=with_key).status_code == 401
    for path in ("/cgi/newuser", "/cgi/updatealert", "/cgi/refuserequest"):
        fields = {**dict(FORMS)[path], "hashtag": bench.keys["observer"]}
        assert bench.client.post(path, data=fields).status_code == 403
    fields = {**dict(FORMS)["/cgi/newevent"], "hashtag": bench.keys["reader"]}
    assert bench.client.post("/cgi/newevent", data=fields).status_code == 403
    bench.put(point_json())
    curve = bench.client.get(
        "/get_alert_lc_data", params={"alert_name": EVENT, "hashtag": bench.keys["other"]}
    ).json()
    fields = {"followupid": curve["id"][0], "hashtag": bench.keys["other"]}
    assert bench.client.post("/cgi/delpoint", data=fields).status_code == 403
    for path in ("/list_of_followup", "/uploader", "/delete_point", "/new_event"):
        assert bench.client.get(path).status_code == 401


def test_strangers_text_stays_text(bench: Any, logged_in: TestClient) -> None:
    script = "<script>alert(1)</script>'\"&"
    event = {"ivorn": f"ivo://{script}", "url": "https://example.org/'\"><script>"}
    assert bench.client.post("/api/v1/events", json=event, headers=bench.auth()).status_code == 201
    point = point_json(event=event["ivorn"], file_name=script, comment=script)
    assert bench.put(point).status_code == 201
    fields = {"obsName": script, "contact": script, "message": script}
    assert logged_in.get("/request_access").status_code == 200
    fields["form_token"] = token_of(logged_in.get("/request_access").text)
    assert logged_in.post("/request_access", data=fields).status_code == 200
    for path in (
        "/list_of_alerts",
        "/list_of_alerts?search=<script>alert(1)</script>",
        f"/get_alert_lc?alert_id={2}",
        "/list_of_followup",
        "/uploader?alert_id=2",
        "/add_user",
        "/audit",
        "/update_alert?EventID=<script>alert(1)</script>",
        '/delete_point?followupid="><script>alert(1)</script>',
    ):
        page = logged_in.get(path, headers=BROWSER)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text, path
    picture = logged_in.get("/alert_lc_picture?alert_id=2&format=svg")
    assert "<script>alert" not in picture.text
    missing = logged_in.get("/get_alert_lc?alert_name=<script>alert(1)</script>", headers=BROWSER)
    assert (missing.status_code, "<script>alert" in missing.text) == (404, False)


def test_injected_sql_finds_nothing(bench: Any) -> None:
    bench.put(point_json())
    for words in ("' or '1'='1", "x'; drop table points; --", "%", "_", "\\", "a%' escape 'a"):
        found = bench.client.get(
            "/list_of_alerts",
            params={"search": words, "format": "json", "hashtag": bench.keys["observer"]},
        )
        assert found.json() == [], words
        params = {"alert_name": words, "hashtag": bench.keys["observer"]}
        assert bench.client.get("/get_alert_lc_data", params=params).status_code == 404
        number = {"alert_id": words, "hashtag": bench.keys["observer"]}
        assert bench.client.get("/get_alert_lc_data", params=number).status_code == 400
    assert len(bench.curve().json()["rows"]) == 1


def test_no_path_of_a_client_is_a_path(bench: Any) -> None:
    for path in (
        "/static/../tables.py",
        "/static/..%2ftables.py",
        "/static/%2e%2e%2ftables.py",
        "/static//etc/passwd",
        "/followup/static/..%5c..%5ctables.py",
        "/followup_data?followupid=../../etc/passwd&hashtag=" + bench.keys["observer"],
    ):
        answer = bench.client.get(path)
        assert answer.status_code in {400, 404}, path
        assert "import" not in answer.text


def upload(bench: Any, content: bytes, name: str = "test.cat") -> Any:
    start = time.monotonic()
    answer = bench.client.post(
        "/followup/cgi/upload",
        data={
            "EventID": EVENT,
            "MJD": "58000",
            "dryRun": "1",
            "outputFormat": "json",
            "hashtag": bench.keys["observer"],
        },
        files={"sexCat": (name, content)},
    )
    assert time.monotonic() - start < 60
    return answer


def fits_bomb() -> bytes:
    """Return a header that promises a table of terabytes."""
    table = fits.BinTableHDU(np.zeros(1, dtype=[("ALPHA_J2000", "f8"), ("DELTA_J2000", "f8")]))
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(buffer)
    return buffer.getvalue().replace(
        b"NAXIS2  =                    1", b"NAXIS2  =       99999999999999"
    )


def laughs() -> bytes:
    """Return a VOTable whose entities grow to gigabytes."""
    entities = "".join(
        f'<!ENTITY l{n} "{"&l" + str(n - 1) + ";" if n else "lol"}{"&l0;" * 0}'
        f'{("&l" + str(n - 1) + ";") * 9 if n else ""}">'
        for n in range(12)
    )
    return (
        f'<?xml version="1.0"?><!DOCTYPE VOTABLE [{entities}]><VOTABLE version="1.3">'
        "<RESOURCE><TABLE><DESCRIPTION>&l11;</DESCRIPTION></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def endless_header() -> bytes:
    """Return a FITS header of a million cards without an end."""
    return b"SIMPLE  =                    T".ljust(80) + b"COMMENT hello".ljust(80) * 12000


def test_hostile_lists_are_one_sentence(bench: Any, settings: Any) -> None:
    """One after another through one calibrating child, which an honest list needs next."""
    hostile = {
        "fits bomb": fits_bomb(),
        "billion laughs": laughs(),
        "endless header": endless_header(),
        "gzip bomb": gzip.compress(b"\0" * 60_000_000, 6),
        "nothing but NUL": b"\0" * 100_000,
        "no lines": b"#" * 500_000,
        "a ZIP": b"PK\x03\x04" + b"\xff" * 1000,
        "external entity": b'<?xml version="1.0"?><!DOCTYPE V [<!ENTITY x SYSTEM '
        b'"file:///etc/passwd">]><VOTABLE>&x;</VOTABLE>',
    }
    for what, content in hostile.items():
        assert len(content) < settings.largest_body, what
        answer = upload(bench, content, "../../etc/passwd\x00<script>.cat")
        assert 400 <= answer.status_code < 500, what
        assert 0 < len(answer.text) <= 100, (what, answer.text)
        assert "root:" not in answer.text
    table = b"#   1 ALPHA_J2000 ra [deg]\n#   2 DELTA_J2000 dec [deg]\n#   3 MAG_AUTO m [mag]\n"
    table += b"#   4 MAGERR_AUTO e [mag]\n" + b"".join(
        b"%.5f %.5f 12.0 0.01\n" % (10.0 + 0.002 * n, 20.0 + 0.003 * (n % 7)) for n in range(50)
    )
    honest = upload(bench, table)
    assert honest.status_code == 400
    assert "survey" in honest.text.lower()


def test_long_bodies_and_many_fields_are_refused(bench: Any, settings: Any) -> None:
    assert upload(bench, b"x" * (settings.largest_body + 1)).status_code == 413
    many = {f"f{n}": "x" for n in range(2000)}
    answer = bench.client.post("/cgi/newevent", files={k: (None, v) for k, v in many.items()})
    assert 400 <= answer.status_code < 500
    long = bench.client.post("/cgi/newevent", files={"EventID": (None, "x" * 200_000)})
    assert 400 <= long.status_code < 500
