"""From the file to the shared light curve, with the real server, and without it."""

from __future__ import annotations

import csv
import io
import json
import signal
from typing import Any

from click.testing import Result

#: How the band is chosen is not the question here.
R = ("--force-filter", "any/r")


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_offline_first_then_by_itself(night: Any, run: Any, real_server: Any) -> None:
    event = night.event
    run("event", "add", event["event"], "--ra", str(event["ra"]), "--dec", str(event["dec"]))
    frames = night.files("frames")

    offline = run("submit", *frames, "--event", "auto", *R, "--json")
    assert offline.exit_code == 0, offline.stderr
    assert [line["path"] for line in lines(offline)] == frames
    assert {line["submission"]["state"] for line in lines(offline)} == {"WAITING"}
    assert run("queue", "push").exit_code == 1

    key = real_server.new_key("Ostrowik")["key"]
    login = run("login", real_server.url, "--keep-in-file", "--json", text=key + "\n")
    assert json.loads(login.stdout)["observatory"] == "Ostrowik"
    assert key not in login.output
    real_server.stop(signal.SIGKILL)
    down = run("queue", "push")
    assert down.exit_code == 1
    assert "does not answer" in down.stderr
    real_server.start()

    pushed = run("queue", "push", "--json")
    assert pushed.exit_code == 0, pushed.stderr
    assert [p["state"] for p in lines(pushed)] == ["STORED"] * 3

    again = run("submit", *frames, "--event", event["event"], *R, "--json")
    assert {line["submission"]["revision"] for line in lines(again)} == {1}
    assert len(lines(run("queue", "list", "--json"))) == 3

    shown = run("lightcurve", event["event"], "--format", "csv")
    points = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert {p["observatory"] for p in points} == {"Ostrowik"}
    for point, name in zip(points, sorted(n for n in night.truth if "frames" in n), strict=True):
        truth = night.truth[name]
        if point["is_limit"] == "false":
            off = abs(float(point["mag"]) - truth["mags"][point["band"]])
            assert off < 4 * float(point["mag_err_total"]), (point, truth["mag"])
        else:
            assert truth["mag"] > float(point["mag"]) - 0.5

    real_server.stop()
    cached = run("lightcurve", event["event"], "--format", "csv")
    assert cached.stdout == shown.stdout
    assert "fetched last" in cached.stderr


def test_a_better_reduction_supersedes_and_a_withdrawal_hides(
    night: Any, run: Any, real_server: Any
) -> None:
    event = night.event
    run("event", "add", event["event"], "--ra", str(event["ra"]), "--dec", str(event["dec"]))
    run("login", real_server.url, "--keep-in-file", text=real_server.new_key()["key"] + "\n")
    frame = night.files("frames")[1]
    words = ["submit", frame, "--event", event["event"], "--json"]
    [first] = lines(run(*words, "--force-filter", "SDSS/r"))
    [second] = lines(run(*words, "--force-filter", "APASS/r", "--accept-red"))
    assert (first["submission"]["state"], second["submission"]["state"]) == ("STORED", "STORED")
    assert (first["submission"]["revision"], second["submission"]["revision"]) == (1, 2)
    [shown] = json.loads(run("lightcurve", event["event"]).stdout)["catalog"]
    assert shown == "APASS"

    withdrawn = run(
        "queue", "withdraw", first["submission"]["point_id"], "--reason", "a trail", "--json"
    )
    assert lines(withdrawn)[0]["tombstone"] == "DONE"
    assert json.loads(run("lightcurve", event["event"]).stdout)["mjd"] == []
    [back] = lines(run(*words, "--force-filter", "SDSS/r"))
    assert (back["submission"]["state"], back["submission"]["revision"]) == ("STORED", 3)


def test_a_dry_run_and_what_is_not_accepted(night: Any, run: Any, real_server: Any) -> None:
    event = night.event
    run("event", "add", event["event"], "--ra", str(event["ra"]), "--dec", str(event["dec"]))
    run("login", real_server.url, "--keep-in-file", text=real_server.new_key()["key"] + "\n")
    frame = night.files("frames")[1]
    [dry] = lines(run("submit", frame, "--event", "auto", *R, "--dry-run", "--json"))
    assert dry["submission"]["state"] == "DRY_RUN"
    assert run("queue", "list", "--json").stdout == ""

    # A list carries no time: it fails alone, and the next input goes on.
    nowhere = str(night.folder / "nothing.fits")
    both = run("submit", night.files("lists")[0], nowhere, frame, "--event", "auto", *R, "--json")
    assert both.exit_code == 1
    assert [line["status"] for line in lines(both)] == ["failed", "failed", "ok"]
    assert [line["error"]["code"] for line in lines(both)[:2]] == ["no_date", "unreadable"]
    assert run("submit", frame).exit_code == 2


def test_a_revoked_key_kills_no_point(night: Any, run: Any, real_server: Any) -> None:
    event = night.event
    run("event", "add", event["event"], "--ra", str(event["ra"]), "--dec", str(event["dec"]))
    made = real_server.new_key()
    run("login", real_server.url, "--keep-in-file", text=made["key"] + "\n")
    real_server.program("key", "revoke", made["prefix"])
    sent = run("submit", night.files("frames")[1], "--event", "auto", *R, "--json")
    [line] = lines(sent)
    assert line["submission"]["state"] == "WAITING"
    assert sent.exit_code == 0
    refused = run("login", real_server.url, text=made["key"] + "\n")
    assert refused.exit_code == 1
    fresh = real_server.new_key()["key"]
    assert run("login", real_server.url, "--keep-in-file", text=fresh + "\n").exit_code == 0
    assert run("queue", "push").exit_code == 0


def test_an_event_of_the_server_needs_no_local_list(night: Any, run: Any, real_server: Any) -> None:
    event = night.event
    real_server.program(
        "event", "add", event["event"], "--ra", str(event["ra"]), "--dec", str(event["dec"])
    )
    run("login", real_server.url, "--keep-in-file", text=real_server.new_key()["key"] + "\n")
    [line] = lines(run("submit", night.files("frames")[1], "--event", "auto", *R, "--json"))
    assert line["submission"]["state"] == "STORED"
    assert lines(run("event", "list", "--json"))[0]["ivorn"] == event["event"]
