"""One shape of error on the new wire; one short line on the old."""

from __future__ import annotations

from typing import Any

from cpcs_desktop.wire import PROTOCOL_HEADER, ErrorBody

API_ERRORS = [
    ("GET", "/api/v1/nowhere", 404),
    ("GET", "/api/nowhere", 404),
    ("PATCH", "/api/v1/me", 405),
    ("GET", "/api/v1/points/no-uuid", 422),
    ("GET", "/api/v1/events?ra=1", 422),
    ("GET", "/api/v1/events?ra=nan&dec=1&radius=1", 422),
    ("GET", "/api/v1/events?updated_since=2026-01-01T00:00:00", 422),
    ("GET", "/api/v1/events?cursor=x", 422),
    ("GET", "/api/v1/light-curve", 422),
    ("GET", "/api/v1/light-curve?ivorn=x&since=99999999999", 422),
    ("GET", "/api/v1/light-curve?ivorn=%00", 404),
    ("GET", "/api/v1/events?ivorn=%00", 422),
    ("POST", "/api/v1/events", 422),
]


def test_api_errors_have_one_shape(bench: Any) -> None:
    for verb, path, status in API_ERRORS:
        for prefix in ("", "/followup"):
            answer = bench.client.request(verb, prefix + path, headers=bench.auth())
            expected = status
            if "%00" in path and bench.database.is_sqlite and status == 422:
                expected = 200  # SQLite can look for NUL and finds nothing
            assert answer.status_code == expected, answer.text
            if expected != 200:
                body = ErrorBody.model_validate_json(answer.content)
                assert body.message.endswith(".")


def test_the_unexpected_is_one_sentence_too(bench: Any, monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr(type(bench.database), "check", lambda self: 1 / 0)
    answer = bench.client.get("/api/v1/health")
    assert answer.status_code == 500
    assert ErrorBody.model_validate_json(answer.content).code == "server_error"
    assert "ZeroDivisionError" not in answer.text
    caplog.clear()


def test_protocols_too_far_apart_refuse_each_other(bench: Any) -> None:
    for theirs in ("0", "99", "x"):
        headers = {**bench.auth(), PROTOCOL_HEADER: theirs}
        answer = bench.client.get("/api/v1/me", headers=headers)
        assert answer.status_code == 426
        assert ErrorBody.model_validate_json(answer.content).code == "protocol"
        assert bench.client.get("/api/v1/version", headers=headers).status_code == 200
    good = bench.client.get("/api/v1/me", headers={**bench.auth(), PROTOCOL_HEADER: "1"})
    assert good.headers[PROTOCOL_HEADER] == "1"


OLD_ERRORS = [
    ("GET", "/get_alert_lc_data?alert_id=99999&hashtag="),
    ("GET", "/get_alert_lc_data?alert_name=ivo://" + "x" * 300 + "&hashtag="),
    ("GET", "/get_alert_lc_data?hashtag="),
    ("GET", "/get_alert_lc_data?alert_id=-1&hashtag="),
    ("GET", "/get_alert_lc_data?alert_name=%00&hashtag="),
    ("GET", "/nowhere?"),
    ("PATCH", "/list_of_alerts?"),
    ("POST", "/cgi/upload?"),
    ("POST", "/cgi/newevent?"),
    ("POST", "/cgi/upload?hashtag="),
]


def test_old_wire_errors_are_one_short_line(bench: Any) -> None:
    for verb, path in OLD_ERRORS:
        for prefix in ("", "/followup"):
            answer = bench.client.request(verb, prefix + path + bench.keys["observer"])
            assert 400 <= answer.status_code < 500
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert 0 < len(answer.text) <= 100
            assert "\n" not in answer.text
            assert bench.keys["observer"] not in answer.text
